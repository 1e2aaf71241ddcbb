"""Packages that two environments of a clone share: as installed, and in that version alone."""

from __future__ import annotations

import py_compile
from importlib.metadata import distributions, version
from importlib.util import cache_from_source
from pathlib import Path

import iniconfig
import pytest

from tools.linked_packages import link_packages

NAME = "iniconfig"


def test_a_package_of_the_same_version_is_there_and_takes_no_room(tmp_path: Path) -> None:
    pins = {NAME: version(NAME), "pluggy": "0.1", "packaging": version("packaging")}
    other = tmp_path / "packaging-1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: Packaging\nVersion: 1.0\n")
    assert link_packages(tmp_path, pins) == [NAME]
    found = {each.name.lower(): each.version for each in distributions(path=[str(tmp_path)])}
    assert found == {NAME: version(NAME), "packaging": "1.0"}
    assert (tmp_path / NAME / "__init__.py").samefile(iniconfig.__file__)
    assert {each.name for each in tmp_path.iterdir()} == {
        NAME,
        f"{NAME}-{version(NAME)}.dist-info",
        other.name,
    }


def test_a_build_of_a_version_is_that_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PyPI has PyTorch as 2.13.0, here is 2.13.0+cpu. What was compiled since comes along."""
    here, there = tmp_path / "here", tmp_path / "there"
    about = here / "some_torch-2.13.0+cpu.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: some_torch\nVersion: 2.13.0+cpu\n"
    )
    (about / "RECORD").write_text(f"some_torch.py,,\n../bin/some,,\n{about.name}/METADATA,,\n")
    (here / "some_torch.py").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "some").touch()
    monkeypatch.syspath_prepend(here)
    py_compile.compile(str(here / "some_torch.py"))
    assert link_packages(there, {"some-torch": "2.13.1"}) == []
    assert link_packages(there, {"some-torch": "2.13.0"}) == ["some-torch"]
    linked = {each.relative_to(there).as_posix() for each in there.rglob("*") if each.is_file()}
    compiled = Path(cache_from_source("some_torch.py")).as_posix()
    assert linked == {"some_torch.py", compiled, f"{about.name}/METADATA"}
