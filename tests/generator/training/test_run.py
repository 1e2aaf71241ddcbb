"""What happens to a run: stopped, out of room, gone wrong, watched; and what bad data is told."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from generator.__main__ import main
from generator.training.run_directory import RunDirectory
from generator.training.trackers import wandb_run_id
from tests.generator.training.conftest import line, losses, train, write_sample
from tests.patience import wait_until

pytestmark = pytest.mark.slow

GO_ON = ("--unet_resume_path=latest",)
Refused = Callable[[list[str]], str]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Runs what must be refused; gives the one line it was refused with."""

    def run(words: list[str]) -> str:
        capsys.readouterr()
        assert main(words) == 2
        message = capsys.readouterr().err
        assert message.startswith("hotshot fine-tune: ")
        assert message.count("\n") == 1
        return message

    return run


@pytest.fixture(scope="module")
def two_steps(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("two_steps") / "output"
    train(clips, output, "--max_train_steps=2")
    return output


@pytest.fixture
def begun(two_steps: Path, tmp_path: Path) -> Path:
    """A run of two steps, to go on with or to spoil."""
    return shutil.copytree(two_steps, tmp_path / "output")


def test_ctrl_c_saves_and_says_how_to_go_on(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "output"
    lines = output / "metrics.jsonl"

    def interrupt() -> None:
        wait_until(lambda: lines.is_file() and lines.stat().st_size)
        os.kill(os.getpid(), signal.SIGINT)

    with ThreadPoolExecutor(1) as executor:
        pressed = executor.submit(interrupt)
        assert main(line(clips, output, "--max_train_steps=10000")) == 130
    pressed.result()
    message = capsys.readouterr().err
    done = len(losses(output))
    assert f"Stopped after step {done} of 10000 and saved" in message
    assert "Traceback" not in message
    checkpoint = RunDirectory(output).latest_checkpoint()
    assert checkpoint is not None
    assert checkpoint.name == f"step-{done:06d}"
    train(clips, output, f"--max_train_steps={done + 1}", "--unet_resume_path=latest")
    assert len(losses(output)) == done + 1


def test_a_full_disk_leaves_the_last_good_checkpoint(
    clips: Path, begun: Path, refused: Refused
) -> None:
    good = {path: path.read_bytes() for path in (begun / "checkpoints").rglob("*.*")}
    words = line(clips, begun, "--max_train_steps=4", "--unet_resume_path=latest")
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, unlimited[1]))
    try:
        message = refused(words)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert "step-000004 can't be written" in message
    assert "enforce fail" not in message
    assert "the last good checkpoint is step-000002; make room" in message
    assert {path: path.read_bytes() for path in (begun / "checkpoints").rglob("*.*")} == good
    assert main(words) == 0


def test_whatever_else_can_t_be_written_is_one_sentence(
    clips: Path, begun: Path, refused: Refused
) -> None:
    (begun / "report.html").unlink()
    (begun / "report.html").mkdir()
    message = refused(line(clips, begun, "--max_train_steps=4", "--unet_resume_path=latest"))
    assert "Is a directory" in message
    assert "the last good checkpoint is step-000002" in message


def test_weights_alone_are_taken_into_another_directory(
    clips: Path, begun: Path, refused: Refused
) -> None:
    """Else the new run's steps would be written among those of the old one."""
    kept = {path: path.read_bytes() for path in begun.rglob("*.*") if path.is_file()}
    flags = ("--unet_resume_path=latest", "--disable_optimizer_restore")
    assert "a new run would overwrite" in refused(line(clips, begun, *flags))
    assert {path: path.read_bytes() for path in begun.rglob("*.*") if path.is_file()} == kept


def test_two_runs_in_one_directory(clips: Path, begun: Path, refused: Refused) -> None:
    assert "already holds a run, up to step 2" in refused(line(clips, begun))
    with RunDirectory(begun).locked():
        assert "Another run is writing" in refused(line(clips, begun))
    elsewhere = begun.with_name("elsewhere")
    shutil.copytree(begun / "checkpoints" / "step-000002", elsewhere)
    words = line(clips, begun, "--unet_resume_path", str(elsewhere))
    assert "which resuming from elsewhere would overwrite" in refused(words)


