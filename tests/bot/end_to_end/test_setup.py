"""``hotshot-bot setup``: typed in a terminal, and by scripts, with the sandbox for Discord."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import re
import socket
from pathlib import Path
from typing import Any

import discord as discord_py
import pytest
from discord.http import Route

from bot.cli import setup as command
from bot.core.config import load
from bot.core.config_text import example_text, values_of
from bot.core.errors import ConfigError, StartupError, TokenError
from bot.sandbox import Sandbox
from tests.bot.end_to_end.terminal import CTRL_C, CTRL_D, Terminal

PERMISSIONS = "274878024704"
IN_TURN = ("-m", "tests.bot.end_to_end.commands_in_turn")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def is_there(file: Path) -> bool:
    return file.exists()


def content(file: Path) -> bytes:
    return file.read_bytes()


def values_in(file: Path) -> dict[str, Any]:
    return values_of(file.read_text(encoding="utf-8"))


def mode_of(file: Path) -> int:
    return file.stat().st_mode & 0o777


def write(file: Path, data: str | bytes, mode: int = 0o644) -> None:
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    file.chmod(mode)


def files_in(directory: Path) -> list[Path]:
    return sorted(directory.iterdir())


def expected(discord: Sandbox) -> dict[str, Any]:
    """What a new config says."""
    values = values_of(example_text())
    values["discord"] |= {"token": discord.token, "base_url": discord.url}
    return values


async def test_a_token_is_asked_for_and_all_is_ready(discord: Sandbox, config: Path) -> None:
    env = {"HOTSHOT_DISCORD__BASE_URL": discord.url}
    async with Terminal.running("-m", "bot", "setup", "--config", str(config), **env) as terminal:
        await terminal.shows("choose your application or make one, then Bot, then Reset Token.\n")
        await terminal.shows("Token (it isn't shown): ")
        terminal.type("not.the.token")
        await terminal.shows(f"{discord.url} refuses this token; copy it again")
        assert not is_there(config)
        await terminal.shows("Token (it isn't shown): ")
        terminal.type(discord.token)
        said = await terminal.shows("then type /gif in the server.\n")
        assert terminal.process.wait() == 0
    assert discord.token not in terminal.shown
    assert "not.the.token" not in terminal.shown
    application = discord.world.application_id
    invited = f"client_id={application}&scope=bot+applications.commands&permissions={PERMISSIONS}"
    for sentence in (
        f"Discord knows the bot as {discord.world.bot.username}.\n",
        f"Wrote {config}. It holds the token: keep it to yourself.\n",
        f"https://discord.com/oauth2/authorize?{invited}\n",
        f"Start it with `hotshot-bot run --config {config}`",
    ):
        assert sentence in said
    [registered] = discord.registrations
    assert f"Registered {len(registered.commands)} commands." in said
    assert mode_of(config) == 0o600
    assert values_in(config) == expected(discord)
    assert files_in(config.parent) == [config]


async def test_what_stops_it_changes_nothing(
    discord: Sandbox, config: Path, tmp_path: Path
) -> None:
    """Each case in turn: what is asked and typed, what is said then, and the exit code."""
    names = ("full", "empty", "closed", "silent")
    full, empty, closed, silent = (tmp_path / f"{name}.toml" for name in names)
    write(full, f'[discord]\ntoken = "{discord.token}"\nbase_url = "{discord.url}"\n')
    write(empty, f'[discord]\nbase_url = "{discord.url}"\n[queue]\nsize = 7\n')
    another = "full.toml already contains a token. Replace it? [y/N] "
    into_it = (
        "empty.toml exists already. Put the token into it? Everything else in it stays. [y/N] "
    )
    hidden = "Token (it isn't shown): "
    cases: list[tuple[Path, list[tuple[str, str]], str, int]] = [
        (config, [(hidden, CTRL_C)], "Stopped; nothing is changed.\n", 130),
        (config, [(hidden, CTRL_D)], "Stopped; nothing is changed.\n", 130),
        (config, [(hidden, "\n")] * 3, "Nothing was typed; paste the token, and press Enter.", 2),
        (full, [(another, CTRL_C)], "Stopped; nothing is changed.\n", 130),
        (full, [(another, "\n")], "Registered ", 0),
        (empty, [(into_it, CTRL_D)], "Stopped; nothing is changed.\n", 130),
        (empty, [(into_it, "no\n")], "empty.toml exists already and is left as it is; --rep", 2),
        (empty, [(into_it, "y\n"), (hidden, CTRL_C)], "Stopped; nothing is changed.\n", 130),
        (tmp_path / "no" / "c.toml", [], "There is no directory ", 2),
        (closed, [("stays. [y/N] ", "y\n"), (hidden, "a\n")], "can't be reached", 2),
        (
            silent,
            [("stays. [y/N] ", "y\n"), (hidden, "a\n"), ("Logging in at ", CTRL_C)],
            "Stopped; nothing is changed.\n",
            130,
        ),
    ]
    with socket.socket() as unheard, socket.socket() as mute:
        for file, at in ((closed, unheard), (silent, mute)):
            at.bind(("127.0.0.1", 0))
            write(file, f'[discord]\nbase_url = "http://127.0.0.1:{at.getsockname()[1]}"\n')
        mute.listen()  # and nobody answers; at the other address nobody listens
        before = {file: content(file) for file in (full, empty, closed, silent)}
        words = [json.dumps(["setup", "--config", str(file)]) for file, *_ in cases]
        async with Terminal.running(*IN_TURN, *words) as terminal:
            for file, dialogue, sentence, code in cases:
                said = ""
                for asked, keys in dialogue:
                    said += await terminal.shows(asked)
                    terminal.type(keys, end="")
                said += await terminal.shows(f"<{code}>\n")
                assert sentence in said, file
                assert "Traceback" not in said
            assert terminal.process.wait() == 0
    assert {file: content(file) for file in before} == before
    assert files_in(tmp_path) == sorted(before)
    assert len(discord.registrations) == 1


# -- scripts, in this process ----------------------------------------------------------------------


@pytest.fixture
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(discord_py.Asset, "BASE", discord_py.Asset.BASE)


async def run(config: Path, typed: str, monkeypatch: pytest.MonkeyPatch, *, replaces: bool) -> int:
    """Run the command with this on standard input, which is no terminal."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    arguments = argparse.Namespace(config=config, replace=replaces)
    return await asyncio.to_thread(command.execute, arguments)


