"""LoRA training on a small model: the files it writes do in a pipeline what was trained."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from generator.__main__ import main
from generator.checkpoints.inspect.lora_facts import facts_of
from generator.checkpoints.inspect.lora_file import read_lora
from generator.contract.messages import Lora
from generator.model.loading import HotshotModel, load_model
from tests.generator.reference import CPU
from tests.generator.small_model import small_model
from tests.generator.training.conftest import losses

pytestmark = pytest.mark.slow

DIFFUSERS, KOHYA = "pytorch_lora_weights.safetensors", "lora_kohya.safetensors"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five pictures, one of them wide, one with a caption of its own."""
    directory = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for index in range(5):
        width = 96 if index == 2 else 64
        levels = rng.integers(256, size=(4, 4, 3), dtype=np.uint8)
        Image.fromarray(levels).resize((width, 64)).save(directory / f"{index}.png")
    (directory / "1.txt").write_text("from above")
    return directory


def line(pictures: Path, output: Path, *more: str) -> list[str]:
    model = str(small_model())
    return [
        *("train-lora", "--pretrained_model_name_or_path", model, "--data_dir", str(pictures)),
        *("--output_dir", str(output), "--resolution=64", "--report_to=none", "--rank=2"),
        *("--learning_rate=1e-2", "--save_starting_step=0", "--trigger=sks ring"),
        *("--max_train_steps=2", "--train_batch_size=2", "--gradient_accumulation_steps=1", *more),
    ]


def train(pictures: Path, output: Path, *more: str) -> None:
    AcceleratorState._reset_state(reset_partial_state=True)
    assert main(line(pictures, output, *more)) == 0


def weights(model: HotshotModel, *loras: Path) -> dict[str, torch.Tensor]:
    """A copy of all weights of a model with these LoRAs on, which come off again."""
    model.loras.apply([Lora(str(path)) for path in loras])
    first, second = model.text.encoders
    networks: dict[str, nn.Module] = {"unet": model.unet, "te1": first, "te2": second}
    copies = {
        f"{network}.{name}": value.detach().clone()
        for network, module in networks.items()
        for name, value in module.named_parameters()
    }
    model.loras.remove()
    return copies


@pytest.fixture(scope="module")
def plain(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps as the flags are by themselves."""
    output = tmp_path_factory.mktemp("plain") / "output"
    train(pictures, output)
    return output


WAYS = {
    "all layers, an alpha, text encoders": (
        "--target=all",
        "--alpha=1",
        "--train_text_encoder",
        "--text_encoder_lr=5e-3",
    ),
    "rsLoRA": ("--use_rslora", "--alpha=4"),
    "DoRA": ("--use_dora", "--target=all"),
}


@pytest.mark.parametrize("way", WAYS)
def test_both_files_say_the_same(way: str, pictures: Path, tmp_path: Path) -> None:
    train(pictures, tmp_path, *WAYS[way])
    check_both_files(tmp_path)


def test_both_files_of_attention_alone_say_the_same(plain: Path) -> None:
    check_both_files(plain)


def check_both_files(output: Path) -> None:
    model = load_model(str(small_model()), device=CPU, dtype=torch.float32)
    before = weights(model)
    ours, kohya = (weights(model, output / name) for name in (DIFFUSERS, KOHYA))
    different = [
        name
        for name, value in ours.items()
        if name.startswith("unet.") and not torch.equal(value, before[name])
    ]
    assert different
    assert not any("motion_modules" in name for name in different)
    written = load_file(output / KOHYA)
    for name, value in written.items():
        if name.endswith("dora_scale"):
            down = written[name.replace("dora_scale", "lora_down.weight")]
            assert value.shape[1:] == (1,) * (down.ndim - 1)
    for name, value in ours.items():
        torch.testing.assert_close(kohya[name], value, atol=1e-5, rtol=1e-4, msg=name)
    facts = facts_of(read_lora(output / KOHYA))
    assert (facts.base_model, facts.trigger_words) == ("SDXL", ("sks ring",))


def test_the_files_do_what_was_trained(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network that was trained, and a fresh one that wears the file, say the same."""
    from generator.training import run, train_lora

    trained: dict[str, Any] = {}
    load = run.load_frozen

    def note(*given: Any, **named: Any) -> Any:
        trained["model"], base = load(*given, **named)
        return trained["model"], base

    monkeypatch.setattr(train_lora, "load_frozen", note)
    train(pictures, tmp_path, "--use_rslora", "--alpha=3", "--target=all")
    fresh = load_model(str(small_model()), device=CPU, dtype=torch.float32)
    fresh.loras.apply([Lora(str(tmp_path / DIFFUSERS))])
    sample, text = torch.randn(1, 4, 2, 8, 8), torch.randn(1, 77, 64)
    added = {"text_embeds": torch.randn(1, 32), "time_ids": torch.ones(1, 6)}
    with torch.no_grad():
        wanted, found = (
            model.unet.eval()(sample, 500, text, added_cond_kwargs=added).sample
            for model in (trained["model"], fresh)
        )
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-3)


def test_diffusers_reads_what_it_writes(plain: Path) -> None:
    names = list(load_file(plain / DIFFUSERS))
    assert all(name.startswith("unet.") and ".lora_" in name for name in names)
    with safe_open(plain / KOHYA, framework="pt") as opened:
        assert opened.metadata()["ss_network_dim"] == "2"
        assert any(name.startswith("lora_unet_input_blocks_") for name in load_file(plain / KOHYA))


