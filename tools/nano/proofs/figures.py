"""What the proofs share: GIFs of prompts, shares of right ones, a sheet and figures on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from generator.contract.limits import ModelLimits
from generator.contract.messages import Lora, Request
from generator.inference.pipeline import HotshotPipeline
from generator.media.clip import Clip, Frames
from generator.media.save import save
from generator.model.devices import choose
from generator.model.loading import load_model
from generator.nano import measure
from tools.nano import evaluate


@dataclass(frozen=True, slots=True)
class ProofPrompt:
    """A prompt with what must be seen in its GIF."""

    prompt: str
    seed: int
    is_right: Callable[[Frames], bool]


def make_gifs(
    model: str, prompts: Sequence[tuple[str, int]], loras: tuple[Lora, ...] = ()
) -> list[Frames]:
    """A GIF for each prompt and seed, at the model's own settings."""
    device = choose("auto", "auto")
    pipeline = HotshotPipeline(load_model(model, device=device.device, dtype=device.dtype))
    limits = ModelLimits.of(model)
    return [
        pipeline(_request(prompt, seed, limits, loras), report=lambda *_: None)
        for prompt, seed in tqdm(prompts, desc=f"making with {model}", unit="GIF", mininterval=5)
    ]


def share_right(prompts: Sequence[ProofPrompt], made: Sequence[Frames]) -> float:
    """How many are right."""
    return float(np.mean([one.is_right(frames) for one, frames in zip(prompts, made, strict=True)]))


def known_prompts(count: int) -> list[ProofPrompt]:
    """What nano knew before: the evaluation's prompts, and whether the motion is theirs."""
    return [
        ProofPrompt(case.prompt, case.seed, _moves(case.attributes.motion))
        for case in evaluate.cases(count, evaluate.SEED + 50_000)
    ]


def write_results(
    directory: Path, figures: dict[str, float | int], shown: Iterable[Frames]
) -> None:
    """``figures.json``, the GIFs ``0.gif`` ..., and a sheet with a GIF a row."""
    directory.mkdir(parents=True, exist_ok=True)
    rows = []
    for index, frames in enumerate(shown):
        save(Clip(frames, 1000), directory / f"{index}.gif")
        rows.append(np.concatenate(list(frames), axis=1))
    Image.fromarray(np.concatenate(rows)).save(directory / "sheet.png")
    text = json.dumps(figures, indent=2)
    (directory / "figures.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def _moves(motion: str) -> Callable[[Frames], bool]:
    def is_right(frames: Frames) -> bool:
        seen = measure.see(frames)
        return seen is not None and seen.motion == motion

    return is_right


def _request(prompt: str, seed: int, limits: ModelLimits, loras: tuple[Lora, ...]) -> Request:
    return Request(
        prompt=prompt,
        seed=seed,
        width=limits.native_edge,
        height=limits.native_edge,
        steps=limits.steps,
        guidance_scale=limits.guidance_scale,
        guidance_rescale=limits.guidance_rescale,
        scheduler=limits.scheduler,
        loras=loras,
    )
