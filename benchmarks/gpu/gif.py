"""Times whole GIFs, stage by stage, by the engine that the worker runs.

``python -m benchmarks.gpu.gif MODEL [--case NAME …]``, with a model made by
``benchmarks.gpu.make_model``. A stage's seconds go from the last report of the stage before to its
own last one, the card waited for; ``file`` is what is left: the frames' encoding and writing.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.gpu.timing import forget_peak, peak_gib, wait_for_device
from generator.contract.errors import HotshotError
from generator.contract.messages import Request
from generator.contract.raw_clip import RawClip
from generator.contract.worker_settings import COMPILE_AUTO, COMPILE_MODES
from generator.inference.hotshot_engine import HotshotEngine
from generator.media.output import write_whole
from generator.media.save import encode_raw
from generator.recipes.recipe import ModelSettings

_PROMPT = "a camel smoking a cigarette"
CASES = ("cold", "warm", "long", "large", "huge", "wide", "one-frame")


def requests(size: int, steps: int) -> dict[str, Request]:
    """What each case asks for; ``size`` is a frame's usual edge in pixels."""
    usual = Request(
        prompt=_PROMPT, seed=1, width=size, height=size, steps=steps, guidance_scale=5.0
    )
    return {
        "cold": usual,
        "warm": usual,
        "long": replace(usual, video_length=24, video_duration=3000),
        "large": replace(usual, width=2 * size, height=2 * size, steps=max(1, steps // 3)),
        "huge": replace(
            usual, width=2 * size, height=2 * size, video_length=24, video_duration=3000
        ),
        "wide": replace(usual, width=size * 21 // 128 * 8, height=size * 3 // 32 * 8),
        "one-frame": replace(usual, video_length=1),
    }


def measure_gifs(
    engine: HotshotEngine, cases: Sequence[str], *, size: int, steps: int
) -> Iterator[dict[str, Any]]:
    """The figures of each case, in the given order; ``cold`` is what comes first."""
    asked = requests(size, steps)
    with tempfile.TemporaryDirectory() as directory:
        for case in cases:
            try:
                figures = _measure(engine, asked[case], Path(directory) / f"{case}.gif")
            except HotshotError as error:
                figures = {"error": str(error)}
            yield {"case": case} | figures


def _measure(engine: HotshotEngine, request: Request, output: Path) -> dict[str, Any]:
    forget_peak()
    wait_for_device()
    stages: Counter[str] = Counter()
    began = last = time.perf_counter()

    def report(stage: str, step: int, steps: int, preview: RawClip | None = None) -> None:
        del step, steps, preview
        nonlocal last
        wait_for_device()
        now = time.perf_counter()
        stages[stage] += now - last  # type: ignore[assignment]  # a Counter adds up any number
        last = now

    write_whole(output, encode_raw(engine.generate(request, output, report), output.suffix))
    ended = time.perf_counter()
    seconds = {stage: round(took, 3) for stage, took in stages.items()}
    return {
        "total_s": round(ended - began, 2),
        "stages_s": seconds | {"file": round(ended - last, 3)},
        "peak_gib": peak_gib(),
        "kib": output.stat().st_size // 1024,
    }


def load(
    model: Path,
    precision: str = "auto",
    *,
    low_vram: bool = False,
    previews: bool = False,
    compile_mode: str = COMPILE_AUTO,
) -> tuple[HotshotEngine, dict[str, Any]]:
    """The engine, and what loading it took. Raises ModelError, OutOfMemoryError."""
    began = time.perf_counter()
    settings = ModelSettings(model=str(model), precision=precision)
    engine = HotshotEngine.load(
        settings, low_vram=low_vram, previews=previews, compile_mode=compile_mode
    )
    wait_for_device()
    return engine, {
        "case": "load",
        "total_s": round(time.perf_counter() - began, 2),
        "device": engine.device,
        "dtype": engine.dtype,
        "peak_gib": peak_gib(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu.gif", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="what make_model wrote")
    parser.add_argument(
        "--case", action="append", choices=CASES, help="may be repeated (default: cold and warm)"
    )
    parser.add_argument("--size", type=int, default=512, help="a frame's edge in pixels")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument(
        "--precision", choices=("auto", "f32", "f16", "bf16", "fp8"), default="auto"
    )
    parser.add_argument("--low-vram", action="store_true", help="as hotshot gif --low-vram-mode")
    parser.add_argument("--compile", choices=COMPILE_MODES, default=COMPILE_AUTO)
    parser.add_argument(
        "--kernels", type=Path, metavar="DIRECTORY", help="where they are kept (default: the cache)"
    )
    parser.add_argument("--previews", action="store_true", help="draw them, as the bot's worker")
    chosen = parser.parse_args()
    if chosen.kernels is not None:
        os.environ["XDG_CACHE_HOME"] = str(chosen.kernels)
    engine, figures = load(
        chosen.model,
        chosen.precision,
        low_vram=chosen.low_vram,
        previews=chosen.previews,
        compile_mode=chosen.compile,
    )
    print(json.dumps(figures), flush=True)
    cases = chosen.case or ["cold", "warm"]
    for figures in measure_gifs(engine, cases, size=chosen.size, steps=chosen.steps):
        print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