def test_prior_preservation_and_going_on(pictures: Path, tmp_path: Path, hasty: Path) -> None:
    model = f"--pretrained_model_name_or_path={hasty}"
    flags = (model, "--class_prompt=a ball|a star", "--num_class_images=2", "--flip", "--snr_gamma")
    whole, half = tmp_path / "whole", tmp_path / "half"
    train(pictures, whole, *flags, "--use_ema", "--max_train_steps=3")
    made = whole / "class_pictures"
    assert (made / "0001.txt").read_text() == "a star\n"
    shutil.copytree(made, half / "class_pictures")  # they are not made again
    train(pictures, half, *flags, "--use_ema", "--save_starting_step=1", "--save_n_steps=1")
    assert losses(half) == losses(whole)[:2]
    train(pictures, half, *flags, "--use_ema", "--max_train_steps=3", "--resume_from_checkpoint",
          "latest")  # fmt: skip
    assert losses(half) == losses(whole)
    found = load_file(half / DIFFUSERS)
    for name, value in load_file(whole / DIFFUSERS).items():
        assert torch.equal(found[name], value), name


def test_what_is_dropped_out_is_the_same_after_going_on(pictures: Path, tmp_path: Path) -> None:
    whole, half = tmp_path / "whole", tmp_path / "half"
    train(pictures, whole, "--dropout=0.5", "--max_train_steps=3")
    train(pictures, half, "--dropout=0.5", "--save_starting_step=1")
    train(pictures, half, "--dropout=0.5", "--max_train_steps=3", "--resume_from_checkpoint=latest")
    assert losses(half) == losses(whole)


def test_pictures_become_clips_and_so_does_the_class(
    pictures: Path, tmp_path: Path, hasty: Path
) -> None:
    model = f"--pretrained_model_name_or_path={hasty}"
    of_the_class = ("--class_prompt=a ball", "--num_class_images=2")
    flags = (model, *of_the_class, "--video_length=3", "--crops=7")
    train(pictures, tmp_path, *flags, "--save_starting_step=1", "--save_n_steps=1")
    made = tmp_path / "class_pictures" / "0001"
    assert sorted(file.name for file in made.iterdir()) == ["0.png", "1.png", "2.png", "prompt.txt"]
    before = losses(tmp_path)
    train(pictures, tmp_path, *flags, "--resume_from_checkpoint=latest", "--max_train_steps=3")
    assert losses(tmp_path)[:2] == before
    assert facts_of(read_lora(tmp_path / DIFFUSERS))


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[[list[str]], str]:
    def run(words: list[str]) -> str:
        assert main(words) == 2
        message = capsys.readouterr().err
        assert message.count("\n") == 1
        return message

    return run


def test_bad_input_is_one_sentence(
    pictures: Path, tmp_path: Path, refused: Callable[[list[str]], str], plain: Path
) -> None:
    output = tmp_path / "output"
    wordless = [word for word in line(pictures, output) if not word.startswith("--trigger")]
    assert "0.png can't be used: it has no 0.txt, and no --trigger" in refused(wordless)
    assert "--rank must be at least 1" in refused(line(pictures, output, "--rank=0"))
    assert "from 1 to 24" in refused(line(pictures, output, "--video_length=25"))
    assert "--crops" in refused(line(pictures, output, "--video_length=8"))
    assert "--class-prompt" in refused(line(pictures, output, "--class_data_dir", str(pictures)))
    (tmp_path / "empty").mkdir()
    assert "is empty" in refused(line(tmp_path / "empty", output))
    (tmp_path / "empty" / "a.png").write_bytes(b"GIF89a nothing")
    assert "a.png: it isn't a picture that can be read" in refused(line(tmp_path / "empty", output))
    shutil.copytree(plain, output, dirs_exist_ok=True)
    again = ("--resume_from_checkpoint=latest", "--max_train_steps=3", "--rank=3")
    assert "other layers or ranks" in refused(line(pictures, output, *again))


def test_another_model_is_not_gone_on_with(
    pictures: Path, tmp_path: Path, refused: Callable[[list[str]], str], plain: Path
) -> None:
    """One of the same shapes, as all of SDXL are."""
    other, output = tmp_path / "other", tmp_path / "output"
    shutil.copytree(small_model(), other)
    [file] = (other / "unet").glob("*.safetensors")
    weights = load_file(file)
    save_file(weights | {"conv_in.weight": weights["conv_in.weight"] + 1}, file)
    shutil.copytree(plain, output, dirs_exist_ok=True)
    more = ("--resume_from_checkpoint=latest", "--max_train_steps=3")
    words = line(pictures, output, *more, f"--pretrained_model_name_or_path={other}")
    assert "was made with another model" in refused(words)


def test_somebody_s_own_pictures_are_not_taken_for_those_of_the_class(
    pictures: Path, tmp_path: Path, refused: Callable[[list[str]], str]
) -> None:
    own = tmp_path / "class_pictures"
    shutil.copytree(pictures, own)
    before = sorted(own.iterdir())
    message = refused(line(pictures, tmp_path, "--class_prompt=a ball", "--num_class_images=1"))
    assert "weren't made here; name it with --class-data-dir" in message
    assert sorted(own.iterdir()) == before
