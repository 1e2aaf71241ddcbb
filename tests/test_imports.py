"""What each program loads: of our libraries an exact set, and what must never be among them.

``data/imports.json`` has for each program those of the direct dependencies (of the base and
of the extras ``train``, ``metrics`` and ``tracing``) that are in ``sys.modules`` when it ends. What
those load on their own differs from machine to machine and isn't looked at.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

from bot.sandbox import Sandbox
from tests.bot.sandboxes import make_sandbox
from tests.patience import PATIENCE
from tools.lowest import requirements

EXPECTED = Path(__file__).parent / "data" / "imports.json"
# Runs a program, then writes what is loaded to the file that comes first.
PROGRAM = """
import json, sys
from importlib import import_module
_, notes, module, *arguments = sys.argv
try:
    code = import_module(module).main(arguments)
except SystemExit as end:
    code = end.code
with open(notes, "w", encoding="utf-8") as file:
    json.dump(list(sys.modules), file)
sys.exit(code)
"""

# It may write no file any more once it has begun.
DECODER = """
import json, sys
from generator.sources.decoder_process import main
main(json.loads(sys.argv[1]))
print(json.dumps(list(sys.modules)), file=sys.stderr)
"""
A_GIF = b"GIF89a\1\0\1\0\x80\0\0\xff\0\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


def command_line(notes: Path, *program: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, str(notes), *program]


def loaded_by(tmp_path: Path, *program: str) -> set[str]:
    """The modules that are there when the program has ended well."""
    notes = tmp_path / "modules.json"
    done = subprocess.run(
        command_line(notes, *program), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(notes.read_text(encoding="utf-8")))


def libraries(modules: set[str]) -> set[str]:
    """Which of our direct dependencies these modules belong to, as packages are named."""
    required = requirements("train", "metrics", "tracing")
    ours = {canonical(re.split(r"[^\w.-]", each)[0]) for each in required}
    providers = packages_distributions()
    tops = {name.partition(".")[0] for name in modules}
    return ours & {canonical(each) for top in tops for each in providers.get(top, ())}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def check(program: str, modules: set[str]) -> None:
    found = libraries(modules)
    expected = set(json.loads(EXPECTED.read_text(encoding="utf-8"))[program])
    assert found == expected, (
        f"{program} loads {sorted(found - expected) or 'nothing new'}, and no longer "
        f"{sorted(expected - found) or 'anything less'}. Where that is meant, let {EXPECTED} say "
        f"{json.dumps({program: sorted(found)})}"
    )


def test_the_generators_help(tmp_path: Path) -> None:
    check("hotshot --help", loaded_by(tmp_path, "generator.__main__", "--help"))


def test_the_bots_help(tmp_path: Path) -> None:
    """Spawned workers import ``bot.__main__`` again, and must not pay for the bot."""
    check("hotshot-bot --help", loaded_by(tmp_path, "bot.__main__", "--help"))


def test_a_gif_by_nano(tmp_path: Path) -> None:
    asked = ("--prompt", "a red ball", "--steps", "1", "--video-length", "1")
    output = ("--output", str(tmp_path / "ball.gif"))
    modules = loaded_by(tmp_path, "generator.__main__", "gif", *asked, *output)
    check("hotshot gif", modules)
    assert "torch._dynamo" not in modules  # the compiler: as long as all of torch
    assert {name.partition(".")[0] for name in modules} & {"bot", "discord", "sqlalchemy"} == set()


def test_a_source_that_is_decoded(tmp_path: Path) -> None:
    """Each takes a process of its own, several for one GIF, and people wait for the first."""
    source = tmp_path / "red.gif"
    source.write_bytes(A_GIF)
    job = {"path": str(source), "wanted": None, "memory_bytes": 1 << 30, "cpu_seconds": 20}
    done = subprocess.run(
        [sys.executable, "-c", DECODER, json.dumps(job)],
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    assert b'"width": 1' in done.stdout
    modules = set(json.loads(done.stderr))
    check("a decoded GIF", modules)
    assert "generator.sources.film_decoder" not in modules


async def test_the_bot_until_it_is_connected(tmp_path: Path) -> None:
    async with make_sandbox() as discord:
        modules = await modules_of_bot(discord, tmp_path)
    check("hotshot-bot run", modules)
    heavy = {"torch", "diffusers", "transformers", "numpy", "PIL", "alembic", "bot.sandbox"}
    assert heavy & modules == set()


async def modules_of_bot(discord: Sandbox, directory: Path) -> set[str]:
    """Those of a bot that was told to stop once it had connected.

    Its second life: the first one makes the database, for which it needs more.
    """
    config = directory / "config.toml"
    config.write_text(
        f'[discord]\ntoken = "{discord.token}"\nbase_url = "{discord.url}"\n'
        '[generator]\nmodel = "hotshotco/Hotshot-XL"\ndevices = "cpu"\n'
        'engine = "tests.generator.engines.fast:create"\n'
        f'[storage]\ndata_dir = "{directory / "data"}"\n',
        encoding="utf-8",
    )
    notes = directory / "modules.json"
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(
            *command_line(notes, "bot.__main__", "run", "--config", str(config)),
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        try:
            await discord.connected()
        finally:
            process.terminate()
            assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
        await discord.until(lambda: not discord.gateway.connected or None)
    return set(json.loads(notes.read_text(encoding="utf-8")))
