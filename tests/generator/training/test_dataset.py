"""``hotshot dataset``: real GIFs and a real film, cut, sorted out and looked at."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from generator.__main__ import main
from generator.media.clip import Clip, Frames
from generator.media.save import save
from generator.training.data.samples import find_clips
from tests.generator.training.conftest import line, train

RED, GREEN = (200, 30, 30), (30, 160, 30)


def moving(count: int, color: tuple[int, int, int], width: int = 96, height: int = 64) -> Frames:
    """A white bar that moves on a plain ground."""
    frames = np.full((count, height, width, 3), color, np.uint8)
    for index, frame in enumerate(frames):
        frame[:, (index * 5) % (width - 12) : (index * 5) % (width - 12) + 12] = 255
    return frames


def save_frames(folder: Path, frames: Frames) -> None:
    folder.mkdir()
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{index}.png")
    (folder / "prompt.txt").write_text("a bar")


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Two scenes of 12 and 20 frames at 8 a second; a GIF; others still, torn, wordless."""
    directory = tmp_path / "films"
    directory.mkdir()
    scenes = np.concatenate([moving(12, RED), moving(20, GREEN)])
    save(Clip(scenes, 4000), directory / "scenes.mp4")
    (directory / "scenes.txt").write_text("a bar")
    save(Clip(moving(8, RED, 64, 96), 600), directory / "tall.gif")
    still = np.full((8, 64, 64, 3), 90, np.uint8)
    save(Clip(still, 1000), directory / "still.webp")
    save(Clip(moving(8, RED), 1000), directory / "torn.gif")
    whole = (directory / "torn.gif").read_bytes()
    (directory / "torn.gif").write_bytes(whole[: len(whole) // 2])
    save(Clip(moving(8, RED), 1000), directory / "wordless.gif")
    captions = {"tall.gif": "a tall bar", "still.webp": "nothing", "torn.gif": "a torn bar"}
    (directory / "metadata.jsonl").write_text(
        "".join(json.dumps({"file_name": name, "text": text}) + "\n" for name, text in
                captions.items())
    )  # fmt: skip
    return directory


def words(films: Path, output: Path, *more: str) -> list[str]:
    return ["dataset", "--data-dir", str(films), "--output-dir", str(output),
            "--resolution=64", *more]  # fmt: skip


def test_films_become_samples(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "samples"
    assert main(words(films, output)) == 0
    captured = capsys.readouterr()
    assert "Skipping torn.gif: it is damaged or cut off in the middle." in captured.err
    assert "Skipping wordless.gif: it has no wordless.txt." in captured.err
    assert "dropped still.webp at 0.0 s: nothing moves in it" in captured.out
    assert "4 films: 4 with captions from files; 1 file left out:" in captured.out
    assert "wordless.gif: it has no wordless.txt" in captured.out
    samples = {sample.name: sample for sample in
               find_clips(output, video_length=None, bad_samples="stop")}  # fmt: skip
    assert sorted(samples) == ["scenes-001", "scenes-002", "scenes-003", "tall-001"]
    assert {len(sample.files) for sample in samples.values()} == {8}
    tall, wide = samples["tall-001"], samples["scenes-002"]
    assert (tall.prompt, wide.prompt) == ("a tall bar", "a bar")
    assert (tall.original_size, wide.original_size) == ((64, 96), (96, 64))
    assert tall.size[0] < tall.size[1]
    assert wide.size[0] > wide.size[1]
    about = json.loads((output / "scenes-002" / "clip.json").read_text())
    assert about["start_ms"] == 1500  # where the second scene begins, not where a second does
    ground = np.asarray(Image.open(wide.files[0]))[-1]
    assert (ground[:, 0] < 100).any()
    with Image.open(output / "contact_sheet.png") as sheet:
        assert sheet.height == 4 * 100
    summary = json.loads((output / "dataset.json").read_text())
    assert summary["clips"] == 4
    assert set(summary["dropped"]) == {"torn.gif", "wordless.gif", "still.webp at 0.0 s"}


@pytest.mark.slow
def test_fine_tuning_cuts_films_itself(films: Path, tmp_path: Path) -> None:
    flags = ("--max_train_steps=1", "--bad_samples=skip")
    assert len(train(films, tmp_path / "output", *flags)) == 1
    assert (tmp_path / "output" / "cut_clips" / "contact_sheet.png").is_file()


@pytest.mark.slow
def test_films_of_one_name_and_folders_that_tools_leave_behind(films: Path, tmp_path: Path) -> None:
    data = tmp_path / "alike"
    data.mkdir()
    for name in ("ball.gif", "ball.webp"):
        shutil.copy(films / "tall.gif", data / name)
        (data / "ball.txt").write_text("a ball")
    (data / ".ipynb_checkpoints").mkdir()
    output = tmp_path / "output"
    assert len(train(data, output, "--max_train_steps=1")) == 1
    made = {path.name for path in (output / "cut_clips").iterdir() if path.is_dir()}
    assert {"ball-001", "ball.webp-001"} <= made


def test_what_a_run_cuts_takes_the_place_of_nothing_of_one_s_own(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "cut_clips"
    shutil.copytree(films, own)
    before = sorted(own.iterdir())
    flags = ("--max_train_steps=1", "--bad_samples=skip")
    assert main(line(films, tmp_path, *flags)) == 2
    assert "isn't empty" in capsys.readouterr().err
    assert main(line(own, tmp_path, *flags)) == 2
    assert "would be lost; give another --output-dir" in capsys.readouterr().err
    assert sorted(own.iterdir()) == before


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--bad-samples=stop",), "wordless.gif can't be used: it has no wordless.txt"),
        (("--frames=24", "--video-duration=24000"), "No clip can be cut out of these films"),
        (("--frames=1",), "--frames must be from 2 to 24"),
        (("--video-duration=0",), "milliseconds"),
        (("--captions=/no/file",), "no file of captions"),
        (("--resolution=65",), "multiple of 64"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    flags: tuple[str, ...],
    sentence: str,
    films: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(words(films, tmp_path / "samples", *flags)) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "samples").exists()
    assert not list(tmp_path.glob(".samples*"))


@pytest.mark.slow
def test_films_in_kohya_s_folders_count_again_and_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cut by hand or by fine-tuning itself; clips beside them are clips still."""
    own = tmp_path / "own"
    for folder, color in (("3_a bar", RED), ("2_a bar", GREEN)):
        (own / folder).mkdir(parents=True)
        save(Clip(moving(8, color), 1000), own / folder / "bar.gif")
    (own / "2_a bar" / "bar.TXT").write_text("a bar on green")
    assert main(words(own, tmp_path / "clips")) == 0
    assert "2 films (5 with their folders' repeats)" in capsys.readouterr().out
    clips = find_clips(tmp_path / "clips", video_length=None, bad_samples="stop")
    assert [(clip.prompt, clip.repeats) for clip in clips] == [("a bar on green", 2), ("a bar", 3)]
    save_frames(own / "4_frames", moving(8, RED))
    lines = train(own, tmp_path / "tuned", "--num_train_epochs=1", "--train_batch_size=1")
    assert len(lines) == 6


def test_a_damaged_film_may_be_what_stops(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (films / "wordless.txt").write_text("a bar")
    assert main(words(films, tmp_path / "samples", "--bad-samples=stop")) == 2
    assert "torn.gif can't be used: it is damaged" in capsys.readouterr().err


def test_a_bad_line_of_captions_is_named(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (films / "metadata.jsonl").open("a") as file:
        file.write("a ball\n")
    assert main(words(films, tmp_path / "samples")) == 2
    assert "Line 4 of metadata.jsonl isn't a caption" in capsys.readouterr().err


def test_a_directory_without_films(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "notes.md").write_text("none")
    assert main(words(tmp_path / "films", tmp_path / "samples")) == 2
    assert "There is no film in" in capsys.readouterr().err
    assert main(line(tmp_path / "films", tmp_path / "output")) == 2
    assert "There is no usable sample" in capsys.readouterr().err
