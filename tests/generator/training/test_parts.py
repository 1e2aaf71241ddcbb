"""The parts of a run by themselves: flags, samples, the sampler, randomness, checkpoints."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny, DDPMScheduler
from PIL import Image

from generator.cli import fine_tune, train_lora
from generator.cli.parsing import with_dashes
from generator.contract.command_line import Parser, UsageError
from generator.contract.errors import TrainingError
from generator.contract.limits import ModelLimits, Size
from generator.model.text_encoding import EncodedText
from generator.nano import measure
from generator.training import report
from generator.training.data.batches import Batches, TrainingClip, make_crop_clips
from generator.training.data.buckets import BucketSampler, choose_size
from generator.training.data.latent_cache import Cache, LatentEncoder
from generator.training.data.pan_crop import MOTIONS
from generator.training.data.sample_rng import SampleRng
from generator.training.data.samples import Sample, find_clips
from generator.training.data.subject_pictures import find_pictures
from generator.training.run_directory import RunDirectory
from generator.training.settings import ASPECT_RATIOS, FineTuneSettings, LoraSettings, RunSettings
from tests.generator.reference import REFERENCE, TINY

GEOMETRY = REFERENCE / "golden" / "geometry.json"

README = """
    --output_dir="<OUTPUT_DIR>" --data_dir="fine_tune_dataset" --report_to="wandb"
    --run_validation_at_start --resolution=512 --mixed_precision=fp16 --train_batch_size=4
    --learning_rate=1.25e-05 --lr_scheduler="constant" --lr_warmup_steps=0 --max_train_steps=1000
    --save_n_steps=20 --validate_every_steps=50 --vae_b16 --gradient_checkpointing
    --noise_offset=0.05 --snr_gamma --test_prompts="man sits at a table | he smiles"
