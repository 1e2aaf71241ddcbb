"""`make locks`: writes deploy/locks/, exact versions and hashes that installations are made of.

By `pip install --require-hashes`, so that a file that was changed anywhere on its way is refused.
Resolved by uv for Linux and every Python that pyproject.toml allows, with the versions of
constraints.txt; tests/deploy/test_locks.py holds the files to both. Standard library only.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "deploy" / "locks"
# Name of a lock -> extras of the project.
EXTRAS: dict[str, tuple[str, ...]] = {
    "base": (),
    "server": ("postgresql", "remote", "metrics", "tracing"),
    "worker": ("generator", "postgresql", "remote", "metrics", "tracing"),
}
BUILD = "build"  # what wheels are built with: the project's, and of what PyPI has as source alone
OLDEST = "3.11"
_HEAD = "# Written by make locks; what {what}, for Linux and Python 3.11 or newer.\n"


def main() -> int:
    """Write each lock anew; return uv's exit code."""
    LOCKS.mkdir(parents=True, exist_ok=True)
    for name, extras in EXTRAS.items():
        flags = [f"--extra={extra}" for extra in extras]
        named = f"hotshot-bot[{','.join(extras)}]" if extras else "hotshot-bot"
        _write(name, f"{named} needs", [*flags, str(ROOT / "pyproject.toml")])
    with tempfile.TemporaryDirectory() as made:
        wanted = Path(made) / "build.in"
        wanted.write_text("\n".join(build_requirements()) + "\n", encoding="utf-8")
        _write(BUILD, "wheels are built with", [str(wanted)])
    return 0


def build_requirements() -> list[str]:
    """Return what pyproject.toml's build system requires, and that of those without a wheel."""
    with (ROOT / "pyproject.toml").open("rb") as opened:
        required: list[str] = tomllib.load(opened)["build-system"]["requires"]
    return [*required, "setuptools>=77"]


def _write(name: str, what: str, words: list[str]) -> None:
    """Write one lock. Raises CalledProcessError; uv has said why then."""
    done = subprocess.run(  # noqa: S603 - uv of this environment, and our own words
        [
            *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal"),
            *("--python-version", OLDEST, "--generate-hashes"),
            *("--no-header", "--no-annotate", "--constraint", str(ROOT / "constraints.txt")),
            *words,
        ],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    text = re.sub(r"(?m)^--.*\n", "", done.stdout)  # options of its own that pip needn't know
    (LOCKS / f"{name}.txt").write_text(_HEAD.format(what=what) + text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
