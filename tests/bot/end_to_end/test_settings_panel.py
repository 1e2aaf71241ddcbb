"""/settings shows a panel: forms for one's own defaults, and for who manages a server."""

from __future__ import annotations

from bot.sandbox import MANAGE_GUILD, Person, Sandbox
from tests.bot.end_to_end.panels import fill
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import forge, posted, said
from tests.bot.end_to_end.test_who_may import submit


async def test_settings_are_forms_of_a_panel(setup: Setup, discord: Sandbox, ada: Person) -> None:
    """What is refused keeps what was typed; a right that was taken away is asked for again."""
    setup.engine = "tests.bot.engines.draws:create"
    manager = discord.person("mia", permissions=MANAGE_GUILD)
    there = discord.add_channel("gifs")
    async with running(setup.write(), discord) as bot:
        mine = await (await ada.slash("settings mine")).message()
        assert "Nothing is set" in mine.text
        await fill(ada, mine, "Size and length", size="wide")
        await fill(ada, mine, "Result", private=True)
        assert "size: wide" in mine.text
        assert (await posted(await ada.slash("gif", prompt="x"))).ephemeral
        refused = await fill(ada, mine, "First picture", image_strength="7")
        told = await refused.message(lambda message: "image strength" in message.text)
        assert [button["label"] for button in told.buttons] == ["Open the form again"]
        await fill(ada, mine, "Size and length", size=[])
        assert "wide" not in mine.text

        rules = await (await manager.slash("settings server")).message()
        await fill(manager, rules, "Who may use the bot, and where", channels=[there], waiting="3")
        assert f"<#{there.id}>" in rules.text
        assert "waiting per person: 3" in rules.text
        assert "GIFs are made in" in await said(await ada.slash("gif", prompt="x"))
        form = await manager.press(rules, "Size and length")
        await form.acknowledged()
        custom_id = form.modal["custom_id"]
        assert "Only people who can manage" in await said(submit(form, ada, custom_id))
        unknown = "do:set_mine_loras:0"
        assert "another version" in await said(await ada.press(forge(mine, unknown), unknown))
        assert "Traceback" not in bot.log