"""


def fine_tuning(words: str) -> FineTuneSettings:
    parser = fine_tune.add_to(Parser().add_subparsers(parser_class=Parser))
    return fine_tune.build_settings(parser.parse_args(with_dashes(shlex.split(words))))


def lora(words: str) -> LoraSettings:
    parser = train_lora.add_to(Parser().add_subparsers(parser_class=Parser))
    return train_lora.build_settings(parser.parse_args(with_dashes(shlex.split(words))))


def test_the_readme_s_command_is_understood() -> None:
    settings = fine_tuning(README)
    run = settings.run
    assert (settings.model, settings.resolution) == ("hotshotco/Hotshot-XL", 512)
    assert (settings.snr_gamma, settings.vae_b16, settings.noise_offset) == (5.0, True, 0.05)
    assert run.test_prompts == ("man sits at a table", "he smiles")
    assert (run.learning_rate, run.max_train_steps, run.save_n_steps) == (1.25e-5, 1000, 20)
    assert (run.report_to, run.mixed_precision) == ("wandb", "fp16")
    assert run.gradient_checkpointing
    assert run.run_validation_at_start


def test_the_originals_other_flags_are_understood() -> None:
    settings = fine_tuning(
        "--data_dir=x --snr_gamma=2.5 --aspect_ratio=1.75 --max_vae_encode=4 --scale_lr --xformers "
        "--latent_nan_checking --use_8bit_adam --adam_beta1=.8 --adam_beta2=.99 --max_grad_norm=2 "
        "--adam_weight_decay=0 --adam_epsilon=1e-7 --disable_optimizer_restore --nccl_timeout=60 "
        "--unet_resume_path=y --save_starting_step=0 --project_name=p --run_name=r "
        "--logging_dir=logs2 --num_train_epochs=3 --gradient_accumulation_steps=2 --seed=0 "
        f"--pretrained_model_name_or_path={TINY}"
    )
    assert (settings.snr_gamma, settings.aspect_ratio, settings.resolution) == (2.5, "1.75", 128)
    assert (settings.run.resume, settings.run.log_directory) == ("y", Path("logs2"))
    assert settings.run.batch(3) == 8 * 2 * 3


def test_a_gpu_s_memory_decides_what_is_not_said() -> None:
    small, large = lora("--data_dir=x"), lora("--data_dir=x --gpu_memory=24")
    assert (small.run.train_batch_size, small.run.gradient_accumulation_steps) == (1, 4)
    assert (large.run.train_batch_size, large.rank) == (4, 32)
    assert lora("--data_dir=x --gpu_memory=24 --rank=8").rank == 8
    assert small.run.gradient_checkpointing


def test_frames_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    folder = tmp_path / "sample_10"
    folder.mkdir()
    for index in range(12):
        Image.new("RGB", (96, 64), (20 * index,) * 3).save(folder / f"frame_{index}.png")
    (folder / "prompt.txt").write_text("  brighter \n")
    (tmp_path / ".hidden").mkdir()
    (sample,) = find_clips(tmp_path, video_length=None, bad_samples="stop")
    assert (sample.prompt, sample.size, sample.original_size) == ("brighter", (96, 64), (96, 64))
    assert sample.frames(64, 64)[:, 5, 5, 0].tolist() == [20 * index for index in range(12)]
    (four,) = find_clips(tmp_path, video_length=4, bad_samples="stop")
    assert [file.name for file in four.files] == [f"frame_{n}.png" for n in (0, 4, 7, 11)]


@pytest.mark.parametrize(
    "written",
    ["", "[]", "{}", '{"original_size": [96]}', '{"original_size": ["a", 64]}', "[" * 100_000,
     '{"original_size": [96, 64], "repeats": "often"}'],
)  # fmt: skip
def test_what_a_clip_s_file_says_must_make_sense(written: str, tmp_path: Path) -> None:
    folder = tmp_path / "sample_0"
    folder.mkdir()
    for index in range(2):
        Image.new("RGB", (96, 64)).save(folder / f"{index}.png")
    (folder / "prompt.txt").write_text("a ball")
    (folder / "clip.json").write_text(written)
    with pytest.raises(
        TrainingError, match=r"sample_0 can't be used: its clip\.json can't be read"
    ):
        find_clips(tmp_path, video_length=None, bad_samples="stop")
    (folder / "clip.json").write_text('{"original_size": [192, 128], "repeats": 3}')
    (sample,) = find_clips(tmp_path, video_length=None, bad_samples="stop")
    assert (sample.original_size, sample.repeats) == ((192, 128), 3)


def test_each_line_beside_a_picture_is_a_caption_with_the_trigger(tmp_path: Path) -> None:
    for name in ("0.png", "1.png"):
        Image.new("RGB", (64, 64)).save(tmp_path / name)
    (tmp_path / "0.txt").write_text("a sks ring that spins\n\n from above \n", encoding="utf-8")
    captioned, bare = find_pictures(tmp_path, trigger="sks ring", bad_samples="stop")
    assert captioned.prompts == ("a sks ring that spins", "sks ring, from above")
    assert bare.prompts == ("sks ring",)


def test_every_caption_of_a_picture_is_drawn_by_and_by(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "0.png")
    prompts: list[str] = []

    class Heard:
        """Notes what is to be encoded."""

        def encode(self, caption: str) -> EncodedText:
            prompts.append(caption)
            return self.encode_dropped()

        def encode_dropped(self) -> EncodedText:
            return EncodedText(torch.zeros(1, 77, 2), torch.zeros(1, 2))

    sample = Sample("0", (tmp_path / "0.png",), "a", (64, 64), (64, 64), ("b", "c"))
    batches = Batches(
        clips=[TrainingClip(sample, Size("square", 64, 64), "key")],
        sampler=BucketSampler([(64, 64, 1)], 2, seed=1),
        schedule=DDPMScheduler(),
        latents=LatentEncoder(AutoencoderTiny(), Cache(None), "vae"),
        captions=Heard(),
        seed=1,
        device=torch.device("cpu"),
    )
    for step_number in range(10):
        batches.at(step_number, range(2))
    assert set(prompts) == {"a", "b", "c"}


def test_a_picture_is_seen_whole_and_in_parts(tmp_path: Path) -> None:
    """Each pixel says where it is, so each part can be told to be where its time_ids say."""
    across, down = np.meshgrid(np.arange(128), np.arange(128))
    picture = np.stack([across, down, np.zeros_like(down)], axis=-1).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "0.png")
    [sample] = find_pictures(tmp_path, trigger="x", bad_samples="stop")
    size = Size("square", 128, 128)
    whole, *parts = make_crop_clips(sample, size, 5, np.random.default_rng(0))
    assert np.array_equal(whole.frames()[0], picture)
    assert len({clip.key for clip in (whole, *parts)}) == 5
    for part in parts:
        zoom = round(128 * part.crops[0].zoom) / 128
        left, top = part.time_ids[2:4]
        middle = part.frames()[0, 64, 64]
        assert middle[0] == pytest.approx((left + 64) / zoom, abs=2)
        assert middle[1] == pytest.approx((top + 64) / zoom, abs=2)


@pytest.mark.parametrize("motion", MOTIONS)
def test_what_a_clip_of_a_picture_does_is_what_it_says(motion: str, tmp_path: Path) -> None:
    across, down = np.meshgrid(np.arange(128), np.arange(128))
    disc = np.hypot(across - 64, down - 64) < 20
    Image.fromarray((disc * 255).astype(np.uint8)).convert("RGB").save(tmp_path / "0.png")
    (tmp_path / "0.txt").write_text("a disc {motion} on black", encoding="utf-8")
    [sample] = find_pictures(tmp_path, trigger=None, bad_samples="stop")
    clips = make_crop_clips(
        sample, Size("square", 128, 128), 7, np.random.default_rng(1), video_length=8
    )
    [clip] = [clip for clip in clips if clip.motion == motion]
    assert clip.prompts == (f"a disc {motion} on black",)
    assert clip.shape == (128, 128, 8)
    # What SDXL is told of the crop is as when GIFs are made: it must not give the motion away.
    assert clip.time_ids[2:4] == (0, 0)
    seen = measure.measure_clip(clip.frames())
    assert seen is not None
    assert seen.motion == motion


def test_a_picture_that_a_phone_laid_on_its_side(tmp_path: Path) -> None:
    picture = Image.new("RGB", (100, 50))
    turned = picture.getexif()
    turned[0x0112] = 6
    picture.save(tmp_path / "0.jpg", exif=turned)
    [sample] = find_pictures(tmp_path, trigger="x", bad_samples="stop")
    assert sample.size == (50, 100)


@pytest.mark.parametrize(
    ("caption", "prompt"),
    [
        ("a photo of tok", "a photo of tok"),
        ("Tok, asleep", "Tok, asleep"),
        ("a stock photo", "tok, a stock photo"),
    ],
)
def test_the_trigger_word_is_a_word(caption: str, prompt: str, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "0.png")
    (tmp_path / "0.txt").write_text(caption, encoding="utf-8")
    [sample] = find_pictures(tmp_path, trigger="tok", bad_samples="stop")
    assert sample.prompt == prompt


def test_how_long_a_run_is() -> None:
    run = RunSettings(output_dir=Path("x"))
    assert (run.total_steps(3), run.total_steps(3, default=1000)) == (3, 1000)
    epochs = replace(run, num_train_epochs=2)
    assert (epochs.total_steps(3), epochs.total_steps(3, default=1000)) == (6, 6)
    assert replace(epochs, max_train_steps=5).total_steps(3, default=1000) == 5


def test_the_original_s_choice_of_a_bucket() -> None:
    for case in json.loads(GEOMETRY.read_text(encoding="utf-8"))["best_aspect_ratio"]:
        found = choose_size(round(case["ratio"] * 1000), 1000, case["resolution"])
        assert [found.width, found.height] == case["out"][1], case


@pytest.mark.parametrize("spelt", ["1.00", "1.0", "1", "2.40", "2.4", "0.57", "auto"])
def test_an_aspect_ratio_however_it_is_spelt(spelt: str) -> None:
    settings = fine_tuning(f"--data_dir=x --aspect_ratio={spelt} --resolution=512")
    assert settings.aspect_ratio in ASPECT_RATIOS
    if spelt != "auto":
        size = choose_size(300, 300, 512, settings.aspect_ratio)
        assert f"{size.width / size.height:.2f}" == f"{float(spelt):.2f}"


@pytest.mark.parametrize("spelt", ["3", "nan", "square", ""])
def test_an_aspect_ratio_that_is_none_of_the_seven(spelt: str) -> None:
    with pytest.raises(UsageError, match="--aspect-ratio"):
        fine_tuning(f"--data_dir=x --aspect_ratio={spelt}")


def test_the_nearest_of_the_seven_sizes_is_chosen() -> None:
    for size in ModelLimits(native_edge=512).sizes:
        for scale in (1, 3):
            found = choose_size(size.width * scale, size.height * scale, 512)
            assert found == size
    assert choose_size(1920, 1080, 512).name == "landscape"
    assert choose_size(100, 100, 512, "2.4").name == "wide"
    assert (choose_size(1, 1, 128).width, choose_size(1, 1, 1024).width) == (128, 1024)


def test_a_sampler_sees_all_in_batches_of_one_shape() -> None:
    shapes = [(64, 64)] * 6 + [(96, 48)] * 3
    sampler, again = BucketSampler(shapes, 2, seed=1), BucketSampler(shapes, 2, seed=1)
    assert sampler.steps_per_epoch == 5
    steps = [sampler.at(step) for step in range(10)]
    assert all(len({shapes[index] for index in batch}) == 1 for batch in steps)
    for epoch in (steps[:5], steps[5:]):
        seen = Counter(index for batch in epoch for index in batch)
        assert set(seen) == set(range(9))
        assert sorted(seen.values()) == [1] * 8 + [2]  # three wide ones fill two batches
    assert steps[:5] != steps[5:]
    assert [again.at(step) for step in (9, 0, 4)] == [steps[9], steps[0], steps[4]]
    assert [BucketSampler(shapes, 2, seed=2).at(step) for step in range(5)] != steps[:5]


def test_what_is_drawn_depends_on_seed_step_and_position_alone() -> None:
    def noise(*position: int) -> torch.Tensor:
        return SampleRng(*position).noise(torch.Size((4, 2, 8, 8)), 0.0)

    assert torch.equal(noise(1, 2, 3), noise(1, 2, 3))
    others = [noise(1, 2, 4), noise(1, 3, 3), noise(2, 2, 3)]
    assert all(not torch.equal(noise(1, 2, 3), other) for other in others)
    shifted = SampleRng(1, 2, 3).noise(torch.Size((4, 2, 8, 8)), 10.0) - noise(1, 2, 3)
    assert shifted.std(dim=(1, 2, 3)).max() < 1e-5
    assert shifted[:, 0, 0, 0].std() > 1


def test_checkpoints_are_whole_and_the_newest_stay(tmp_path: Path) -> None:
    run_directory = RunDirectory(tmp_path)

    def fill(directory: Path) -> None:
        (directory / "weights").write_text("whole")

    for step in (5, 10, 100_000_000):
        run_directory.write_checkpoint(step, fill, keep=2)
    assert [path.name for path in run_directory.checkpoint_paths()] == [
        "step-000010",
        "step-100000000",
    ]

    def fail(directory: Path) -> None:
        fill(directory)
        raise OSError(28, "No space left on device")

    with pytest.raises(TrainingError, match=r"No space left.*last good checkpoint is step-1000"):
        run_directory.write_checkpoint(200_000_000, fail)
    assert len(list(run_directory.checkpoints.iterdir())) == 2
    assert run_directory.resolve_resume("latest") == run_directory.checkpoint_paths()[-1]
    with pytest.raises(TrainingError, match="There is no checkpoint at"):
        run_directory.resolve_resume(str(tmp_path / "nowhere"))


def test_a_report_of_a_long_run_stays_small() -> None:
    rng = np.random.default_rng(0)
    lines = [
        {"done": step, "loss": float(rng.random()), "learning_rate": 1e-5, "gradient_norm": 1.0,
         "seconds": 0.5}
        for step in range(1, 20_001)
    ]  # fmt: skip
    page = report.page("a <long> run", lines, [], steps=20_000)
    assert len(page) < 100_000
    assert "a &lt;long&gt; run" in page
    assert page.count("<svg") == 3
    assert "No step of 10 is done yet" in report.page("none", [], [], steps=10)
