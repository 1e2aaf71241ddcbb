"""What one person could send to be left without an answer, or to leave others without the bot."""

from __future__ import annotations

import pytest

from bot.sandbox import Person, Sandbox
from tests.bot.end_to_end import forged
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.test_buttons import posted, said
from tests.patience import until


async def test_frames_that_are_no_strict_json_are_skipped_and_logged(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    async with running(setup.write(), discord) as bot:
        forged.altered(discord, ada, "help", {"odd": float("nan")})
        forged.altered(discord, ada, "help", {"odd": float("inf")})
        await posted(await ada.slash("gif", prompt="a cat"))
        assert bot.log.count("a frame of the gateway is skipped") == 2
        assert discord.gateway.identified == 1
        assert discord.gateway.resumed == 0


@pytest.mark.parametrize("prompt", ["\ud800", "x\ud83c", "a\0b"])
async def test_text_that_cant_be_sent_or_kept_is_cleaned_on_its_way_in(
    setup: Setup, discord: Sandbox, ada: Person, prompt: str
) -> None:
    async with running(setup.write(), discord) as bot:
        await posted(await ada.slash("gif", prompt=prompt + " cat", negative_prompt=prompt))
        assert await ada.autocomplete("show", "id", prompt) is not None
        assert "Traceback" not in bot.log


async def test_a_refusal_is_answered_however_long_it_is(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    async with running(setup.write(), discord) as bot:
        for name, value in (("size", "s" * 5000), ("seed", "9" * 6000), ("steps", "[" * 3000)):
            answer = await said(forged.command(discord, ada, "gif", prompt="x", **{name: value}))
            assert answer.strip()
        assert "Traceback" not in bot.log


async def test_log_lines_say_who_where_and_which_job(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    async with running(setup.write(), discord) as bot:
        await posted(await ada.slash("gif", prompt="x"))
        await setup.all_over()
        [job] = setup.rows("id, user_id, guild_id, channel_id")
        ids = (
            f"job={job['id']} user={job['user_id']} server={job['guild_id']} "
            f"channel={job['channel_id']}"
        )

        def are_logged() -> bool:
            lines = [line for line in bot.log.splitlines() if ids in line]
            said = ("accepted as number 1", "running, attempt 1", "done, attempt 1")
            return all(any(words in line for line in lines) for words in said)

        await until(are_logged, lambda: bot.log)  # lines are written once the rows are