def test_a_checkpoint_of_another_model_or_run(
    clips: Path, begun: Path, copy_of_small: Path, tmp_path: Path, refused: Refused
) -> None:
    checkpoint = begun / "checkpoints" / "step-000002"
    weights = copy_of_small / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(weights)
    tensors["conv_in.weight"] = tensors["conv_in.weight"] * 1.01
    save_file(tensors, weights, metadata={"format": "pt"})
    resumed = ("--unet_resume_path", str(checkpoint))
    words = line(clips, tmp_path / "other", *resumed, model=copy_of_small)
    assert "was trained with other spatial layers" in refused(words)
    words = line(clips, tmp_path / "other", *resumed, "--train_batch_size=1")
    assert "global batch = 2, and this run has 1" in refused(words)
    (tmp_path / "nothing").mkdir()
    words = line(clips, tmp_path / "other", "--unet_resume_path", str(tmp_path / "nothing"))
    assert "can't be resumed from" in refused(words)
    words = line(clips, tmp_path / "other", "--unet_resume_path=latest")
    assert "holds no checkpoint" in refused(words)
    (checkpoint / "state.pt").write_bytes(b"PK\3\4 broken")
    words = line(clips, begun, "--unet_resume_path=latest", "--max_train_steps=4")
    assert "state.pt can't be read" in refused(words)


def test_a_loss_that_is_no_number_names_step_and_sample(
    clips: Path, tmp_path: Path, refused: Refused
) -> None:
    flags = ("--learning_rate=1e30", "--max_train_steps=9", "--save_starting_step=1")
    message = refused(line(clips, tmp_path / "output", *flags))
    assert "The loss isn't a number at step 2, in the sample" in message
    assert "the last checkpoint, step-000001, is as it was" in message
    saved = load_file(
        tmp_path / "output" / "checkpoints" / "step-000001" / "temporal_layers.safetensors"
    )
    assert saved


