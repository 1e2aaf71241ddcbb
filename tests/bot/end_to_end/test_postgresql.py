"""A whole bot on PostgreSQL: killed, alone on its database, backed up, and moved there before."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox import Person, Sandbox
from tests.bot.end_to_end.process import Bot, Setup, running
from tests.bot.end_to_end.test_backup import command
from tests.bot.end_to_end.test_buttons import posted, said
from tests.patience import until
from tests.postgres import cluster, connect

pytestmark = pytest.mark.slow


async def test_a_bot_on_postgresql(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person, tmp_path: Path
) -> None:
    async with running(setup.write(), discord):
        await posted(await ada.slash("gif", prompt="of before"))
        await setup.all_over()
    with cluster() as url:
        code, told = await command(setup, "move", url)
        assert (code, "as many as there were" in told) == (0, True), told
        setup.engine = "slow:create"
        config = setup.write(storage={"database_url": url})
        async with running(config, discord) as bot:
            sent = await ada.slash("gif", prompt="slow", steps=50)
            await bot.logged("running, attempt 1")
            waiting = await bob.slash("gif", prompt="next", steps=1)
            await waiting.acknowledged()
            other = replace(setup, directory=tmp_path / "other")
            other.directory.mkdir()
            second = await Bot.start(other.write(storage={"database_url": url}))
            assert await second.process.wait() == 2
            assert "already uses the database" in second.log
            code, told = await command(other, "backup", str(tmp_path / "a.tar"))
            assert (code, "3 jobs" in told) == (0, True), told
            await bot.stop(signal.SIGKILL)
        async with running(config, discord) as bot:
            for one in (sent, waiting):
                await posted(one)
            assert "of before" in await said(await ada.slash("history"))
            with connect(url) as outside:
                query = "SELECT count(*) FROM jobs WHERE state = 'done'"
                await until(lambda: outside.execute(query).fetchone() == (3,))
                # the bot that has lost its connection finds another one in its place
                outside.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND datname = current_database()"
                )
                outside.execute(
                    "SELECT pg_advisory_lock(1752134771, hashtext(current_schema()) & 2147483647)"
                )
                assert await bot.process.wait() == 2
            assert "has taken over the database" in bot.log
            assert "Traceback" not in bot.log
