"""Words that are kept out of prompts, and what is for age-restricted channels only."""

from __future__ import annotations

from pathlib import Path

from bot.sandbox import Person, Sandbox, Upload
from tests.bot.end_to_end.process import Setup, run_to_end, running
from tests.bot.end_to_end.sheets import sheet_of
from tests.bot.end_to_end.test_buttons import posted, said
from tests.bot.end_to_end.test_lora import lora

MANAGE_MESSAGES = 1 << 13


async def test_words_are_kept_out_and_covered_by_owner_and_server(
    setup: Setup, discord: Sandbox, ada: Person, tmp_path: Path
) -> None:
    withhold, spoiler = tmp_path / "withhold.txt", tmp_path / "spoiler.txt"
    withhold.write_text("wanker # this is a family server\n", "utf-16")
    spoiler.write_text("/blo+d/\n")
    moderator = discord.person("mia", permissions=MANAGE_MESSAGES)
    setup.engine = "tests.bot.engines.draws:create"
    lists = {"withhold": [str(withhold)], "spoiler": [str(spoiler)]}
    async with running(setup.write(moderation=lists), discord):
        await discord.commands_registered()
        answer = await said(await ada.slash("gif", prompt="a W a n k e r in rain"))
        assert answer == "That isn't made here: this is a family server"
        made = await posted(await ada.slash("gif", prompt="a lot of BL00D", frames=2))
        assert made.files[0].filename.startswith("SPOILER_")

        assert "delete others' messages" in await said(
            await ada.slash("moderation words", list="withhold")
        )
        form = await moderator.slash("moderation words", list="withhold")
        await form.acknowledged()
        sent = await moderator.submit(form, words="numpty\n/(/")
        assert "Line 2 of that list is wrong" in await said(sent)
        form = await moderator.slash("moderation words", list="withhold")
        await form.acknowledged()
        assert "1 entry" in await said(await moderator.submit(form, words="numpty"))
        broken = Upload("list.txt", "für".encode("latin-1"))
        answer = await said(await moderator.slash("moderation words", list="allow", file=broken))
        assert "isn't UTF-8 text" in answer
        listed = Upload("list.txt", b"Numpty Dumpty\n")
        answer = await said(await moderator.slash("moderation words", list="allow", file=listed))
        assert "1 entry" in answer
        assert '"numpty" isn\'t allowed here' in await said(
            await ada.slash("gif", prompt="a nump\u200bty")
        )
        made = await posted(await ada.slash("gif", prompt="Numpty Dumpty", frames=2))
        # elsewhere the server's list is nobody's business
        await posted(await ada.in_dm().slash("gif", prompt="a numpty", frames=2))
        # words of a caption are posted as well
        form = await ada.choose(await sheet_of(ada, made), "pick:more", "caption")
        await form.acknowledged()
        assert "numpty" in await said(await ada.submit(form, caption="numpty!"))
        assert len(setup.rows()) == 3


async def test_what_is_marked_adult_is_made_in_age_restricted_channels_alone(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    late = ada.at(discord.add_channel("late", nsfw=True))
    setup.engine = "tests.bot.engines.draws:create"
    style = {"prompt": "{prompt}, noir", "adult": True}
    async with running(setup.write(**{"styles.noir": style}), discord):
        await discord.commands_registered()
        for person in (ada, ada.in_dm()):
            answer = await said(await person.slash("gif", prompt="x", style="noir"))
            assert answer == "noir is for age-restricted channels only; use it in one of those."
        await posted(await late.slash("gif", prompt="x", style="noir", frames=2))
        await said(
            await ada.slash("lora add", name="ink", file=Upload("a", lora(words="ink")), adult=True)
        )
        assert "ink is for age-restricted" in await said(
            await ada.slash("gif", prompt="x", lora="ink")
        )
        await posted(await late.slash("gif", prompt="x", lora="ink", frames=2))
        await said(await ada.slash("lora share", lora="ink", who="me", adult=False))
        await posted(await ada.slash("gif", prompt="x", lora="ink", frames=2))


async def test_a_list_that_cannot_be_read_keeps_the_bot_from_starting(
    setup: Setup, tmp_path: Path
) -> None:
    listed = tmp_path / "words.txt"
    listed.write_bytes("für".encode("utf-32"))
    config = setup.write(moderation={"withhold": [str(listed)]})
    code, output = await run_to_end(config)
    assert code == 2
    assert f"The list of words {listed} is in UTF-32; save it as UTF-8." in output
    listed.write_text("/(/")
    _, output = await run_to_end(config, "doctor")
    assert f"FIX  words: {listed}: Line 1 of that list is wrong" in output
