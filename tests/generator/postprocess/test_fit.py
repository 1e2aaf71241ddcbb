"""Files that must fit: as good as the bytes allow, and frank about what they lack."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from generator.contract.errors import MediaError
from generator.contract.text import Text
from generator.media.clip import Clip
from generator.media.comment import comment_of
from generator.media.output import SUFFIXES
from generator.media.save import encode
from generator.postprocess.fit import Fitted, fit, main
from tests.generator.media.pictures import moving_ball, read_back, read_with_ffmpeg

NOISY = Clip(moving_ball(8, 96, 64, noise=12), 1000)
ANIMATED = (".gif", ".webp", ".png")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_without_a_limit_nothing_is_given_up(suffix: str) -> None:
    clip = Clip(moving_ball(3, 32, 32), 300)
    assert fit(clip, suffix, None) == Fitted(encode(clip, suffix), ())
    assert fit(clip, suffix, 10**9) == Fitted(encode(clip, suffix), ())


@pytest.mark.parametrize("share", [0.6, 0.2])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_it_fits_and_says_what_it_cost(suffix: str, share: float) -> None:
    limit = int(len(encode(NOISY, suffix)) * share)
    fitted = fit(NOISY, suffix, limit, "told")
    assert len(fitted.data) <= limit
    assert fitted.given_up
    assert comment_of(fitted.data) == "told"


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ANIMATED)
def test_less_room_costs_more_and_the_time_stays(suffix: str) -> None:
    whole = len(encode(NOISY, suffix))
    tries = [fit(NOISY, suffix, int(whole * share)) for share in (0.95, 0.4, 0.15)]
    sizes = [len(fitted.data) for fitted in tries]
    assert sizes == sorted(sizes, reverse=True)
    costs = [len(fitted.given_up) for fitted in tries]
    assert costs == sorted(costs)
    for fitted in tries:
        seen = read_back(fitted.data)
        assert sum(seen.durations) == 1000
        frames, height, width, _ = seen.frames.shape
        text = " ".join(map(str, fitted.given_up))
        assert (frames == 4) == ("every other frame left out" in text)
        assert ((width, height) != (96, 64)) == ("scaled to" in text)


def test_a_little_too_large_costs_colours_alone() -> None:
    fitted = fit(NOISY, ".gif", len(encode(NOISY, ".gif")) - 1)
    assert [str(words) for words in fitted.given_up] == ["128 instead of 256 colours"]


def test_a_film_keeps_its_time(tmp_path: Path) -> None:
    limit = len(encode(NOISY, ".mp4")) // 4
    fitted = fit(NOISY, ".mp4", limit)
    _, said = read_with_ffmpeg(fitted.data, ".mp4", str(tmp_path))
    assert "Duration: 00:00:01.00" in said


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_cannot_fit_is_a_sentence(suffix: str) -> None:
    with pytest.raises(MediaError, match=r"can't be made to fit 20 bytes"):
        fit(NOISY, suffix, 20)


def test_the_recipe_goes_last() -> None:
    clip = Clip(moving_ball(2, 32, 32), 200)
    limit = len(fit(clip, ".gif", 10**6).data) + 10
    fitted = fit(clip, ".gif", limit, "x" * 5000)
    assert Text("the recipe left out") in fitted.given_up
    assert len(fitted.data) <= limit


def test_a_process_of_its_own_fits_a_file(tmp_path: Path) -> None:
    """As the bot calls it, and without torch."""
    original, directory = tmp_path / "original.gif", tmp_path / "fitted"
    directory.mkdir()
    original.write_bytes(fit(NOISY, ".gif", None, "told").data)
    limit = original.stat().st_size // 3
    script = (
        "import sys; from generator.postprocess.fit import main\n"
        "code = main(sys.argv[1:])\n"
        "sys.exit(code or 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(original), str(directory), "--max-bytes", str(limit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    made = Path(told["file"])
    assert made == directory / "original.gif"
    assert made.stat().st_size == told["size_bytes"] <= limit
    assert "colours" in told["given_up"][0]["template"]
    assert comment_of(made.read_bytes()) == "told"
    assert sum(read_back(made.read_bytes()).durations) == 1000


def test_a_file_that_fits_is_copied_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original, directory = tmp_path / "original.gif", tmp_path / "fitted"
    directory.mkdir()
    original.write_bytes(encode(NOISY, ".gif"))
    assert main([str(original), str(directory), "--max-bytes", "10000000"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["given_up"] == []
    assert (directory / "original.gif").read_bytes() == original.read_bytes()


@pytest.mark.slow
def test_a_gif_that_cannot_be_small_enough_becomes_what_packs_tighter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original, directory = tmp_path / "original.gif", tmp_path / "fitted"
    directory.mkdir()
    clip = Clip(moving_ball(8, 384, 256, noise=60), 1000)
    original.write_bytes(encode(clip, ".gif"))
    with pytest.raises(MediaError) as caught:
        fit(clip, ".gif", 1)
    least = re.search(r"have ([\d,]+) at the least", str(caught.value))
    assert least is not None
    limit = int(least[1].replace(",", "")) * 7 // 10
    assert main([str(original), str(directory), "--max-bytes", str(limit)]) == 0
    told = json.loads(capsys.readouterr().out)
    made = Path(told["file"])
    assert made == directory / "original.webp"
    assert str(Text.from_dict(told["given_up"][0])) == "saved as WEBP"
    assert made.stat().st_size <= limit
    assert sum(read_back(made.read_bytes()).durations) == 1000


@pytest.mark.parametrize("content", [None, b"no picture at all, but long"])
def test_an_original_that_cannot_be_read_is_one_line(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = tmp_path / "original.gif"
    if content is not None:
        original.write_bytes(content)
    assert main([str(original), str(tmp_path), "--max-bytes", "10"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
