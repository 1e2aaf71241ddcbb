"""The locks hold just what pyproject.toml asks for, in the versions of constraints.txt, hashed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools.locks import BUILD, EXTRAS, LOCKS, build_requirements
from tools.lowest import read_pins, requirements

ROOT = Path(__file__).parents[2]
NAMES = (*EXTRAS, BUILD)
_ENTRY = re.compile(r"(?m)^([\w.-]+)==(\S+?)((?: ;[^\\\n]+)?) \\\n((?:    --hash=.+\n?)+)")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = ("x86_64", "aarch64")


def read(name: str) -> dict[str, list[tuple[str, str, int]]]:
    """Name -> each version that is pinned, the marker that it is for, how many hashes it has."""
    found: dict[str, list[tuple[str, str, int]]] = {}
    text = (LOCKS / f"{name}.txt").read_text(encoding="utf-8")
    for package, version, marker, hashes in _ENTRY.findall(text):
        entry = (version, marker.removeprefix(" ;").strip(), len(_HASH.findall(hashes)))
        found.setdefault(canonicalize_name(package), []).append(entry)
    pinned = [line for line in text.splitlines() if "==" in line and not line.startswith(" ")]
    assert sum(map(len, found.values())) == len(pinned)  # nothing was overlooked
    return found


def environments() -> list[dict[str, str]]:
    return [
        {
            "python_version": python,
            "python_full_version": f"{python}.0",
            "platform_machine": machine,
            "sys_platform": "linux",
            "platform_system": "Linux",
            "os_name": "posix",
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }
        for python in PYTHONS
        for machine in MACHINES
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_file_is_known_by_its_hash_and_its_version_is_the_one_that_is_tested(
    name: str,
) -> None:
    pins = read_pins(ROOT / "constraints.txt")
    for package, entries in read(name).items():
        assert all(hashes for *_, hashes in entries), package
        for version, *_ in entries:
            assert package not in pins or version == pins[package], package


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_has_what_is_required_everywhere_and_in_a_version_that_will_do(name: str) -> None:
    wanted = build_requirements() if name == BUILD else requirements(*EXTRAS[name])
    locked = read(name)
    for required in map(Requirement, wanted):
        for environment in environments():
            if required.marker and not required.marker.evaluate(dict(environment)):
                continue
            here = [
                version
                for version, marker, _ in locked.get(canonicalize_name(required.name), [])
                if not marker or Marker(marker).evaluate(dict(environment))
            ]
            assert len(here) == 1, (required, environment, "make locks writes it anew")
            assert Version(here[0]) in required.specifier, (required, "make locks writes it anew")


def test_what_is_not_required_any_more_is_gone() -> None:
    """Each lock holds the smaller one, and of the base nothing but what something asks for."""
    base, server, worker = (read(name) for name in EXTRAS)
    assert base.items() <= server.items()
    assert set(server) <= set(worker)
    wanted = {canonicalize_name(Requirement(each).name) for each in requirements()}
    assert not wanted - base.keys()
    heavy = {"torch", "diffusers", "transformers", "cryptography", "psycopg"}
    assert not heavy & base.keys()
