"""The wheel of this repository, built and installed elsewhere, for tests of what it brings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[1]


def build_wheel(directory: Path) -> Path:
    """Return the wheel, built in an empty directory."""
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)], ROOT)
    [made] = directory.iterdir()
    return made


def run(command: list[str], directory: Path) -> str:
    """Return what was printed; fails with it where the exit code isn't 0."""
    done = run_anyhow(command, directory)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_anyhow(command: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that finds nothing of this environment, whatever its exit code."""
    return subprocess.run(
        command,
        cwd=directory,
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
    )


def environment(**more: str) -> dict[str, str]:
    """Return this process's variables without those that lead to this environment, and ``more``."""
    hidden = ("PYTHONPATH", "VIRTUAL_ENV")
    mine = {k: v for k, v in os.environ.items() if k not in hidden and not k.startswith("HOTSHOT_")}
    return {**mine, "OMP_NUM_THREADS": "1", **more}
