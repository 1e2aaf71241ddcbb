"""A Discord of another version: fields left out, fields unheard of, events that make no sense."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from bot.sandbox import Message, Person, Sandbox, discord_json
from bot.sandbox.world import Dispatch
from tests.bot.end_to_end.forged import altered, press
from tests.bot.end_to_end.process import Setup, running


def holds(words: str, message: Message) -> bool:
    return words in message.text.lower()


BARE: dict[str, Any] = dict.fromkeys(
    ("attachment_size_limit", "version", "locale", "guild_locale", "guild", "app_permissions")
)


@pytest.mark.parametrize("place", ["server", "direct"])
async def test_an_interaction_with_little_in_it_is_served(
    setup: Setup, discord: Sandbox, ada: Person, place: str
) -> None:
    person = ada if place == "server" else ada.in_dm()
    least = BARE | {"channel": {"id": str(person.channel.id)}, "unheard_of": {"x": [1]}}
    no_channel = BARE | {"channel": None, "channel_id": str(person.channel.id)}
    async with running(setup.write(), discord):
        for changed in (least, no_channel):
            sent = altered(discord, person, "gif", changed, prompt="x")
            await sent.message(lambda message: message.results)
        await setup.all_over()
    assert {row["channel_id"] for row in setup.rows("channel_id")} == {person.channel.id}


async def test_a_press_needs_no_more_than_its_name(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    async with running(setup.write(), discord):
        message = await (await ada.slash("gif", prompt="x")).message(lambda each: each.results)
        await setup.all_over()
        again = f"do:again:{setup.rows('id')[0]['id']}"
        menu = again.replace("do:again", "pick:more")
        for custom_id, kind, words in (
            (again, 2, "seed"),
            (menu, 3, "isn't one of the choices"),
            ("never:heard:of", 2, "another version of the bot"),
            ("do:nothing:0", 2, "another version of the bot"),
        ):
            for said in ({"id": str(message.id)}, {"id": str(message.id), "components": []}):
                data = {"component_type": kind, "custom_id": custom_id, "values": ["x"]}
                pressed = press(discord, ada, message, data, said)
                await pressed.message(partial(holds, words))
        await setup.all_over()
    assert len(setup.rows()) == 3


async def test_what_the_gateway_says_twice_is_done_once(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    async with running(setup.write(), discord):
        sent = await ada.slash("gif", prompt="x")
        event = discord_json.interaction_event(discord.world, sent)
        discord.world.publish(Dispatch("INTERACTION_CREATE", event, guild_id=discord.guild.id))
        await sent.message(lambda message: message.results)
        await (await ada.slash("gif", prompt="y")).message(lambda message: message.results)
    assert len(setup.rows()) == 2


async def test_an_event_that_makes_no_sense_costs_nothing_but_a_line(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    async with running(setup.write(), discord) as bot:
        for name in ("INTERACTION_CREATE", "CHANNEL_CREATE", "GUILD_CREATE", "NEVER_HEARD_OF"):
            discord.world.publish(Dispatch(name, {"id": "nonsense"}, guild_id=None))
        await (await ada.slash("gif", prompt="x")).message(lambda message: message.results)
        assert bot.log.count("so it is skipped") == 3
