"""``doctor`` finds what ``run`` would fail of, and nothing else."""

from __future__ import annotations

import base64
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox import Sandbox
from generator.contract.worker_settings import HOTSHOT_ENGINE
from tests.bot.end_to_end.process import Bot, Setup, run_command, running
from tests.bot.fork_server import ROOT

TINY = ROOT / "tests" / "data" / "reference" / "tiny"
Sections = dict[str, dict[str, Any]]


async def doctor(setup: Setup, *flags: str, **values: dict[str, Any]) -> tuple[int, list[str]]:
    """The exit code, and what was printed, in lines."""
    (setup.directory / "bot.log").unlink(missing_ok=True)
    config = setup.write(**values)
    code, printed = await run_command(setup.directory, "doctor", "--config", str(config), *flags)
    return code, printed.splitlines()


async def mended(setup: Setup, *flags: str, **values: dict[str, Any]) -> tuple[str, str]:
    """The one thing that is to be mended: its subject, and the sentence."""
    code, lines = await doctor(setup, *flags, **values)
    assert code == 1, lines
    [line] = [line for line in lines if not line.startswith(("ok   ", "note "))]
    assert line.startswith("FIX  ")
    assert line.endswith(".")
    subject, _, sentence = line.removeprefix("FIX  ").partition(": ")
    return subject, sentence


def real(model: Path | str = "nano", **values: Any) -> Sections:
    return {"generator": {"engine": HOTSHOT_ENGINE, "model": str(model), **values}}


async def test_a_good_set_up_passes_and_a_usual_depth_model_that_can_not_be_fetched_is_a_note(
    setup: Setup, discord: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(setup.directory / "empty"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    code, lines = await doctor(setup, "--online", **real())
    assert code == 0, lines
    [note] = [line for line in lines if not line.startswith("ok   ")]
    assert note.startswith("note depth model: GIFs that follow depth will fail")
    subjects = [line.split(maxsplit=1)[1].partition(":")[0] for line in lines]
    assert subjects == [
        *("packages", "config", "token", "discord", "login", "data directory", "disk"),
        *("database", "device", "model", "memory", "depth model"),
    ]
    assert not setup.data.exists()
    assert not discord.registrations
    assert discord.violations == []


async def test_a_set_up_that_runs_passes_meanwhile(setup: Setup, discord: Sandbox) -> None:
    async with running(setup.write(**real(TINY)), discord) as bot:
        await bot.logged("ready on cpu")
        config = setup.directory / "config.toml"
        asked = await Bot.launch(setup.directory / "asked.log", "doctor", "--config", str(config))
        assert await asked.process.wait() == 0, asked.log
        assert f"in use by the running bot (process {bot.process.pid})" in asked.log


def truncated(directory: Path) -> Sections:
    """A model whose largest file broke off while it was copied."""
    model = directory / "model"
    shutil.copytree(TINY, model)
    [weights] = (model / "unet").glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1000])
    return real(model)


async def test_what_no_worker_could_start_with(setup: Setup, discord: Sandbox) -> None:
    """Of a kind, all told; tests/generator/inference/test_preflight.py has the others."""
    values = truncated(setup.directory)
    values["generator"]["depth_model"] = "/nowhere"
    code, lines = await doctor(setup, **values)
    assert code == 1, lines
    model, depth = (line for line in lines if not line.startswith(("ok   ", "note ")))
    subject, _, sentence = model.removeprefix("FIX  ").partition(": ")
    assert subject == "model"
    assert depth.startswith("FIX  depth model: ")
    assert "/nowhere" in depth
    async with running(setup.write(**values), discord) as bot:
        await bot.logged(sentence)


def with_a_later_database(directory: Path) -> Sections:
    (directory / "data").mkdir()
    with sqlite3.connect(directory / "data" / "hotshot.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    return {}


def with_a_file_for_data(directory: Path) -> Sections:
    (directory / "data").touch()
    return {"storage": {"min_free_mb": 0}}


@pytest.mark.parametrize(
    ("broken", "subject"),
    [
        (lambda _: {"discord": {"token": ""}}, "token"),
        (lambda _: {"discord": {"base_url": "http://192.0.2.1:9"}}, "discord"),
        (lambda _: {"queue": {"size": "many"}}, "config"),
        (lambda _: {"generator": {"model": "/nowhere/at/all"}}, "model"),
        (lambda _: {"storage": {"database_url": "sqlite:////nowhere/at/all.db"}}, "database"),
        (lambda _: {"storage": {"database_url": "certainly not"}}, "database"),
        (with_a_later_database, "database"),
        (with_a_file_for_data, "data directory"),
    ],
)
async def test_what_run_refuses_to_start_with(
    setup: Setup, broken: Callable[[Path], Sections], subject: str
) -> None:
    values = broken(setup.directory)
    found, _ = await mended(setup, **values)
    assert found == subject
    bot = await Bot.start(setup.write(**values))
    assert await bot.process.wait() == 2, bot.log


async def test_an_engine_that_is_not_there(setup: Setup) -> None:
    subject, sentence = await mended(setup, generator={"engine": "no.such.module:create"})
    assert subject == "engine"
    assert "no.such.module" in sentence


async def test_a_disk_without_the_room_that_is_to_stay_free(setup: Setup) -> None:
    subject, sentence = await mended(setup, storage={"min_free_mb": 10**9})
    assert subject == "disk"
    assert "storage.min_free_mb" in sentence


async def test_a_token_that_discord_refuses(setup: Setup) -> None:
    subject, sentence = await mended(setup, "--online", discord={"token": "wrong"})
    assert subject == "login"
    assert "refuses the bot's token" in sentence


async def test_a_discord_that_is_not_there(setup: Setup) -> None:
    subject, sentence = await mended(setup, "--online", discord={"base_url": "http://127.0.0.1:9"})
    assert subject == "login"
    assert "can't be reached" in sentence


GOOD_TOKEN = f"{base64.b64encode(b'123456789012345678').decode()}.GabcDe.{'x' * 38}"


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (GOOD_TOKEN, ""),
        (f"Bot {GOOD_TOKEN}", 'leave out "Bot"'),
        ("123456789012345678", "perhaps the application's id"),
        ("abcDEF0123456789abcDEF0123456789", "three parts"),
        (f"{GOOD_TOKEN[:30]} {GOOD_TOKEN[30:]}", "three parts"),
        (f"x{GOOD_TOKEN}", "isn't a bot's id"),
        (f'"{GOOD_TOKEN}"', "three parts"),
    ],
)
async def test_the_shape_of_a_token(setup: Setup, token: str, words: str) -> None:
    config = setup.write(discord={"token": "TOKEN", "base_url": "https://discord.com"})
    config.write_text(config.read_text().replace('"TOKEN"', f"'{token}'"))
    code, printed = await run_command(setup.directory, "doctor", "--config", str(config))
    [line] = [line for line in printed.splitlines() if " token: " in line]
    assert line.startswith("FIX" if words else "ok")
    assert words in line
    assert (code == 1) == bool(words), printed
    assert token not in printed
