"""`make release`: wheel, sdist and notes of one version, or one sentence."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from generator.contract.version import VERSION
from tests.installations import ROOT, environment, run
from tools.release import ReleaseError, notes_of

CHANGES = "# Changelog\n\n## 0.2.0, 1 May 2030\n\n- new\n\n## 0.1.0, 1 May 2029\n\n### Bot\n- old\n"
IDENTITY = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository with one commit, of what is in this one's working tree."""
    directory = tmp_path / "clone"
    listed = run(["git", "ls-files", "-z", "-co", "--exclude-standard"], ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, directory / name)
    run(["git", "init", "--quiet"], directory)
    run(["git", "add", "--all"], directory)
    run(["git", *IDENTITY, "commit", "--quiet", "--message", "all"], directory)
    return directory


def release(directory: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.release"]
    return subprocess.run(
        command, cwd=directory, env=environment(), capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_release_and_what_stands_in_its_way(clone: Path) -> None:
    done = release(clone)
    assert done.returncode == 0, done.stderr
    assert f"\n## {VERSION}" in done.stdout
    names = {f"hotshot_bot-{VERSION}-py3-none-any.whl", f"hotshot_bot-{VERSION}.tar.gz"}
    assert {path.name for path in (clone / "dist").iterdir()} == names
    with tarfile.open(clone / "dist" / f"hotshot_bot-{VERSION}.tar.gz") as opened:
        inside = {name.partition("/")[2] for name in opened.getnames()}
    assert {"generator/contract/version.py", "constraints.txt", "CHANGELOG.md"} <= inside

    version = clone / "generator" / "contract" / "version.py"
    version.write_text('VERSION = "9.9.9"\n', encoding="utf-8")
    done = release(clone)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "There is no release: generator/contract/version.py isn't committed; commit it, or put it "
        "elsewhere.\n"
    )
    run(["git", *IDENTITY, "commit", "--quiet", "--all", "--message", "9.9.9"], clone)
    done = release(clone)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("There is no release: CHANGELOG.md has no section '## 9.9.9'; ")
    assert {path.name for path in (clone / "dist").iterdir()} == names


def test_notes_are_of_one_version() -> None:
    assert notes_of("0.2.0", CHANGES) == "## 0.2.0, 1 May 2030\n\n- new"
    assert notes_of("0.1.0", CHANGES).endswith("### Bot\n- old")


@pytest.mark.parametrize("version", ["0.3.0", "0.1", "0.1.0rc1", "1.0"])
def test_a_version_without_notes(version: str) -> None:
    with pytest.raises(ReleaseError, match=re.escape(f"'## {version}'")):
        notes_of(version, CHANGES)
