"""`python -m tools.linked_packages SITE CONSTRAINTS`: packages that needn't be got twice.

Of what is installed for this Python, each package of the version that CONSTRAINTS names is
linked into SITE, another environment's site-packages, where pip then finds it installed: PyTorch
alone is a gigabyte to unpack. No file is changed by that later on: pip replaces files, and so does
Python what it compiles.
"""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import Distribution, distributions
from importlib.util import cache_from_source
from pathlib import Path

from tools.lowest import plain_name, read_pins


def link_packages(site: Path, pins: dict[str, str]) -> list[str]:
    """Return the names of those that are there now; one that SITE has in any version is left."""
    there = {plain_name(each.name) for each in distributions(path=[str(site)])}
    linked = []
    for each in distributions():
        name = plain_name(each.name)
        # PyTorch's build for a CPU is 2.13.0+cpu, and that is a 2.13.0
        if name not in there and pins.get(name) in (each.version, each.version.partition("+")[0]):
            _link(each, site)
            linked.append(name)
    return linked


def _link(package: Distribution, site: Path) -> None:
    for file in package.files or ():
        # programs lie beside site-packages, and each begins with the path of its own Python
        if ".." in file.parts:
            continue
        source, target = Path(str(package.locate_file(file))), site / file
        _link_file(source, target)
        if source.suffix == ".py":
            _link_file(*(Path(cache_from_source(str(each))) for each in (source, target)))


def _link_file(source: Path, target: Path) -> None:
    if target.exists() or not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no links
        shutil.copy2(source, target)


if __name__ == "__main__":
    link_packages(Path(sys.argv[1]), read_pins(Path(sys.argv[2])))
