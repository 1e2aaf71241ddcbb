"""The contract package imports in an interpreter that has no other package than this project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MODULES = sorted(path.stem for path in (ROOT / "generator" / "contract").glob("*.py"))
_IMPORT = """
import importlib, sys
sys.path.append(sys.argv[1])
importlib.import_module(sys.argv[2])
print(*(name for name in sys.modules if name.split(".")[0] in ("bot", "generator")))
"""


@pytest.mark.parametrize("name", MODULES)
def test_a_module_needs_the_standard_library_and_its_own_room_alone(name: str) -> None:
    module = "generator.contract" if name == "__init__" else f"generator.contract.{name}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _IMPORT, str(ROOT), module],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    others = [
        loaded
        for loaded in done.stdout.split()
        if loaded != "generator" and not loaded.startswith("generator.contract")
    ]
    assert module in done.stdout.split()
    assert others == []
