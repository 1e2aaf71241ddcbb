"""`make audit`: asks PyPI whether anything that the locks hold is known to be vulnerable.

The exit code is 0 for nothing, 1 for something, and 2 where PyPI couldn't be asked.
Needs the environment of `make` for release tools (dependency group "supply").
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tools.locks import BUILD, LOCKS

_AUDITED = ("worker", BUILD)  # the first holds what the smaller locks do
_NOT_ASKED = 2


def main() -> int:
    """Audit the locks, and return the exit code."""
    worst = 0
    for name in _AUDITED:
        worst = max(worst, audit(LOCKS / f"{name}.txt"))
        if worst == _NOT_ASKED:
            break  # the next would wait for the same
    return worst


def audit(lock: Path) -> int:
    """Print what is known of a lock's packages; return the exit code."""
    done = subprocess.run(  # noqa: S603 - a program of this environment, and our own words
        [
            *(sys.executable, "-m", "pip_audit", "--strict", "--disable-pip", "--require-hashes"),
            *("--progress-spinner", "off", "--requirement", str(lock)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and not done.stdout:  # it found nothing out
        reason = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
        print(
            f"{lock.name} wasn't audited, since PyPI didn't say what is known of it; see whether "
            f"https://pypi.org can be reached, and try again. ({reason})",
            file=sys.stderr,
        )
        return _NOT_ASKED
    print(done.stderr.strip(), done.stdout, sep="\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
