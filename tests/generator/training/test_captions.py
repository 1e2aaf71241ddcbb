"""Captions as people and trainers write them: beside pictures, in lists, in folders' names."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

import pytest
from PIL import Image

from generator.contract.errors import TrainingError
from generator.training.data.samples import SampleSet
from generator.training.data.subject_pictures import find_pictures


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 64)).save(path)


def found(directory: Path, trigger: str | None = None, bad_samples: str = "stop") -> SampleSet:
    return find_pictures(directory, trigger=trigger, bad_samples=bad_samples)


def prompts(directory: Path, trigger: str | None = None) -> list[tuple[str, ...]]:
    return [sample.prompts for sample in found(directory, trigger)]


@pytest.mark.parametrize(
    "name", ["0.txt", "0.TXT", "0.caption", "0.Caption", "0.png.txt", "0.PNG.caption"]
)
def test_files_beside_a_picture(name: str, tmp_path: Path) -> None:
    picture(tmp_path / "0.png")
    (tmp_path / name).write_text("a ball\na disc\n")
    assert prompts(tmp_path) == [("a ball", "a disc")]


def test_an_accent_as_macos_writes_it(tmp_path: Path) -> None:
    picture(tmp_path / "gru\u0308n.png")
    (tmp_path / "gr\u00fcn.txt").write_text("a ball")
    assert prompts(tmp_path) == [("a ball",)]


@pytest.mark.parametrize("name", ["file_name", "file", "image", "File-Name", "image_path"])
@pytest.mark.parametrize("text", ["text", "caption", "prompt", "Caption"])
def test_lists_as_the_hub_has_them(name: str, text: str, tmp_path: Path) -> None:
    picture(tmp_path / "0.png")
    line = json.dumps({"width": 64, name: "0.png", text: "a ball"})
    (tmp_path / "metadata.jsonl").write_bytes(codecs.BOM_UTF8 + line.encode())
    assert prompts(tmp_path) == [("a ball",)]


def test_a_list_may_be_a_table(tmp_path: Path) -> None:
    picture(tmp_path / "0.png")
    (tmp_path / "metadata.csv").write_text('file_name,text\n0.png,"a ball, rising"\n')
    assert prompts(tmp_path) == [("a ball, rising",)]


def test_several_captions_of_one_picture(tmp_path: Path) -> None:
    picture(tmp_path / "0.png")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "0.png", "text": ["a ball", "b"]}')
    assert prompts(tmp_path) == [("a ball", "b")]


def test_a_list_names_places_and_bare_names(tmp_path: Path) -> None:
    for place in ("0.png", "2_ball/0.png", "2_ball/1.PNG"):
        picture(tmp_path / place)
    lines = [
        {"file_name": "0.png", "text": "above"},
        {"file_name": "2_ball\\0.png", "text": "below"},
        {"file_name": "elsewhere/1.png", "text": "anywhere"},
    ]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert prompts(tmp_path) == [("above",), ("below",), ("anywhere",)]


def test_a_list_comes_before_a_file_and_may_leave_a_picture_to_it(tmp_path: Path) -> None:
    for name in ("0", "1"):
        picture(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.txt").write_text("beside")
    lines = [{"file_name": "0.png", "text": "listed"}, {"file_name": "1.png", "text": None}]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert prompts(tmp_path) == [("listed",), ("beside",)]


@pytest.mark.parametrize(
    "line",
    [
        "a ball",
        "[]",
        "[" * 100_000,
        '{"file_name": "0.png"}',
        '{"text": "a ball"}',
        '{"file_name": "0.png", "text": 7}',
        '{"file_name": "0.png", "text": ["a", 7]}',
        '{"file_name": "0.png", "text": "\\ud800"}',
    ],
)
def test_a_line_that_is_no_caption_is_named(line: str, tmp_path: Path) -> None:
    picture(tmp_path / "0.png")
    (tmp_path / "metadata.jsonl").write_text(f"\n{line}\n")
    with pytest.raises(TrainingError, match=r"Line 2 of metadata\.jsonl isn't a caption"):
        found(tmp_path)


def test_kohya_s_folders_repeat_and_their_words_stand_in(tmp_path: Path) -> None:
    picture(tmp_path / "10_sks ring" / "0.png")
    picture(tmp_path / "10_sks ring" / "1.png")
    picture(tmp_path / "3_ring" / "0.png")
    (tmp_path / "10_sks ring" / "0.txt").write_text("a sks ring from above")
    seen = found(tmp_path, "sks ring")
    assert [(sample.prompt, sample.repeats) for sample in seen] == [
        ("sks ring, ring", 3),
        ("a sks ring from above", 10),
        ("sks ring", 10),
    ]
    assert len(seen.epoch_samples) == 23


def test_what_a_run_begins_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("0.png", "1.png", "2_sks/0.png", "0_never/0.png", "more/0.png"):
        picture(tmp_path / name)
    for name in ("._0.png", "notes.pdf", "7.txt", ".DS_Store", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    (tmp_path / "1.caption").write_text("a ring")
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Image.new("RGB", (64, 64)).save(tmp_path / "scan.png", "TIFF")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "gone.png", "text": "a ball"}')
    found(tmp_path, "sks", "skip").print_summary("picture")
    first, *reasons = capsys.readouterr().out.splitlines()
    assert first == (
        "3 pictures (4 with their folders' repeats): 1 with captions from files, 1 with the words "
        "of their folder alone, 1 with the trigger alone; 8 files left out:"
    )
    assert {line.strip().partition(": ")[::2] for line in reasons} == {
        ("._0.png", "macOS's notes about another file"),
        ("0_never/0.png", "its folder says 0 repeats"),
        ("7.txt", "a caption of no file here, or of one that has another"),
        ("gone.png", "named in a list of captions, but not there"),
        ("more", "a folder whose name isn't a number of repeats and words (10_sks ring)"),
        ("notes.pdf", "not a picture that can be read"),
        ("torn.png", "it isn't a picture that can be read"),
        ("scan.png", "TIFF pictures can't be read; save this one as PNG or JPEG"),
    }


def test_another_encoding_is_refused_by_its_name(tmp_path: Path) -> None:
    picture(tmp_path / "0.png")
    (tmp_path / "0.txt").write_bytes("ein grüner Ball".encode("cp1252"))
    with pytest.raises(TrainingError, match=r"its 0\.txt is in Latin-1 or Windows-1252"):
        found(tmp_path)
