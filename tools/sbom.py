"""`make sbom`: what each way to install this version brings along, as CycloneDX, in dist/.

From the locks of deploy/locks, so that a file names just what `--require-hashes` lets in. Needs the
environment of `make` for release tools (dependency group "supply").
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

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
            # the locks don't say what needs what, which it warns of
            *(sys.executable, "-W", "ignore", "-m", "cyclonedx_py", "requirements", str(lock)),
            *("--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible"),
            *("--output-format", "JSON", "--output-file", str(file)),
        ],
        check=True,
        cwd=ROOT,
    )
    bom = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(completed(bom, VERSION), indent=1) + "\n", encoding="utf-8")


def completed(bom: dict[str, Any], version: str) -> dict[str, Any]:
    """Return a bill with the project's own version, which pyproject.toml leaves to a module.

    Descriptions, which only repeat a lock's lines, are gone.
    """
    own = bom["metadata"]["component"]
    named = {"version": version, "purl": f"pkg:pypi/{own['name']}@{version}"}
    components = [
        {key: value for key, value in one.items() if key != "description"}
        for one in bom["components"]
    ]
    metadata = bom["metadata"] | {"component": own | named}
    return bom | {"metadata": metadata, "components": components}


if __name__ == "__main__":
    sys.exit(main())
