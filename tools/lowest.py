"""`python -m tools.lowest`: writes constraints-lowest.txt, the lowest versions that may be used.

That is, the lower bound of each dependency in pyproject.toml, and with them the newest that fits of
what those need in turn, as pip resolves it. `make test-lowest` installs by the file and runs tests;
tests/test_lowest.py holds it to pyproject.toml.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOWEST = ROOT / "constraints-lowest.txt"
# PyPI has its older versions with CUDA alone: gigabytes that no test here could use.
AS_USUAL = frozenset({"torch"})
_HEAD = "# Written by python -m tools.lowest, for make test-lowest and nobody else.\n"
_BOUND = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*>=\s*([0-9][^,;\s]*)")
_OWN_EXTRAS = re.compile(r"hotshot-bot\[([a-z0-9,]+)\]")
_PIN = re.compile(r"([A-Za-z0-9._-]+)==(\S+)")


def lower_bounds() -> dict[str, str]:
    """Return name -> lowest version of what the product and its tests are said to work with."""
    found = [match.groups() for each in requirements("dev") if (match := _BOUND.match(each))]
    usual = read_pins(ROOT / "constraints.txt")
    return {
        plain_name(n): usual[plain_name(n)] if n in AS_USUAL else version for n, version in found
    }


def requirements(*extras: str) -> list[str]:
    """Return what pyproject.toml requires, with extras and with the extras that those name."""
    with (ROOT / "pyproject.toml").open("rb") as opened:
        project = tomllib.load(opened)["project"]
    required, wanted = list(project["dependencies"]), list(extras)
    for extra in wanted:
        for each in project["optional-dependencies"][extra]:
            if others := _OWN_EXTRAS.fullmatch(each):
                wanted += [other for other in others[1].split(",") if other not in wanted]
            else:
                required.append(each)
    return required


def read_pins(path: Path) -> dict[str, str]:
    """Return name -> version of a file of constraints."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {plain_name(match[1]): match[2] for line in lines if (match := _PIN.fullmatch(line))}


def resolve(bounds: dict[str, str]) -> list[str]:
    """Return all pins, in order, that pip would install; CalledProcessError where none fit."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        constraints.writelines(f"{name}=={version}\n" for name, version in bounds.items())
        constraints.flush()
        report = subprocess.run(  # noqa: S603 - this interpreter's pip, and our own words
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed",
             "--report", "-", "--constraint", constraints.name, f"{ROOT}[dev]"],
            check=True, stdout=subprocess.PIPE, text=True,
        ).stdout  # fmt: skip
    installed: list[dict[str, Any]] = [one["metadata"] for one in json.loads(report)["install"]]
    own = "hotshot-bot"
    pins = {one["name"]: one["version"].partition("+")[0] for one in installed}
    return [
        f"{name}=={pins[name]}" for name in sorted(pins, key=plain_name) if plain_name(name) != own
    ]


def plain_name(name: str) -> str:
    """Return one spelling for all that PyPI takes for the same name."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    LOWEST.write_text(_HEAD + "\n".join(resolve(lower_bounds())) + "\n", encoding="utf-8")
