"""The wheel of this repository, built and installed elsewhere, for tests of what it brings."""

from __future__ import annotations

import os
import shutil
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


def build_context(directory: Path) -> Path:
    """Return the directory, filled with what an image is built from: .dockerignore says what."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = [line[1:] for line in lines if line.startswith("!")]
    listed = run(["git", "ls-files", "-z", "-co", "--exclude-standard", "--", *sent], ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, directory / name)
    return directory


def without_rights(command: list[str]) -> list[str]:
    """Return a command that may do no more than any user, where root runs it as well."""
    if os.geteuid() != 0:
        return command
    none = ("--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
    return ["setpriv", *none, *command]


def run(command: list[str], directory: Path) -> str:
    """Return what was printed; fails with it where the exit code isn't 0."""
    done = run_anyhow(command, directory)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_anyhow(
    command: list[str], directory: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command that finds nothing of this environment, whatever its exit code."""
    return subprocess.run(
        command,
        cwd=directory,
        env=environment(**variables),
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
