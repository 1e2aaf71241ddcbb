"""The wheel, installed alone where nothing else of this repository is, makes a GIF and runs a bot.

Third-party packages are those of this environment; what is tried is that the wheel brings all else:
weights, catalogues, migrations, pictures.
"""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from tests.installations import ROOT, build_wheel, run

PACKAGES = ("bot", "generator", "migrations")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment's directory of programs; the wheel was installed into it and nothing else."""
    place = tmp_path_factory.mktemp("installed")
    run([sys.executable, "-m", "venv", "--without-pip", str(place)], ROOT)
    python = place / "bin" / "python"
    install = ["install", "--quiet", "--no-index", "--no-deps", str(wheel)]
    run([sys.executable, "-m", "pip", "--python", str(python), *install], ROOT)
    [own] = place.glob("lib/python*/site-packages")
    others = [entry for entry in sys.path if entry.endswith("site-packages")]
    (own / "others.pth").write_text("\n".join(others), encoding="utf-8")
    return place / "bin"


def frames_in(file: Path) -> int:
    with Image.open(file) as opened:
        return sum(1 for _ in ImageSequence.Iterator(opened))


def test_every_file_of_the_packages_is_in_it_and_no_other(wheel: Path) -> None:
    """A rule in .gitignore, say for directories called data, would silently leave files out."""
    with zipfile.ZipFile(wheel) as opened:
        within = {name for name in opened.namelist() if ".dist-info/" not in name}
    tracked = run(["git", "ls-files", *PACKAGES], ROOT).split("\n")
    there = {name for name in tracked if name and (ROOT / name).is_file()}
    assert there - within == set()
    assert {name.split("/")[0] for name in within} == set(PACKAGES)


def test_it_is_the_installed_one_that_runs(installed: Path, tmp_path: Path) -> None:
    script = f"import {', '.join(PACKAGES)}; print(bot.__path__, generator.__path__)"
    assert str(ROOT) not in run([str(installed / "python"), "-c", script], tmp_path)


def test_a_gif(installed: Path, tmp_path: Path) -> None:
    words = ["--prompt", "a red ball on black", "--steps", "4", "--output", "ball.gif"]
    run([str(installed / "hotshot"), "gif", *words], tmp_path)
    assert frames_in(tmp_path / "ball.gif") == 8


def test_a_sandbox_and_a_bot_in_it(installed: Path, tmp_path: Path) -> None:
    """The bot migrates its database, registers its commands and posts a GIF."""
    program = str(installed / "hotshot-bot")
    with subprocess.Popen(
        [program, "sandbox", "--port", "0"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as sandbox:
        assert sandbox.stdout is not None
        try:
            said = ""
            while not (url := re.search(r"http://127\.0\.0\.1:\d+", said)):
                line = sandbox.stdout.readline()
                assert line, said
                said += line
            assert int(url[0].rpartition(":")[2]) > 0
        finally:
            sandbox.terminate()
    run([program, "demo", "--output", "demo.gif"], tmp_path)
    assert frames_in(tmp_path / "demo.gif") == 8
