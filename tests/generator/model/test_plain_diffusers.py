"""diffusers as a program has it that imported it, or transformers, before us."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

PROGRAM = """
import {before}
from generator.model.plain_diffusers import AutoencoderKL, UNetMotionModel
import diffusers
assert UNetMotionModel is diffusers.UNetMotionModel
"""


@pytest.mark.parametrize("before", ["diffusers", "transformers"])
def test_it_was_imported_before(before: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
