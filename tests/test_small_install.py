"""The base installation in an empty environment: a bot that starts, and says how to get a worker.

Installed as the bot's image is, from what an image is built from: by the lock, whose hashes are
checked, from the package index. Skipped where no index can be reached, which is a failure where
``HOTSHOT_REQUIRE_PROGRAMS`` is set.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.installations import (
    ROOT,
    build_context,
    environment,
    run,
    run_anyhow,
    without_rights,
)
from tests.patience import PATIENCE
from tests.programs import skip_or_fail

pytestmark = pytest.mark.slow

# docs/operating.md says where they go; measured: 533, of files that aren't compiled
MOST_MEGABYTES = 555
INSTALL = 'pip install "hotshot-bot[generator]"'
_NO_INDEX = re.compile(
    "NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|"
    "Connection (refused|broken|aborted|reset)|unreachable"
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of an environment that has the base and pip."""
    context = build_context(tmp_path_factory.mktemp("context"))
    place = tmp_path_factory.mktemp("opt") / "hotshot-bot"
    install = ["sh", "deploy/image.sh", "install", str(place), "base"]
    # pip would compile what no test imports as well ("no" is pip's word for that)
    done = run_anyhow(install, context, PYTHON=sys.executable, PIP_NO_COMPILE="no")
    if done.returncode and _NO_INDEX.search(done.stderr):
        skip_or_fail("no package index can be reached to install from")
    assert done.returncode == 0, done.stderr
    return place


def test_it_starts_as_a_user_without_rights(small: Path, tmp_path: Path) -> None:
    """The image's last RUN line; and where the data directory is another user's."""
    home = tmp_path / "home"
    image = ["sh", str(ROOT / "deploy" / "image.sh")]
    run([*image, "home", str(home), str(os.geteuid())], tmp_path)
    said = run(without_rights([*image, "check", str(small)]), home)
    assert said.startswith("hotshot-bot ")
    home.chmod(0o500)
    start = without_rights([str(small / "bin" / "hotshot-bot"), "run"])
    done = run_anyhow(start, home, HOTSHOT_DISCORD__TOKEN="x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "hotshot-bot: The data directory data can't be written (Permission denied); give it to "
        "the user who runs the bot, or choose another with storage.data_dir in the config.\n"
    )
    home.chmod(0o700)


def test_setup_has_the_example_to_write(small: Path, tmp_path: Path) -> None:
    """The wheel carries it; nobody listens at this address."""
    setup = [str(small / "bin" / "hotshot-bot"), "setup"]
    where = {"HOTSHOT_DISCORD__BASE_URL": "http://127.0.0.1:9", "HOTSHOT_DISCORD__TOKEN": "x"}
    done = run_anyhow(setup, tmp_path, **where)
    assert done.returncode == 2
    assert "http://127.0.0.1:9 can't be reached" in done.stderr
    assert not list(tmp_path.iterdir())


def test_it_has_no_torch(small: Path) -> None:
    listed = run([str(small / "bin" / "python"), "-m", "pip", "list", "--format", "json"], small)
    names = {one["name"].lower() for one in json.loads(listed)}
    assert {"hotshot-bot", "discord.py", "pillow"} <= names
    heavy = {"torch", "diffusers", "transformers", "accelerate", "huggingface-hub", "tensorboard"}
    assert names & heavy == set()


