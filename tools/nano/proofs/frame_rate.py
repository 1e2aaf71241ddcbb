"""``python -m tools.nano.proofs.frame_rate``: nano of 8 frames learns 16 in the same second.

Draws one-second films of the motions that nano knows at 16 frames a second, has ``hotshot dataset``
cut them and ``hotshot fine-tune`` learn from them, and measures clips of 16 frames before and
after, and of 8.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np

from generator.__main__ import main as hotshot
from generator.contract.limits import NANO
from generator.media.clip import Clip
from generator.media.save import save
from generator.nano import captions, world
from tools.nano import bars
from tools.nano.proofs import figures
from tools.nano.proofs.figures import Figures

EDGE, FRAMES, SEED = 128, 16, 11
_SECOND = 1000  # milliseconds


def write_films(directory: Path, count: int) -> None:
    """Write ``count`` GIFs of each motion, each with its caption beside it."""
    directory.mkdir(parents=True)
    rng = np.random.default_rng(SEED)
    for motion in world.MOTIONS:
        for index in range(count):
            attributes = _with_motion(rng, motion)
            frames = world.render(world.draw_scene(rng, attributes), EDGE, EDGE, FRAMES)
            path = directory / f"{motion.replace(' ', '-')}-{index:03d}.gif"
            save(Clip(frames, _SECOND), path)
            caption = captions.plain_caption(rng, attributes)
            path.with_suffix(".txt").write_text(caption, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.nano.proofs.frame_rate",
                                     description=__doc__)  # fmt: skip
    parser.add_argument("--model", default=NANO)
    parser.add_argument("--output", type=Path, default=Path("out/proofs/frame-rate"))
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--films", type=int, default=20, help="of each motion")
    parser.add_argument("--count", type=int, default=48, help="GIFs to measure, of either length")
    arguments = parser.parse_args()
    films, clips, tuned = (arguments.output / name for name in ("films", "clips", "model"))
    for stale in (films, clips, tuned):
        shutil.rmtree(stale, ignore_errors=True)
    write_films(films, arguments.films)
    _run(
        *("dataset", "--data-dir", str(films), "--output-dir", str(clips)),
        *(f"--resolution={EDGE}", f"--frames={FRAMES}", f"--video-duration={_SECOND}"),
    )
    _run(
        *("fine-tune", "--pretrained-model-name-or-path", arguments.model),
        *("--data-dir", str(clips), "--output-dir", str(tuned), f"--resolution={EDGE}"),
        *(f"--video-length={FRAMES}", f"--max-train-steps={arguments.steps}"),
        *(f"--learning-rate={arguments.learning_rate}", "--train-batch-size=4"),
        *("--lr-scheduler=cosine", "--lr-warmup-steps=20", "--use-ema", "--ema-decay=0.98"),
        *("--noise-offset=0", "--adam-weight-decay=0", "--save-starting-step=0"),
    )
    found: Figures = {"steps": arguments.steps}
    for name, frames in ((f"{FRAMES}-frames", FRAMES), ("plain", 8)):
        for when, model in (("before", arguments.model), ("after", str(tuned))):
            output = arguments.output / f"{name}-{when}"
            shares = bars.measure(model, arguments.count, [name], output)[name]
            found |= {f"{frames} frames, {check}, {when}": share for check, share in shares.items()}
    figures.write_figures(arguments.output, found)


def _with_motion(rng: np.random.Generator, motion: str) -> world.Attributes:
    while True:
        attributes = world.draw_attributes(rng)
        if attributes.motion == motion:
            return attributes


def _run(*words: str) -> None:
    if hotshot(list(words)) != 0:
        raise SystemExit(f"hotshot {words[0]} failed; it said why above")


if __name__ == "__main__":
    main()
