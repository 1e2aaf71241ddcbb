"""``python -m tools.nano.proofs.ring``: nano learns a two-coloured ring from ten pictures.

Draws the pictures, trains a LoRA on them with ``hotshot train-lora``, and measures from pixels how
often the ring is there, in both its colours, and moves as the prompt says; and what the LoRA does
to prompts that don't name it.
"""

from __future__ import annotations

import argparse
import shutil
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from generator.__main__ import main as hotshot
from generator.contract.limits import NANO
from generator.contract.messages import Lora
from generator.media.clip import Frames
from generator.nano import measure, world
from generator.training.data.pan_crop import PLACEHOLDER
from tools.nano import evaluate, suites
from tools.nano.proofs import figures
from tools.nano.proofs.figures import ProofPrompt

EDGE, SEED, PICTURES = 128, 9, 10
CROPS = 32  # ways of moving the view over each, so that the ring isn't always where it is there
FRAMES = 8
TRIGGER = "sks ring"
COLORS = ("red", "cyan")  # of its left half, and of its right: to be seen on any background
HOLE = 0.5  # of the radius
# Those that can be told of anything; a ring that spins needs its own eye.
MOTIONS = tuple(motion for motion in world.MOTIONS if motion != "spinning")


def draw(x: float, y: float, radius: float, background: str) -> Frames:
    """Draw a ring's picture (h, w, 3); its middle and radius are in pixels."""
    whole = world.cover("ball", EDGE, EDGE, world.Pose(x, y, radius))
    hole = world.cover("ball", EDGE, EDGE, world.Pose(x, y, radius * HOLE))
    ring = np.clip(whole - hole, 0, 1)[..., None]
    left = np.clip(x - np.arange(EDGE) + 0.5, 0, 1)[None, :, None]
    first, second = (np.asarray(world.COLORS[name], np.float32) for name in COLORS)
    ground = np.asarray(world.BACKGROUNDS[background], np.float32)
    painted = ground + (left * first + (1 - left) * second - ground) * ring
    picture: Frames = np.rint(painted).astype(np.uint8)
    return picture


def is_ring(frames: Frames) -> bool:
    """Return whether nearly all frames show a ring with a hole and both colours on their sides."""
    shown = [_is_ring(frame) for frame in frames]
    return sum(shown) >= len(shown) - 1


def is_right(motion: str, frames: Frames) -> bool:
    seen = measure.measure_clip(frames)
    return seen is not None and seen.motion == motion and is_ring(frames)


