"""`make sbom`: what each way to install this version brings along, as CycloneDX, in dist/.

From the locks of deploy/locks, so that a file names just what `--require-hashes` lets in. Needs the
environment of `make` for release tools (dependency group "supply").
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from generator.contract.version import VERSION
from tools.locks import EXTRAS, LOCKS, ROOT

DIST = ROOT / "dist"


def main() -> int:
    """Write one file for each lock and print its name; return the exit code."""
    DIST.mkdir(exist_ok=True)
    for name in EXTRAS:
        file = DIST / f"hotshot_bot-{VERSION}-{name}.cdx.json"
        write(LOCKS / f"{name}.txt", file)
        print(f"{file.relative_to(ROOT)}  ({file.stat().st_size / 1e6:.1f} MB)")
    return 0


def write(lock: Path, file: Path) -> None:
    """Write the bill of materials of a lock. Raises CalledProcessError."""
    subprocess.run(  # noqa: S603 - a program of this environment, and our own words
        [
            *(sys.executable, "-m", "cyclonedx_py", "requirements", str(lock)),
            *("--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible"),
            *("--output-format", "JSON", "--output-file", str(file)),
        ],
        check=True,
        cwd=ROOT,
    )


if __name__ == "__main__":
    sys.exit(main())
