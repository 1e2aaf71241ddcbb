"""Suggest completes a prompt from what is made here, and tells nobody of others' private GIFs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import discord as discord_py

from bot.app.client import HotshotClient
from bot.commands.suggest import readable_channels
from bot.core.config import DiscordSettings
from bot.sandbox import Person, Sandbox
from bot.sandbox.model import Message
from tests.bot.end_to_end.panels import fill, made_by, panel_of
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import forge, posted, request_of, said

_STYLES = {"styles.noir": {"prompt": "{prompt}, film noir"}}
_READ = 0x400 | 0x10000  # view channel, read message history


async def suggestions(person: Person, panel: Message) -> list[str]:
    await (await person.press(panel, "Suggest")).acknowledged()
    menus = [part for part in panel.components_flat if part.get("options")]
    return [option["label"].partition(". ")[2] for menu in menus for option in menu["options"]]


async def test_a_prompt_goes_on_as_what_was_posted_for_all(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    art = discord.add_channel("art")
    cellar = discord.add_channel("cellar", nsfw=True)
    async with running(setup.write(**_STYLES), discord) as bot:
        nothing = await panel_of(await bob.slash("gif"))
        assert await suggestions(bob, nothing) == []
        assert "nothing to suggest yet" in nothing.text
        for person, prompt in (
            (ada, "a lighthouse, heavy rain"),
            (ada.at(art), "a harbour at night, fog"),
            (ada.at(cellar), "what the cellar hides"),
            (ada.in_dm(), "said in a direct message"),
            (bob.in_dm(), "bob's own idea"),
        ):
            await posted(await person.slash("gif", prompt=prompt))
        secret: dict[str, dict[str, Any]] = {
            "Words": {"prompt": "my private wish"},
            "Result": {"private": True},
        }
        await posted(await made_by(ada, await ada.slash("gif"), secret))
        await setup.all_over()

        panel = await panel_of(await bob.slash("gif"))
        assert await suggestions(bob, panel) == [
            "bob's own idea",
            "a harbour at night, fog",
            "a lighthouse, heavy rain",
        ]
        await (await bob.press(panel, "All settings")).acknowledged()
        await fill(bob, panel, "Words", prompt="a boat, he")
        assert await suggestions(bob, panel) == ["a boat, heavy rain"]
        await (await bob.choose(panel, "Choose one…", "1. a boat, heavy rain")).acknowledged()
        assert "a boat, heavy rain" in panel.text
        assert await suggestions(bob, panel) == [
            "a boat, heavy rain, fog",
            "a boat, heavy rain, film noir",
        ]
        [pick] = [part["custom_id"] for part in panel.components_flat if part.get("options")]
        wrong = await bob.careless().choose(panel, "Choose one…", "99")
        assert "press Suggest again" in await said(wrong)
        [back] = [each["custom_id"] for each in panel.buttons]
        stolen = await ada.press(forge(await panel_by(ada), back), back)
        assert "is somebody else's" in await said(stolen)
        assert pick.startswith("pick:panel_suggest_pick:")
        await (await bob.press(panel, "All settings")).acknowledged()
        made = await request_of(await bob.press(panel, "Go"))
        assert made["prompt"] == "a boat, heavy rain"
        await setup.all_over()

        in_dm = await panel_of(await ada.in_dm().slash("gif"))
        own = await suggestions(ada, in_dm)
        assert set(own) >= {"my private wish", "said in a direct message"}
        assert "bob's own idea" not in own
        assert "Traceback" not in bot.log


async def panel_by(person: Person) -> Message:
    return await panel_of(await person.slash("gif"))


async def test_channels_that_somebody_may_not_read_are_left_out() -> None:
    state = HotshotClient(DiscordSettings())._connection

    def channel(number: int, *, denied: int = 0, nsfw: bool = False) -> dict[str, Any]:
        denial = {"id": "1", "type": 0, "allow": "0", "deny": str(denied)}
        return {
            "id": str(number),
            "type": 0,
            "name": "x",
            "position": 0,
            "nsfw": nsfw,
            "permission_overwrites": [denial],
        }

    everyone = {"id": "1", "name": "@everyone", "permissions": str(_READ), "position": 0}
    data: Any = {
        "id": "1",
        "name": "g",
        "owner_id": "9",
        "roles": [everyone | {"color": 0, "hoist": False, "managed": False}],
        "channels": [
            channel(10),
            channel(11, denied=0x400),
            channel(12, denied=0x10000),
            channel(13, nsfw=True),
        ],
    }
    guild = discord_py.Guild(data=data, state=state)
    data = {
        "user": {"id": "5", "username": "u", "discriminator": "0", "avatar": None},
        "roles": [],
        "flags": 0,
    }
    member = discord_py.Member(data=data, guild=guild, state=state)

    def readable(number: int) -> set[int]:
        here = guild.get_channel(number)
        asked: Any = SimpleNamespace(channel=here, channel_id=number, guild=guild, user=member)
        return set(readable_channels(asked))

    assert readable(10) == {10}
    assert readable(13) == {10, 13}
    assert readable(11) == {10, 11}  # they are there, so they may read it
