"""``hotshot gif`` with nano, cold and warm, and a UNet step beside plain diffusers."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import UNetMotionModel

from benchmarks import midsize
from benchmarks.nano_request import PROMPT, nano_request
from benchmarks.table import print_table
from generator.checkpoints import unet_conversion
from generator.contract.limits import NANO
from generator.contract.messages import Request
from generator.inference.hotshot_engine import HotshotEngine
from generator.media.output import write_whole
from generator.media.save import encode_raw
from generator.model.fused.network import Functions, FusedUNet
from generator.model.unet import HotshotUNet
from generator.recipes.recipe import ModelSettings


def run() -> None:
    cold, peak = _cold()
    warm = _warm()
    print_table(
        "hotshot gif with nano",
        ("", "median", "lowest", "highest"),
        [
            ("cold: a new process, s", *_spread(cold, 1)),
            ("warm: the model loaded, s", *_spread(warm, 2)),
            ("peak memory of the process, MB", f"{peak:.0f}", "", ""),
        ],
    )
    print_table(
        "one UNet step, random weights of middle size, 8 frames of 256 x 256, guided, CPU time",
        ("", "median, s", "lowest", "highest"),
        [(name, *_spread(seconds, 3)) for name, seconds in _steps().items()],
    )
    with tempfile.TemporaryDirectory() as directory:
        midsize.write(Path(directory))
        _print_gifs(Path(directory))
        _print_peaks(Path(directory))


def _cold(rounds: int = 3) -> tuple[list[float], float]:
    """Seconds of whole processes, and the most memory any of them held, in MB."""
    with tempfile.TemporaryDirectory() as directory:
        command = [
            *(sys.executable, "-m", "generator", "gif", "--prompt", PROMPT),
            *("--seed", "1", "--output", str(Path(directory) / "cold.gif")),
        ]
        seconds = _timed(lambda: subprocess.run(command, check=True, capture_output=True), rounds)  # noqa: S603 - a fixed command
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
    return seconds, peak


def _warm(rounds: int = 5) -> list[float]:
    engine = HotshotEngine.load(ModelSettings(model=NANO, precision="auto"), previews=True)
    request = nano_request()
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory) / "warm.gif"
        return _timed(lambda: _generate(engine, request, output), rounds)


def _generate(engine: HotshotEngine, request: Request, output: Path) -> None:
    clip = engine.generate(request, output, lambda *_: None)
    write_whole(output, encode_raw(clip, output.suffix))


def _steps(rounds: int = 7) -> dict[str, list[float]]:
    """CPU seconds of a step of each network, taken in turn so that all meet the same machine."""
    torch.manual_seed(0)
    ours = HotshotUNet(midsize.UNET).eval()
    plain = UNetMotionModel(**unet_conversion.arguments(midsize.UNET)).eval()
    fused = FusedUNet.of(ours, Functions())
    sample, timesteps = torch.randn(2, 4, 8, 32, 32), torch.tensor([500, 500])
    text = torch.randn(2, 77, 512)
    added = {"text_embeds": torch.randn(2, 256), "time_ids": torch.ones(2, 6)}
    each = text.repeat_interleave(sample.shape[2], dim=0)  # the plain one is told frame by frame
    seconds: dict[str, list[float]] = {}
    with torch.inference_mode():
        told = fused.tell(text, added)  # once a request
        steps: dict[str, Callable[[], object]] = {
            "Hotshot's, as it is written": lambda: ours(sample, 500, text, added_cond_kwargs=added),
            "the fused one, not compiled": lambda: fused(sample, timesteps, told),
            "plain UNetMotionModel": lambda: plain(sample, 500, each, added_cond_kwargs=added),
        }
        for step in steps.values():
            step()
        for _ in range(rounds):
            for name, step in steps.items():
                began = time.process_time()
                step()
                seconds.setdefault(name, []).append(time.process_time() - began)
    return seconds


def _print_gifs(directory: Path, rounds: int = 3) -> None:
    ours = midsize.make(directory)
    plain = midsize.make_plain(ours.model)
    pairs = [
        (
            _timed(lambda: midsize.generate(ours), 1)[0],
            _timed(lambda: midsize.generate_plain(plain), 1)[0],
        )
        for _ in range(rounds)
    ]
    print_table(
        "a GIF, the same weights: 8 frames of 256 x 256, 4 steps, guided",
        ("", "median, s", "lowest", "highest"),
        [
            ("Hotshot's pipeline", *_spread([first for first, _ in pairs], 2)),
            ("diffusers' AnimateDiffSDXLPipeline", *_spread([second for _, second in pairs], 2)),
        ],
    )


def _print_peaks(directory: Path) -> None:
    rows = [
        (
            f"{precision}, low_vram_mode" if low_vram else precision,
            *(
                f"{midsize.peak(directory, precision, low_vram=low_vram, controlled=with_one):.0f}"
                for with_one in (False, True)
            ),
        )
        for precision in midsize.PRECISIONS
        for low_vram in (False, True)
    ]
    where = "of the GPU" if torch.cuda.is_available() else "of the process"
    print_table(f"peak memory {where} for that GIF, MB", ("", "alone", "with a ControlNet"), rows)


def _timed(action: Callable[[], object], rounds: int) -> list[float]:
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    return seconds


def _spread(seconds: list[float], digits: int) -> tuple[str, str, str]:
    values = (statistics.median(seconds), min(seconds), max(seconds))
    return tuple(f"{value:.{digits}f}" for value in values)  # type: ignore[return-value]  # three


if __name__ == "__main__":
    run()
