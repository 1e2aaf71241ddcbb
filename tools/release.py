"""`python -m tools.release`: what is published of this version, made and checked, in dist/.

Builds the wheel and the sdist of the version in generator/contract/version.py, has twine check
them, and prints that version's notes from CHANGELOG.md. Uploads nothing. What stands in the way is
one sentence and exit code 2; dist/ is then as it was.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from generator.contract.version import VERSION

ROOT = Path(__file__).parents[1]
DIST = Path("dist")
CHANGELOG = Path("CHANGELOG.md")
_NOT_READY = 2


class ReleaseError(Exception):
    """There can be no release as things are; says what to do."""


def main() -> int:
    """Return the exit code."""
    try:
        check_tree(ROOT)
        notes = notes_of(VERSION, (ROOT / CHANGELOG).read_text(encoding="utf-8"))
        for file in build(ROOT):
            print(f"{file}  ({(ROOT / file).stat().st_size / 1e6:.1f} MB)")
    except ReleaseError as error:
        print(f"There is no release: {error}", file=sys.stderr)
        return _NOT_READY
    print(f"\n{notes}")
    return 0


def check_tree(root: Path) -> None:
    """Raise ReleaseError where a build would hold what no commit has."""
    changed = run_tool(root, "git", "status", "--porcelain").splitlines()
    if changed:
        raise ReleaseError(f"{changed[0][3:]} isn't committed; commit it, or put it elsewhere.")


def notes_of(version: str, changelog: str) -> str:
    """Return a version's section of the changelog, its heading included. Raises ReleaseError."""
    sections = re.split(r"(?m)^(?=## )", changelog)
    for section in sections[1:]:
        if re.match(rf"## {re.escape(version)}(?![\w.])", section):
            return section.strip()
    raise ReleaseError(
        f"{CHANGELOG} has no section '## {version}'; write one, or mend the version in "
        "generator/contract/version.py."
    )


def build(root: Path) -> list[Path]:
    """Build wheel and sdist, and return their names below ``root``. Raises ReleaseError.

    They get to dist/ once both have passed twine's check, and alone.
    """
    with tempfile.TemporaryDirectory() as made:
        run_tool(root, sys.executable, "-m", "hatchling", "build", "-d", made)
        files = sorted(Path(made).iterdir())
        run_tool(root, sys.executable, "-m", "twine", "check", "--strict", *map(str, files))
        shutil.rmtree(root / DIST, ignore_errors=True)
        (root / DIST).mkdir()
        for file in files:
            shutil.move(file, root / DIST / file.name)
    return [DIST / file.name for file in files]


def run_tool(root: Path, *command: str) -> str:
    """Return what a tool printed; raises ReleaseError with its last word where it fails."""
    done = subprocess.run(  # noqa: S603 - our own words
        command, cwd=root, check=False, capture_output=True, text=True
    )
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or "it says nothing").splitlines()
        name = command[2] if command[0] == sys.executable else command[0]
        raise ReleaseError(f"{name} failed ({words[-1].strip()}).")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