def test_its_size(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = (each for each in small.rglob("*") if each.suffix != ".pyc" and not each.is_symlink())
    megabytes = sum(file.stat().st_size for file in files) / 2**20
    with capsys.disabled():
        print(f"The base environment takes {megabytes:.0f} MB without its bytecode.")
    assert megabytes < MOST_MEGABYTES


def test_command_lines_say_what_installs_a_generator(small: Path, tmp_path: Path) -> None:
    training = ("--data-dir", str(ROOT / "docs"), "--output-dir", "run")
    for extra, *words in (
        ("generator", "gif", "--prompt", "a red ball", "--output", "ball.gif"),
        ("generator", "model", "list"),
        ("train", "fine-tune", *training),
        ("train", "train-lora", *training),
    ):
        done = run_anyhow([str(small / "bin" / "hotshot"), *words], tmp_path)
        assert done.returncode == 2, done.stderr
        [sentence] = done.stderr.splitlines()
        line = f'pip install "hotshot-bot[{extra}]"'
        assert sentence.endswith(f"isn't installed on this machine; `{line}` installs it.")


def test_what_needs_no_model_works(small: Path, tmp_path: Path) -> None:
    program = str(small / "bin" / "hotshot")
    assert "frames: 8" in run([program, "inspect", str(ROOT / "docs" / "red-ball.gif")], tmp_path)
    seen = ("--control-type", "canny", "--control-preview", "seen.gif")
    source = ("--prompt", "a ball", "--gif", str(ROOT / "docs" / "source.gif"))
    run([program, "gif", *source, *seen], tmp_path)
    assert (tmp_path / "seen.gif").stat().st_size


def test_a_contact_sheet_with_depth_has_a_note_instead(small: Path, tmp_path: Path) -> None:
    module = ("-m", "generator.annotators.contact_sheet_process", str(ROOT / "docs" / "source.gif"))
    command = [str(small / "bin" / "python"), *module, "sheet.png", "--type", "depth"]
    assert '"extra": "generator"' in run(command, tmp_path)
    assert (tmp_path / "sheet.png").stat().st_size


def test_a_database_that_needs_a_driver(small: Path, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        '[discord]\ntoken = "x"\n[storage]\ndatabase_url = "postgresql://here/bot"\n',
        encoding="utf-8",
    )
    done = run_anyhow([str(small / "bin" / "hotshot-bot"), "run"], tmp_path)
    assert done.returncode == 2
    assert '`pip install "hotshot-bot[postgresql]"`' in done.stderr


def test_doctor_names_it(small: Path, tmp_path: Path) -> None:
    done = run_anyhow([str(small / "bin" / "hotshot-bot"), "doctor"], tmp_path)
    assert done.returncode == 1
    assert "ok   packages: discord.py" in done.stdout
    assert "FIX  generator: This needs torch, which isn't installed" in done.stdout
    assert INSTALL in done.stdout


@dataclass(frozen=True)
class Program:
    """A program that runs, whose lines are read as they come."""

    process: asyncio.subprocess.Process

    @classmethod
    @asynccontextmanager
    async def running(
        cls, command: list[str], directory: Path, **variables: str
    ) -> AsyncIterator[Program]:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=directory,
            env=environment(**variables),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            yield cls(process)
        finally:
            if process.returncode is None:
                process.terminate()
                await asyncio.wait_for(process.communicate(), PATIENCE)

    async def line(self, pattern: str) -> re.Match[str]:
        """The next line that has it; fails with all that was said where none comes."""
        assert self.process.stdout is not None
        said = []
        async with asyncio.timeout(PATIENCE):
            async for raw in self.process.stdout:
                said.append(raw.decode())
                if found := re.search(pattern, said[-1]):
                    return found
        raise AssertionError("".join(said))

    async def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        await self.process.stdin.drain()


async def registered(url: str, token: str) -> list[dict[str, Any]]:
    """The commands that the sandbox has of the bot, as its REST API tells."""
    headers = {"Authorization": f"Bot {token}"}
    async with aiohttp.ClientSession(f"{url}/api/v10/", headers=headers) as http:
        async with http.get("oauth2/applications/@me") as answer:
            application = (await answer.json())["id"]
        async with http.get(f"applications/{application}/commands") as answer:
            commands: list[dict[str, Any]] = await answer.json()
            return commands


async def test_a_bot_starts_registers_and_says_how_to_get_a_worker(
    small: Path, tmp_path: Path
) -> None:
    program = str(small / "bin" / "hotshot-bot")
    async with Program.running([program, "sandbox", "--port", "0"], tmp_path) as discord:
        run_line = await discord.line(r"BASE_URL=(http\S+) HOTSHOT_DISCORD__TOKEN=(\S+) \S+ run")
        url, token = run_line.groups()
        where = {"HOTSHOT_DISCORD__BASE_URL": url, "HOTSHOT_DISCORD__TOKEN": token}
        async with Program.running([program, "run"], tmp_path, **where) as bot:
            await bot.line("ready, ")
            assert "gif" in {each["name"] for each in await registered(url, token)}
            await discord.type("/gif a red ball")
            said = await discord.line("No GIFs can be made at the moment.*")
            assert "There is no worker, since torch isn't installed" in said[0]
            assert "pip install" in said[0]
            assert "generator" in said[0]
            bot.process.terminate()
            await asyncio.wait_for(bot.process.communicate(), PATIENCE)
            assert bot.process.returncode == 0
