"""What the proofs share: GIFs of prompts, shares of right ones, a sheet and figures on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from generator.contract.limits import ModelLimits
from generator.contract.messages import Lora
from generator.media.clip import Clip, Frames
from generator.media.save import save
from generator.nano import measure
from tools.nano import evaluate, suites
from tools.nano.gifs import draw_sheet, load_pipeline, make_request

Figures = dict[str, float | int]


@dataclass(frozen=True, slots=True)
class ProofPrompt:
    """A prompt with what must be seen in its GIF."""

    prompt: str
    seed: int
    is_right: Callable[[Frames], bool]


def make_gifs(
    model: str, prompts: Sequence[tuple[str, int]], loras: tuple[Lora, ...] = ()
) -> list[Frames]:
    """Make a GIF for each prompt and seed, at the model's own settings."""
    pipeline = load_pipeline(model)
    limits = ModelLimits.of(model)
    return [
        pipeline(make_request(prompt, seed, limits, loras=loras), report=lambda *_: None)
        for prompt, seed in tqdm(prompts, desc=f"making with {model}", unit="GIF", mininterval=5)
    ]


def share_right(prompts: Sequence[ProofPrompt], made: Sequence[Frames]) -> float:
    """Return the share of GIFs that are right."""
    return float(np.mean([one.is_right(frames) for one, frames in zip(prompts, made, strict=True)]))


def known_prompts(count: int) -> list[ProofPrompt]:
    """Return prompts of what nano knew before: the evaluation's, right if the motion is theirs."""
    return [
        ProofPrompt(case.prompt, case.seed, _moves(case.attributes.motion))
        for case in evaluate.cases(count, suites.SEED + 50_000)
    ]


def write_results(directory: Path, figures: Figures, shown: Iterable[Frames]) -> None:
    """Write ``figures.json``, the GIFs ``0.gif`` ..., and a sheet with a GIF a row."""
    directory.mkdir(parents=True, exist_ok=True)
    clips = list(shown)
    for index, frames in enumerate(clips):
        save(Clip(frames, 1000), directory / f"{index}.gif")
    draw_sheet(clips).save(directory / "sheet.png")
    write_figures(directory, figures)


def write_figures(directory: Path, figures: Figures) -> None:
    """Write ``figures.json``, and print what is in it."""
    text = json.dumps(figures, indent=2)
    (directory / "figures.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def _moves(motion: str) -> Callable[[Frames], bool]:
    def is_right(frames: Frames) -> bool:
        seen = measure.measure_clip(frames)
        return seen is not None and seen.motion == motion

    return is_right