def write_pictures(directory: Path) -> None:
    directory.mkdir(parents=True)
    rng = np.random.default_rng(SEED)
    for index in range(PICTURES):
        background = list(world.BACKGROUNDS)[index % len(world.BACKGROUNDS)]
        radius = float(rng.uniform(0.13, 0.16)) * EDGE
        x, y = (float(place) for place in rng.uniform(0.45 * EDGE, 0.55 * EDGE, 2))
        Image.fromarray(draw(x, y, radius, background)).save(directory / f"{index}.png")
        caption = f"a {TRIGGER} {PLACEHOLDER} on a {background} background"
        (directory / f"{index}.txt").write_text(caption + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.nano.proofs.ring")
    parser.add_argument("--model", default=NANO)
    parser.add_argument("--output", type=Path, default=Path("out/proofs/ring"))
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--others", type=int, default=64, help="clips of what is to stay")
    parser.add_argument("--count", type=int, default=48, help="GIFs to measure, of either kind")
    parser.add_argument("--strength", type=float, default=1.0, help="at which it is measured")
    parser.add_argument("--measure-only", action="store_true", help="one trained before")
    arguments = parser.parse_args()
    data, lora = arguments.output / "pictures", arguments.output / "lora"
    if not arguments.measure_only:
        for stale in (data, lora):
            shutil.rmtree(stale, ignore_errors=True)
        write_pictures(data)
        _train(arguments, data, lora)
    _measure(arguments, Lora(str(lora), arguments.strength))


def _measure(arguments: argparse.Namespace, lora: Lora) -> None:
    ringed = [_make_prompt(index) for index in range(arguments.count)]
    made = figures.make_gifs(arguments.model, [(one.prompt, one.seed) for one in ringed], (lora,))
    plain = list(evaluate.cases(arguments.count, suites.SEED + 60_000))
    others = [(case.prompt, case.seed) for case in plain]
    before = figures.make_gifs(arguments.model, others)
    after = figures.make_gifs(arguments.model, others, (lora,))
    figures.write_results(arguments.output, {
        "steps": arguments.steps,
        "strength": arguments.strength,
        "a ring": float(np.mean([is_ring(frames) for frames in made])),
        "a ring that moves as asked": figures.share_right(ringed, made),
        "other prompts, as they should be": float(np.mean(list(map(_is_as_asked, plain, after)))),
        "the same without the LoRA": float(np.mean(list(map(_is_as_asked, plain, before)))),
        "other prompts, same as before": float(np.mean(list(map(_look_alike, before, after)))),
        "other prompts, rings in them": float(np.mean([is_ring(frames) for frames in after])),
    }, made[:8])  # fmt: skip


def _train(arguments: argparse.Namespace, data: Path, output: Path) -> None:
    cases = evaluate.cases(arguments.others, suites.SEED + 70_000)
    words = [
        *("train-lora", "--pretrained-model-name-or-path", arguments.model),
        *("--data-dir", str(data), "--output-dir", str(output), f"--resolution={EDGE}"),
        *(f"--crops={CROPS}", f"--video-length={FRAMES}", "--trigger", TRIGGER),
        *("--target=all", f"--rank={arguments.rank}", f"--learning-rate={arguments.learning_rate}"),
        *("--class-prompt", "|".join(case.prompt for case in cases)),
        *(f"--num-class-images={arguments.others}", f"--max-train-steps={arguments.steps}"),
        *("--train-batch-size=2", "--gradient-accumulation-steps=1", "--mixed-precision=bf16"),
        *("--lr-scheduler=cosine", "--lr-warmup-steps=20", "--adam-weight-decay=0"),
        *("--use-ema", "--ema-decay=0.98", "--no-gradient-checkpointing"),
        *("--save-starting-step=0", "--validate-every-steps=350"),
        *("--test-prompts", f"a {TRIGGER} moving left on a black background"),
    ]
    if hotshot(words) != 0:
        raise SystemExit("training failed; it said why above")


def _make_prompt(index: int) -> ProofPrompt:
    motion = MOTIONS[index % len(MOTIONS)]
    background = list(world.BACKGROUNDS)[index % len(world.BACKGROUNDS)]
    prompt = f"a {TRIGGER} {motion} on a {background} background"
    return ProofPrompt(prompt, SEED * 1000 + index, partial(is_right, motion))


def _is_ring(frame: Frames) -> bool:
    background = measure.border_color(frame[None])
    apart = np.linalg.norm(frame.astype(np.float32) - background, axis=-1) > 48
    ys, xs = np.nonzero(apart)
    if len(xs) < 60:
        return False
    middle_x, middle_y = (xs.min() + xs.max()) / 2, (ys.min() + ys.max()) / 2
    radius = (np.ptp(xs) + np.ptp(ys)) / 4
    away = np.hypot(*(np.indices(apart.shape) - np.array([middle_y, middle_x])[:, None, None]))
    hole, band = away < radius * HOLE * 0.6, (away > radius * 0.65) & (away < radius * 0.9)
    if apart[hole].mean() > 0.3 or apart[band].mean() < 0.7:
        return False
    columns = np.indices(apart.shape)[1]
    sides = (columns < middle_x - radius * 0.2, columns > middle_x + radius * 0.2)
    return all(
        _nearest(np.median(frame[band & side & apart], axis=0)) == color
        for side, color in zip(sides, COLORS, strict=True)
        if (band & side & apart).any()
    )


def _nearest(color: world.Floats) -> str:
    return min(world.COLORS, key=lambda name: float(np.linalg.norm(color - world.COLORS[name])))


def _is_as_asked(case: suites.Case, frames: Frames) -> bool:
    return all(evaluate.Result(case, frames, 0.0).checks().values())


def _look_alike(before: Frames, after: Frames) -> bool:
    """Return whether the same things are to be seen in both."""
    return measure.measure_clip(before) == measure.measure_clip(after)


if __name__ == "__main__":
    main()
