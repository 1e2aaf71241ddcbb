"""diffusers as a program has it that imported it before us, with all that it found."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

PROGRAM = """
import diffusers
from generator.model.plain_diffusers import AutoencoderKL, UNetMotionModel
assert UNetMotionModel is diffusers.UNetMotionModel
"""


def test_diffusers_was_imported_before() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
