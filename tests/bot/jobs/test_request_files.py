"""Rows name blobs, workers get paths, and people read neither."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.jobs.request_files import without_files, without_paths
from generator.contract.messages import Control, Lora
from generator.contract.text import Text
from tests.bot.jobs.samples import REQUEST

BLOB = f"{'ab' * 32}.safetensors"
OUTPUT = f"/data/scratch/{'ab' * 16}-2.gif"


def test_without_files_nothing_has_to_be_opened() -> None:
    request = replace(
        REQUEST, loras=(Lora(BLOB, 0.5),), control_source=BLOB, controls=(Control("canny"),)
    )
    bare = without_files(request)
    assert (bare.loras, bare.controls, bare.control_source) == ((), (), "")


@pytest.mark.parametrize("path", [f"/data/blobs/ab/{BLOB}", BLOB, OUTPUT])
def test_no_path_of_the_bots_is_read_by_anybody(path: str) -> None:
    plain = without_paths(Text(f"The file {path} is broken."))
    assert str(plain) == "The file that file is broken."
    valued = without_paths(Text("{path} is broken ({reason}).", path=path, reason=f"at {path}!"))
    assert str(valued) == "that file is broken (at …!)."


def test_other_paths_and_words_stay() -> None:
    reason = Text("{path} can't be read (a {count}).", path="/models/ink.safetensors", count=3)
    assert without_paths(reason) == reason
