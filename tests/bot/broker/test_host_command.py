"""``hotshot-bot host``: what is printed, what is refused, and a bot that follows while it runs."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.app.lock import lock_data_directory
from bot.broker.registry import HostRegistry
from generator.contract.join_line import JoinLine
from generator.link.client import ServerAccess, connect
from generator.link.errors import KeyRefusedError
from tests.brokers import start_broker
from tests.patience import until

LISTEN = 'listen = "0.0.0.0:5000"\naddress = "bot.example.com"'


class Command:
    """The command line with a config of its own."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data_dir = directory / "data"
        self.file = directory / "config.toml"
        self._capsys = capsys

    def configure(self, remote: str) -> None:
        self.file.write_text(f'[storage]\ndata_dir = "{self.data_dir}"\n[remote]\n{remote}\n')

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """The exit code, and what was printed for programs and for people."""
        code = main(["host", *words, "--config", str(self.file)])
        printed = self._capsys.readouterr()
        return code, printed.out, printed.err


@pytest.fixture
def host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    command = Command(tmp_path, capsys)
    command.configure(LISTEN)
    return command


def test_a_host_is_added_listed_and_removed(host: Command) -> None:
    code, line, words = host("add", "home")
    assert code == 0
    read = JoinLine.parse(line)
    assert (read.url, read.host) == ("tls://bot.example.com:5000", "home")
    assert "BEGIN CERTIFICATE" in read.ca
    assert "hotshot worker --join LINE" in words
    assert "bot.example.com:5000" in words
    assert read.seed not in words
    assert host("list")[1].startswith("home  added 20")
    [shown] = json.loads(host("list", "--json")[1])["hosts"]
    assert shown["name"] == "home"
    assert host("remove", "home") == (0, "", "home can no longer connect.\n")
    assert host("list")[1:] == (
        "",
        "No host may connect yet; `hotshot-bot host add NAME` adds one.\n",
    )


def test_no_file_that_others_can_read_holds_a_key_and_the_seed_of_a_host_none(
    host: Command,
) -> None:
    seed = JoinLine.parse(host("add", "home")[1]).seed
    files = [each for each in (host.data_dir / "remote").rglob("*") if each.is_file()]
    assert len(files) >= 4
    for file in files:
        assert file.stat().st_mode & 0o077 == 0, file
        assert seed.encode() not in file.read_bytes(), file
    assert (host.data_dir / "remote").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("remote", "words", "said"),
    [
        (LISTEN, ("add", "Home"), "can't be a host's name"),
        (LISTEN, ("add", "a.b"), "can't be a host's name"),
        (LISTEN, ("add", "rack"), "There is a host rack already"),
        (LISTEN, ("remove", "hoem"), "There is no host 'hoem'; there are rack."),
        (LISTEN, ("config",), "this command is for somebody else's server"),
        ("", ("add", "home"), "This config has no GPU hosts elsewhere: set remote.listen"),
        ('listen = "0.0.0.0:5000"', ("add", "home"), "set remote.address"),
        (
            'url = "tls://n"\nca_file = "/nowhere"',
            ("add", "home"),
            "remote.ca_file: /nowhere can't be read",
        ),
    ],
)
def test_mistakes_are_sentences(
    host: Command, remote: str, words: tuple[str, ...], said: str
) -> None:
    host("add", "rack")
    host.configure(remote)
    code, printed, told = host(*words)
    assert code == 2
    assert printed == ""
    assert said in told
    assert set(HostRegistry(host.data_dir).read().hosts) == {"rack"}


def test_of_somebody_elses_server_the_block_is_printed(host: Command) -> None:
    host.configure('url = "tls://nats.example.com"')
    _, line, words = host("add", "home")
    assert JoinLine.parse(line).url == "tls://nats.example.com:4222"
    assert JoinLine.parse(line).ca == ""
    assert "`hotshot-bot host config`" in words
    block = host("config")[1]
    key = HostRegistry(host.data_dir).read().hosts["home"].public_key
    assert f"nkey: {key}" in block
    assert '"hs.from.home.>"' in block


@pytest.mark.parametrize("name", ["hosts.json", "bot.seed", "ca.pem"])
def test_a_damaged_file_is_named_and_left_alone(host: Command, name: str) -> None:
    host("add", "home")
    damaged = host.data_dir / "remote" / name
    damaged.write_text("rubbish")
    code, printed, told = host("add", "rack")
    assert (code, printed) == (2, "")
    assert str(damaged).removesuffix(".pem") in told
    assert damaged.read_text() == "rubbish"


async def run_command(data_dir: Path, config: Path, *words: str) -> tuple[int | None, str, str]:
    command = (sys.executable, "-m", "bot", "host", *words, "--config", str(config))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    printed, told = await process.communicate()
    return process.returncode, printed.decode(), told.decode()


async def test_a_running_bot_lets_in_and_cuts_off_at_once(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    data_dir = tmp_path / "data"
    with lock_data_directory(data_dir):
        async with start_broker(data_dir) as (broker, _):
            config.write_text(
                f'[storage]\ndata_dir = "{data_dir}"\n'
                f'[remote]\nlisten = "{broker.settings.listen}"\n'
            )
            code, line, told = await run_command(data_dir, config, "add", "home")
            assert code == 0, told
            joined = JoinLine.parse(line)
            access = ServerAccess(url=joined.url, seed=joined.seed, ca=joined.ca)
            home = await connect(access, name="home", inbox_prefix="_INBOX.home")

            code, _, told = await run_command(data_dir, config, "remove", "home")
            assert (code, told) == (0, "home can no longer connect.\n")
            with pytest.raises(KeyRefusedError):
                await connect(access, name="home", inbox_prefix="_INBOX.home")
            await until(lambda: home.is_closed)
