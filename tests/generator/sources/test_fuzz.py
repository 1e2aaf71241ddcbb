"""Spoilt files at every entrance: only the declared error leaves, whatever a decoder does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from bot.core.errors import RefusedError
from bot.intake.attachments import IncomingFile, inspect_file
from generator.annotators import contact_sheet_process as source_preview
from generator.contract.errors import MediaError
from generator.sources.reader import Limits, read, read_key_frames
from tests.generator.sources import fuzz

pytestmark = pytest.mark.slow

SEED = 20_261_127
IN_ONE_PROCESS = 4_900
AT_EACH_DOOR = 15  # each starts a process, or two


def test_readers_of_every_kind() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.generator.sources.fuzz", str(IN_ONE_PROCESS), str(SEED)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    ended = json.loads(done.stdout)
    print(f"\n{sum(ended.values()):,} spoilt files: {ended}")
    assert sum(ended.values()) == IN_ONE_PROCESS
    assert min(ended["read"], ended["refused"]) > IN_ONE_PROCESS // 20


@pytest.fixture(scope="module")
def spoilt_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    directory = tmp_path_factory.mktemp("spoilt")
    whole = [*fuzz.pictures(), *fuzz.films(directory)]
    paths = []
    for index, data in enumerate(fuzz.spoilt(whole, AT_EACH_DOOR, SEED + 1)):
        paths.append(directory / f"{index}")
        paths[-1].write_bytes(data)
    return paths


def test_the_limited_process(spoilt_files: list[Path]) -> None:
    ended: Counter[str] = Counter()
    for path in spoilt_files:
        try:
            assert len(read(path, limits=Limits(cpu_seconds=10)).frames)
            read_key_frames(path, count=1, duration_ms=500, width=16, height=16)
            ended["read"] += 1
        except MediaError:
            ended["refused"] += 1
    print(f"\nat the limited process: {dict(ended)}")
    assert ended.total() == AT_EACH_DOOR


def test_the_sheet(spoilt_files: list[Path], tmp_path: Path) -> None:
    """It ends with a sentence, and writes nothing half."""
    ended: Counter[int] = Counter()
    output = tmp_path / "sheet.png"
    for path in spoilt_files:
        output.unlink(missing_ok=True)
        code = source_preview.main([str(path), str(output), "--width", "32", "--height", "32"])
        assert output.exists() == (code == 0)
        ended[code] += 1
    print(f"\nat the sheet: {dict(ended)}")
    assert set(ended) <= {0, 2}


def test_the_bot_s_intake(spoilt_files: list[Path], tmp_path: Path) -> None:
    ended: Counter[str] = Counter()
    for path in spoilt_files:
        part = tmp_path / path.name
        part.write_bytes(path.read_bytes())
        try:
            inspect_file(part, IncomingFile("", part.name, 0), must_move=False)
            ended["taken"] += 1
        except (MediaError, RefusedError):
            ended["refused"] += 1
    print(f"\nat the intake: {dict(ended)}")
    assert ended.total() == AT_EACH_DOOR
