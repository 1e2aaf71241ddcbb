"""``python -m tools.nano.proofs.motions``: nano learns to zigzag and to orbit.

Draws clips of both, fine-tunes the temporal layers on them with ``hotshot fine-tune``, and measures
from pixels how often either is seen where it is asked for, and what became of the eight motions
that nano knew.
"""

from __future__ import annotations

import argparse
import math
import shutil
from functools import partial
from pathlib import Path

import numpy as np

from generator.__main__ import main as hotshot
from generator.contract.limits import NANO
from generator.media.clip import Frames
from generator.nano import captions, measure, world
from generator.training.data.samples import write_sample
from tools.nano.proofs import figures
from tools.nano.proofs.figures import ProofPrompt

EDGE, FRAMES, SEED = 128, 8, 5
# The text encoders stay as they are, so words are needed that they don't take for each other.
WORDS = {"zigzag": ("going zigzag", "moving zigzag"), "orbit": ("orbiting", "circling")}


def draw(motion: str, attributes: world.Attributes, rng: np.random.Generator) -> Frames:
    """Draw a clip (f, h, w, 3) of the attributes' shape and colours, moving in a new way."""
    radius = float(rng.uniform(0.165, 0.2)) * EDGE
    room = EDGE / 2 - radius * 1.08
    covers = []
    for time in np.linspace(0, 1, FRAMES):
        x, y = _zigzag(float(time)) if motion == "zigzag" else _orbit(float(time))
        pose = world.Pose(EDGE / 2 + x * room, EDGE / 2 + y * room, radius)
        covers.append(world.cover(attributes.shape, EDGE, EDGE, pose))
    background = np.asarray(world.BACKGROUNDS[attributes.background], np.float32)
    color = np.asarray(world.COLORS[attributes.color], np.float32)
    frames = background + (color - background) * np.stack(covers)[..., None]
    return np.rint(frames).astype(np.uint8)


def seen_as(motion: str, frames: Frames) -> bool:
    """Return whether the object of a clip moves as ``motion`` says."""
    places = measure.positions(frames)
    if places is None:
        return False
    return _is_zigzag(places) if motion == "zigzag" else _is_orbit(places)


def write_clips(directory: Path, count: int, rehearsed: int) -> None:
    """Write ``count`` clips of each new motion, and ``rehearsed`` of each that nano knows."""
    rng = np.random.default_rng(SEED)
    for motion in WORDS:
        for index in range(count):
            attributes = world.draw_attributes(rng)
            frames = draw(motion, attributes, rng)
            caption = _caption(rng, attributes, motion)
            write_sample(directory / f"{motion}-{index:03d}", frames, caption)
    for motion in world.MOTIONS:
        for index in range(rehearsed):
            drawn = world.draw_attributes(rng)
            attributes = world.Attributes(drawn.color, drawn.shape, motion, drawn.background)
            frames = world.render(world.draw_scene(rng, attributes), EDGE, EDGE, FRAMES)
            caption = captions.caption(rng, attributes, captions.Said())
            name = f"{motion.replace(' ', '-')}-{index:03d}"
            write_sample(directory / name, frames, caption or "a shape")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.nano.proofs.motions")
    parser.add_argument("--model", default=NANO)
    parser.add_argument("--output", type=Path, default=Path("out/proofs/motions"))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--clips", type=int, default=48, help="of each new motion")
    parser.add_argument("--rehearsed", type=int, default=8, help="clips of each known motion")
    parser.add_argument("--count", type=int, default=64, help="GIFs to measure, of either kind")
    arguments = parser.parse_args()
    data, tuned = arguments.output / "clips", arguments.output / "model"
    for stale in (data, tuned):
        shutil.rmtree(stale, ignore_errors=True)
    write_clips(data, arguments.clips, arguments.rehearsed)
    _train(arguments, data, tuned)
    rng = np.random.default_rng(SEED + 1)
    new = [_make_prompt(rng, motion) for motion in WORDS for _ in range(arguments.count // 2)]
    old = figures.known_prompts(arguments.count)
    prompts = [[(one.prompt, one.seed) for one in some] for some in (new, old)]
    made = figures.make_gifs(str(tuned), prompts[0])
    figures.write_results(arguments.output, {
        "steps": arguments.steps,
        "zigzag": figures.share_right(new[: len(new) // 2], made[: len(new) // 2]),
        "orbit": figures.share_right(new[len(new) // 2 :], made[len(new) // 2 :]),
        "known before": figures.share_right(old, figures.make_gifs(arguments.model, prompts[1])),
        "known after": figures.share_right(old, figures.make_gifs(str(tuned), prompts[1])),
    }, made[:4] + made[-4:])  # fmt: skip


def _train(arguments: argparse.Namespace, data: Path, output: Path) -> None:
    words = [
        *("fine-tune", "--pretrained-model-name-or-path", arguments.model),
        *("--data-dir", str(data), "--output-dir", str(output), f"--resolution={EDGE}"),
        *(f"--max-train-steps={arguments.steps}", f"--learning-rate={arguments.learning_rate}"),
        *("--lr-scheduler=cosine", "--lr-warmup-steps=20", "--use-ema", "--ema-decay=0.98"),
        *("--noise-offset=0", "--adam-weight-decay=0", "--save-starting-step=0"),
        *("--validate-every-steps=100", "--test-prompts", _PROMPTS),
    ]
    if hotshot(words) != 0:
        raise SystemExit("fine-tuning failed; it said why above")


_PROMPTS = (
    "a red ball going zigzag on a black background|a white star orbiting on a navy background"
)


def _zigzag(time: float) -> tuple[float, float]:
    """Return a place on the zigzag: across in one direction, up and down three times and a half."""
    return 2 * time - 1, 0.8 * (4 * abs(((1.75 * time + 0.25) % 1) - 0.5) - 1)


def _orbit(time: float) -> tuple[float, float]:
    """Return a place on the orbit: once around the middle."""
    turn = 2 * math.pi * time * (FRAMES - 1) / FRAMES
    return 0.85 * math.sin(turn), -0.85 * math.cos(turn)


def _is_zigzag(places: measure.Positions) -> bool:
    across = np.diff(places[:, 0])
    steps = np.diff(places[:, 1])
    reversals = int(((steps[1:] * steps[:-1] < 0) & (np.abs(steps[1:]) > 0.05)).sum())
    one_way = abs(across.sum()) > 0.3 and (across * np.sign(across.sum()) > -0.03).all()
    return bool(one_way and reversals >= 2 and np.ptp(places[:, 1]) > 0.2)


def _is_orbit(places: measure.Positions) -> bool:
    around = places - places.mean(0)
    angles = np.unwrap(np.arctan2(around[:, 1], around[:, 0]))
    radii = np.hypot(around[:, 0], around[:, 1])
    return bool(abs(angles[-1] - angles[0]) > math.radians(220) and radii.min() > 0.08)


def _caption(rng: np.random.Generator, attributes: world.Attributes, motion: str) -> str:
    words = WORDS[motion]
    a = "an" if attributes.color[0] in "aeiou" else "a"
    caption = f"{a} {attributes.color} {attributes.shape} {words[int(rng.integers(len(words)))]}"
    return f"{caption} on a {attributes.background} background"


def _make_prompt(rng: np.random.Generator, motion: str) -> ProofPrompt:
    """Return a prompt of a combination that was never seen."""
    attributes = world.draw_attributes(rng, held_out=True)
    prompt = _caption(rng, attributes, motion)
    return ProofPrompt(prompt, int(rng.integers(2**31)), partial(seen_as, motion))


if __name__ == "__main__":
    main()
