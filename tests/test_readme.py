"""The README and docs/ as a new user types them: each command of a shell block is run, or parsed.

A block is run as it stands, in a directory that has what a clone has, one after the other, since
later ones of a page use what earlier ones made; `hotshot` is forked from a Python that has imported
torch, since that takes longer than most of them. A block may be left out by a comment before it,
which says why: `<!-- not run by its test: needs a GPU -->`. Its commands are then read by the real
parsers, so that every flag in them exists.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from bot.__main__ import _parser as bot_parser
from generator.__main__ import _parser
from generator.cli.parsing import with_dashes
from generator.media.containers import sniff_file
from generator.sources.decoders import open_source
from tests.bot.fork_server import IS_POSSIBLE, ForkServer
from tests.patience import PATIENCE

ROOT = Path(__file__).parent.parent
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
        *sorted((ROOT / "docs").glob("*.md")),
    )
}
WHAT_A_CLONE_HAS = ("generator", "config.example.toml", "Makefile")
_BLOCK = re.compile(
    r"(?:<!-- not run by its test: (?P<why>[^\n]+?) -->\s*\n)?"
    r"[ \t]*(?:\d+\.[ \t]+)?```sh\n(?P<text>.*?)\n[ \t]*```",
    re.DOTALL,
)
_COMMANDS = {"hotshot": _parser, "hotshot-bot": bot_parser}
_PLAIN = ("cp", "echo", "git", "mkdir", "mv")  # for a shell, with nothing of ours to check


@dataclass(frozen=True, slots=True)
class Block:
    """A shell block of a page; ``why`` it isn't run, or ""."""

    page: str
    line: int
    text: str
    why: str

    def commands(self) -> Iterator[list[str]]:
        """Words of each command, without comments and redirections."""
        for line in self.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words:
                end = words.index("&&") if "&&" in words else len(words)
                yield words[: words.index(">")] if ">" in words[:end] else words[:end]
                words = words[end + 1 :]


def blocks() -> list[Block]:
    return [
        Block(
            page,
            text.count("\n", 0, found.start("text")) + 1,
            dedent(found["text"]),
            found["why"] or "",
        )
        for page, text in PAGES.items()
        for found in _BLOCK.finditer(text)
    ]


def name(block: Block) -> str:
    return f"{block.page} line {block.line}"


_server = ForkServer("generator.inference.hotshot_engine", OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1")


def _clone(directory: Path) -> Path:
    for one in WHAT_A_CLONE_HAS:
        (directory / one).symlink_to(ROOT / one)
    programs = directory / ".venv" / "bin"
    programs.mkdir(parents=True)
    for program in Path(sys.executable).parent.iterdir():
        (programs / program.name).symlink_to(program)
    if IS_POSSIBLE:
        forked = [sys.executable, "-IS", str(ROOT / "tests" / "bot" / "forked_program.py")]
        words = shlex.join([*forked, str(_server.open().fileno()), "generator"])
        (programs / "hotshot").unlink()
        (programs / "hotshot").write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
        (programs / "hotshot").chmod(0o755)
    return directory


def test_every_shell_block_is_seen() -> None:
    together = "".join(PAGES.values())
    assert len(blocks()) == together.count("```sh\n") > 8
    assert together.count("<!-- not run by its test") == sum(bool(one.why) for one in blocks())


@pytest.mark.parametrize("page", sorted({one.page for one in blocks() if not one.why}))
def test_a_page_does_what_it_says(page: str, tmp_path: Path) -> None:
    """Its blocks in order, where one has what those before it made."""
    place = _clone(tmp_path)
    for block in blocks():
        if block.page == page and not block.why:
            _run(block, place)


def _run(block: Block, place: Path) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text],
        cwd=place,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=5 * PATIENCE,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        pass_fds=[_server.open().fileno()] if IS_POSSIBLE else (),
    )
    assert done.returncode == 0, f"{name(block)}\n{block.text}\n{done.stdout}\n{done.stderr}"
    for words in block.commands():
        for flag in ("--output", "--control-preview"):
            if flag in words:
                length = (
                    int(words[words.index("--video-length") + 1])
                    if "--video-length" in words
                    else 8
                )
                _check_made(place / words[words.index(flag) + 1], length)


def _check_made(path: Path, length: int) -> None:
    """Whether a file is of the kind that its name says, has so many frames, and moves."""
    assert sniff_file(path) == path.suffix.removeprefix(".")
    source = open_source(path)
    count = len(source.facts.delays_ms)
    assert count == length or (source.is_film and count > length), path
    frames = [each.tobytes() for each in source.frames(range(count))]
    assert len(set(frames)) > length // 2, f"{path} doesn't move"


@pytest.mark.parametrize("block", blocks(), ids=name)
def test_every_command_of_a_block_is_one_that_there_is(block: Block) -> None:
    commands = list(block.commands())
    assert commands
    for words in commands:
        _check(words)


def _check(words: Sequence[str]) -> None:
    program, *rest = words
    if program == "make":
        make = shutil.which("make")
        assert make is not None
        subprocess.run([make, "--dry-run", *rest], cwd=ROOT, check=True, capture_output=True)
    elif program == ".venv/bin/python":
        assert rest[0] == "-m", rest
        assert rest[1].partition(".")[0] in ("tools", "benchmarks"), rest
    elif program.startswith(".venv/bin/"):
        _COMMANDS[Path(program).name]().parse_args(with_dashes(rest))  # raises, or SystemExit
    else:
        assert program in _PLAIN, f"{shlex.join(words)}: not found where somebody types it"


def test_commands_within_sentences_are_there_too() -> None:
    modules = re.findall(r"`[^`\n]*?python -m ([\w.]+)", "".join(PAGES.values()))
    assert modules
    for module in modules:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_is_there(page: str) -> None:
    text = PAGES[page]
    directory = (ROOT / page).parent
    linked = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    assert not [path for path in linked if not (directory / path).exists()]
    rooms = "bot|generator|migrations|tests|tools|benchmarks|findings|docs"
    quoted = re.findall(rf"`((?:{rooms})/[\w./-]*)`", text)
    assert not [path for path in quoted if not (ROOT / path).exists()]


def test_the_readme_is_short() -> None:
    assert PAGES["README.md"].count("\n") <= 250
