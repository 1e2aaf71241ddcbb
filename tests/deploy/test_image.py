"""The images, without Docker: their RUN lines are one script's, and their context has all it needs.

`tests/test_small_install.py` runs that script's `install` in an empty folder, and what it installs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.installations import ROOT, run

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
SCRIPT = ROOT / "deploy" / "image.sh"


def run_lines() -> list[list[str]]:
    text = DOCKERFILE.read_text(encoding="utf-8")
    found = re.findall(r"(?m)^RUN (.+)$", text)
    assert len(found) == text.count("RUN ") - 1  # one is in a comment
    return [json.loads(line) for line in found]


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, DOCKERFILE], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_every_run_line_is_the_script_s() -> None:
    words = {(Path(program).name, action) for program, action, *_ in run_lines()}
    assert words == {("image.sh", each) for each in ("install", "home", "compiler", "check")}
    for _, action, *arguments in run_lines():
        if action == "install":
            assert (ROOT / "deploy" / "locks" / f"{arguments[1]}.txt").is_file()


def test_whoever_runs_the_container_is_not_root() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    [user] = {words[-1] for words in run_lines() if words[1] == "home"}
    stages = re.split(r"(?m)^FROM ", text)[1:]
    final = [stage for stage in stages if re.search(r" AS (bot|worker)\n", stage)]
    assert [re.findall(r"(?m)^USER (.+)$", stage) for stage in final] == [[f"{user}:{user}"]] * 2
    for stage in final:  # checked as that user
        assert stage.index("USER ") < stage.index('image.sh", "check"')


def context_of(ignore: str) -> list[str]:
    """What a build is sent of the clone, by the names at its top."""
    lines = [line for line in ignore.splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    return [line[1:] for line in lines if line.startswith("!")]


def test_no_token_and_no_data_are_sent_to_a_build() -> None:
    sent = context_of((ROOT / ".dockerignore").read_text(encoding="utf-8"))
    tracked = set(run(["git", "ls-files"], ROOT).split("\n"))
    for name in sent:
        assert name in tracked or any(each.startswith(f"{name}/") for each in tracked), name
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    for secret in ("deploy/.env", "deploy/secrets"):
        assert f"\n{secret}\n" in (ROOT / ".dockerignore").read_text(encoding="utf-8")
        assert any(line.strip("/") == secret for line in ignored)


def script(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(SCRIPT), *words], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "install PLACE LOCK, home DIRECTORY... USER, compiler or check PLACE is expected."),
        (("install", "there"), "is expected."),
        (("install", "there", "base"), "there is no deploy/locks/base.txt here; run this where"),
        (("check", "nowhere"), "hotshot-bot doesn't start."),
    ],
)
def test_what_the_script_can_not_do_is_a_sentence(
    words: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    done = script(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("image.sh: ")
    assert sentence in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_installation_replaces_nothing(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy" / "locks", tmp_path / "deploy" / "locks")
    (tmp_path / "there").mkdir()
    done = script("install", str(tmp_path / "there"), "base", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        f"image.sh: {tmp_path / 'there'} is there already; name another place.\n",
    )


def test_homes_belong_to_the_user(tmp_path: Path) -> None:
    homes = [tmp_path / "lib" / "hotshot-bot", tmp_path / "cache"]
    user = 10001 if os.geteuid() == 0 else os.geteuid()
    done = script("home", *map(str, homes), str(user), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [(one.stat().st_uid, one.stat().st_mode & 0o777) for one in homes] == [(user, 0o750)] * 2
