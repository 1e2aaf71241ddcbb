"""Previews: the guess ends where the clip does, and a failure costs nobody the GIF."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from generator.contract.messages import Request
from generator.contract.raw_clip import RawClip
from generator.inference import latent_preview
from generator.inference.latent_preview import PreviewDecoder, PreviewMaker
from generator.inference.pipeline import HotshotPipeline
from generator.media.clip import Frames
from generator.media.save import encode_raw
from generator.model.loading import HotshotModel
from tests.generator.media.pictures import read_back

REQUEST = Request(
    prompt="a red ball",
    seed=0,
    width=64,
    height=64,
    steps=6,
    guidance_scale=5.0,
    video_length=3,
    video_duration=600,
)


def silent(stage: str, step: int, steps: int) -> None:
    """Nobody listens."""


@pytest.fixture
def previews(small: HotshotModel, monkeypatch: pytest.MonkeyPatch) -> PreviewMaker:
    """That think each step worth the while."""
    monkeypatch.setattr(latent_preview, "_FIRST_SECONDS", 0.0)
    monkeypatch.setattr(latent_preview, "_EVERY_SECONDS", 0.0)
    return PreviewMaker(PreviewDecoder(small), 600)


@pytest.mark.parametrize("scheduler", ["euler", "euler_a", "ddim", "dpmpp_2m", "unipc"])
def test_the_last_guess_is_nearly_the_clip(small: HotshotModel, scheduler: str) -> None:
    guesses: list[Tensor] = []
    made = HotshotPipeline(small).latents(
        replace(REQUEST, scheduler=scheduler),
        report=silent,
        preview_callback=lambda guess, _step, _steps: guesses.append(guess),
    )
    assert len(guesses) == REQUEST.steps
    distances = [float((guess - made).square().mean()) for guess in guesses]
    assert distances[-1] < 0.01 * float(made.square().mean())
    assert distances[-1] == min(distances)


@pytest.mark.slow
def test_looking_changes_nothing(previews: PreviewMaker, small: HotshotModel) -> None:
    pipeline = HotshotPipeline(small)
    looked_at = pipeline(REQUEST, report=silent, preview_callback=previews)
    assert previews.take() is not None
    assert np.array_equal(looked_at, pipeline(REQUEST, report=silent))


def test_a_preview_is_a_small_film_and_taken_once(
    previews: PreviewMaker, small: HotshotModel
) -> None:
    taken: list[RawClip] = []

    def look(guess: Tensor, step: int, steps: int) -> None:
        previews(guess, step, steps)
        taken.extend(filter(None, [previews.take()]))
        assert previews.take() is None

    HotshotPipeline(small).latents(REQUEST, report=silent, preview_callback=look)
    assert len(taken) >= 3
    film = read_back(encode_raw(taken[-1], ".webp"))
    assert film.frames.shape == (3, 192, 192, 3)
    assert sum(film.durations) == 600


def test_a_large_vae_is_stood_in_for_by_its_colours(
    small: HotshotModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On smooth latents, which it is meant for, it is nearer to the VAE than any one colour."""
    smooth = torch.nn.functional.interpolate(
        torch.randn((4, 2, 2), generator=torch.Generator().manual_seed(3))[None],
        size=(8, 8),
        mode="bicubic",
    )[:, :, None]
    exact = PreviewDecoder(small)(smooth)[0].astype(np.float32)
    monkeypatch.setattr(latent_preview, "_SMALL_VAE", 0)
    mapped = PreviewDecoder(small)(smooth)[0].astype(np.float32)
    assert mapped.shape == exact.shape
    spread = np.square(exact - exact.mean(axis=(0, 1))).mean()
    assert np.square(mapped - exact).mean() < spread


@pytest.mark.usefixtures("previews")
def test_a_preview_that_fails_is_no_loss(small: HotshotModel) -> None:
    def no_room(_: Tensor) -> Frames:
        raise RuntimeError("out of memory")

    failing = PreviewMaker(no_room, 600)
    HotshotPipeline(small).latents(REQUEST, report=silent, preview_callback=failing)
    assert failing.take() is None
