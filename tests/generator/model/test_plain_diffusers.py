"""diffusers as a program has it that imported it, or transformers, before us."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

# One process for each, which have PyTorch, with what either imports of it, from the one that forks
# them.
PROGRAM = """
import importlib, os, sys
import torch, torch._dynamo, torch.distributed.tensor, huggingface_hub
assert not {"diffusers", "transformers"} & set(sys.modules)
for before in ("diffusers", "transformers"):
    if process := os.fork():
        _, status = os.waitpid(process, 0)
        assert status == 0, before
        continue
    importlib.import_module(before)
    from generator.model.plain_diffusers import AutoencoderKL, UNetMotionModel
    import diffusers
    assert UNetMotionModel is diffusers.UNetMotionModel
    break
"""


def test_it_was_imported_before() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