def test_what_is_told(clips: Path, tmp_path: Path, hasty: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    flags = ("--max_train_steps=2", "--validate_every_steps=2", "--run_validation_at_start")
    more = ("--test_prompts=a <red> ball|a blue star", "--report_to=tensorboard")
    train(clips, tmp_path, *flags, *more, "--run_name=first & last", model=hasty)
    page = (tmp_path / "report.html").read_text()
    assert "a &lt;red&gt; ball" in page
    assert "first &amp; last" in page
    assert "2 of 2 steps" in page
    for step in (0, 2):
        for index in range(2):
            name = f"validation/step-{step:06d}/{index}.gif"
            assert name in page
            assert (tmp_path / name).read_bytes().startswith(b"GIF89a")
    events = EventAccumulator(str(tmp_path / "logs" / "fine-tune-hotshot-xl"))
    events.Reload()
    assert [event.value for event in events.Scalars("train/loss")] == pytest.approx(
        losses(tmp_path)
    )
    shown = events.Images("validation/1")
    assert [image.step for image in shown] == [0, 2]
    assert shown[1].encoded_image_string.startswith(b"GIF89a")


def test_a_validation_that_fails_costs_no_training(
    clips: Path, tmp_path: Path, hasty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "validation" / "step-000001" / "0.gif").mkdir(parents=True)
    flags = ("--max_train_steps=1", "--validate_every_steps=1", "--test_prompts=a ball")
    train(clips, tmp_path, *flags, model=hasty)
    assert "no validation GIFs of step 1: " in capsys.readouterr().err
    assert (tmp_path / "temporal_layers.safetensors").is_file()


def test_trackers_that_are_not_installed(
    clips: Path, tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)  # as where it isn't installed
    message = refused(line(clips, tmp_path / "output", "--report_to=wandb"))
    assert 'pip install "hotshot-bot[wandb]"' in message
    assert not (tmp_path / "output").exists()


def test_weights_and_biases_offline(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    flags = ("--max_train_steps=1", "--run_validation_at_start", "--test_prompts=a ball")
    train(clips, tmp_path, *flags, "--report_to=wandb")
    assert list(tmp_path.glob("logs/wandb/offline-run-*/*.wandb"))
    assert list(tmp_path.glob("logs/wandb/offline-run-*/files/media/videos/*.gif"))
    train(clips, tmp_path, "--max_train_steps=2", "--report_to=wandb", *GO_ON)
    began, went_on = sorted(path.name for path in tmp_path.glob("logs/wandb/offline-run-*"))
    assert began.rpartition("-")[2] == went_on.rpartition("-")[2]


def test_a_run_keeps_its_name_at_weights_and_biases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_RUN_ID", raising=False)
    first = wandb_run_id(tmp_path, is_resumed=False)
    assert wandb_run_id(tmp_path, is_resumed=True) == first
    anew = wandb_run_id(tmp_path, is_resumed=False)
    assert wandb_run_id(tmp_path, is_resumed=True) == anew != first
    monkeypatch.setenv("WANDB_RUN_ID", "mine")
    assert wandb_run_id(tmp_path, is_resumed=True) == "mine"
    monkeypatch.delenv("WANDB_RUN_ID")
    assert wandb_run_id(tmp_path, is_resumed=True) == "mine"


# -- bad data --------------------------------------------------------------------------------------


def a_bad_sample(data: Path, kind: str) -> None:
    frames = np.zeros((3, 64, 64, 3), np.uint8)
    folder = data / "sample_2"
    if kind != "no folder":
        write_sample(folder, frames[: 1 if kind == "one frame" else 3], "a ball")
    if kind == "no prompt":
        (folder / "prompt.txt").unlink()
    if kind == "empty prompt":
        (folder / "prompt.txt").write_text(" \n")
    if kind == "torn":
        whole = (folder / "1.png").read_bytes()
        (folder / "1.png").write_bytes(whole[: len(whole) // 2])
    if kind == "sizes":
        shutil.copy(folder / "0.png", folder / "9.png")
        write_sample(data / "spare", np.zeros((1, 32, 64, 3), np.uint8), None)
        shutil.move(data / "spare" / "0.png", folder / "9.png")
        shutil.rmtree(data / "spare")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("no prompt", "sample_2 can't be used: it has no prompt.txt"),
        ("empty prompt", "sample_2 can't be used: its prompt.txt is empty"),
        ("one frame", "sample_2 can't be used: it has 1 of the 2 frames"),
        ("torn", "sample_2 can't be used: 1.png: it isn't a picture that can be read"),
        ("sizes", "sample_2 can't be used: its frames differ in size (64 x 32 and 64 x 64)"),
        ("no folder", "is empty"),
    ],
)
def test_bad_data_is_one_sentence(
    kind: str, sentence: str, tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "data").mkdir()
    a_bad_sample(tmp_path / "data", kind)
    assert sentence in refused(line(tmp_path / "data", tmp_path / "output"))


def test_a_bad_sample_can_be_skipped(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(clips / "sample_0", data / "sample_0")
    a_bad_sample(data, "torn")
    train(data, tmp_path / "output", "--max_train_steps=1", "--bad_samples=skip")
    assert (
        "Skipping the sample sample_2: 1.png: it isn't a picture that can be read"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--resolution=100",), "multiple of 64"),
        (("--learning_rate=0",), "--learning-rate must be more than 0"),
        (("--max_train_steps=0",), "--max-train-steps must be at least 1"),
        (("--caption_dropout=1.5",), "--caption-dropout must be from 0 to 1"),
        (("--video_length=25",), "from 2 to 24"),
        (("--snr_gamma=-1",), "--snr-gamma"),
        (("--lr_scheduler=sometimes",), "--lr-scheduler"),
        (("--disable_optimizer_restore",), "--unet-resume-path"),
        (("--pretrained_model_name_or_path=/no/model",), "/no/model"),
        (("--video_length=5",), "it has 4 of the 5 frames"),
        (("--use_8bit_adam",), "bitsandbytes"),
    ],
)
def test_bad_flags_are_one_sentence(
    flags: tuple[str, ...], sentence: str, clips: Path, tmp_path: Path, refused: Refused
) -> None:
    assert sentence in refused(line(clips, tmp_path / "output", *flags))
    assert not list((tmp_path).rglob("unet"))