@pytest.mark.usefixtures("_restored")
async def test_a_script_gives_the_token(
    discord: Sandbox,
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOTSHOT_DISCORD__BASE_URL", discord.url)
    with pytest.raises(TokenError, match="write it on standard input"):
        await run(config, "", monkeypatch, replaces=False)
    with pytest.raises(TokenError, match="refuses this token"):
        await run(config, "not.the.token\n", monkeypatch, replaces=False)
    assert not is_there(config)
    assert await run(config, f"  {discord.token}\n", monkeypatch, replaces=False) == 0
    assert capsys.readouterr().out.startswith("https://discord.com/oauth2/authorize?client_id=")
    assert values_in(config) == expected(discord)

    # the same again, from the file itself, changes nothing
    written = content(config)
    assert await run(config, "", monkeypatch, replaces=False) == 0
    assert content(config) == written


@pytest.mark.usefixtures("_restored")
async def test_a_config_that_is_there_is_changed_where_the_flag_says_so(
    discord: Sandbox, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '# mine\r\n[discord]\r\ntoken = "old"  # of May\r\n[queue]\r\nsize = 7\r\n'
    write(config, text.encode("utf-16"), mode=0o664)  # as an editor on Windows may save it
    monkeypatch.setenv("HOTSHOT_DISCORD__TOKEN", discord.token)
    monkeypatch.setenv("HOTSHOT_DISCORD__BASE_URL", discord.url)
    with pytest.raises(ConfigError, match="is left as it is; --replace puts the token into it"):
        await run(config, "", monkeypatch, replaces=False)
    assert content(config) == text.encode("utf-16")
    assert await run(config, "", monkeypatch, replaces=True) == 0
    monkeypatch.delenv("HOTSHOT_DISCORD__TOKEN")
    monkeypatch.delenv("HOTSHOT_DISCORD__BASE_URL")
    changed = text.replace("old", discord.token).replace(
        "[queue]", f'base_url = "{discord.url}"\r\n[queue]'
    )
    assert sorted(content(config).decode().splitlines()) == sorted(changed.splitlines())
    assert load(config).discord.token.get_secret_value() == discord.token
    assert mode_of(config) == 0o660


@pytest.mark.usefixtures("_restored")
async def test_what_can_not_be_registered_is_said_when_all_else_is_ready(
    discord: Sandbox, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTSHOT_DISCORD__BASE_URL", discord.url)
    monkeypatch.setenv("HOTSHOT_GENERATOR__MODEL", "/nowhere/at/all")
    with pytest.raises(
        StartupError, match=r"The commands couldn't be registered \(.*\); `hotshot-bot "
    ):
        await run(config, discord.token, monkeypatch, replaces=False)
    assert values_in(config) == expected(discord)


@pytest.mark.parametrize("token", ["Bot abc.def.ghi", "123456789012345678", "abc"])
async def test_what_can_be_no_token_is_sent_nowhere(
    config: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    with pytest.raises(TokenError, match=r"This token .*Reset Token"):
        await run(config, token, monkeypatch, replaces=False)
    assert not is_there(config)


def test_the_readme_s_invitation_is_the_one_that_is_printed() -> None:
    from bot.gateway.invitation import NEEDED, invitation_url

    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    [link] = re.findall(r"https://discord\.com/oauth2/authorize[^`]+", readme)
    assert link.replace("YOUR_APPLICATION_ID", "1") == invitation_url(1)
    assert str(NEEDED.value) == PERMISSIONS
