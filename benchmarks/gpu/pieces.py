"""Times parts of a step at the full size, each in several ways: which one is to be built in.

``python -m benchmarks.gpu.pieces [--divide N]``; with ``--divide`` everything is so much smaller.
Prints a line of JSON for each part and way. The figures are of a card's own clock, in µs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.gpu.timing import median_ms
from generator.model.fused import layers

_CALLS = 20
_CLIPS, _FRAMES = 2, 8
Way = tuple[str, Callable[[], object]]


def ways(divide: int) -> Iterator[Way]:
    """Each part in each way, at the three sizes of a step of 8 x 512 x 512, two clips."""
    for width, edge in ((320, 64), (640, 32), (1280, 16)):
        yield from _in_time(width // divide, edge // divide)
        yield from _convolutions(width // divide, edge // divide)
        if width > 320:
            yield from _products(width // divide, (edge // divide) ** 2)


def _made(*shape: int) -> Tensor:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.randn(*shape, device=device, dtype=torch.bfloat16) / 8


def _in_time(width: int, edge: int) -> Iterator[Way]:
    projected = _made(_CLIPS, _FRAMES, edge * edge, 3 * width)
    compiled = torch.compile(layers.attend_in_time, dynamic=False)
    name = f"attention in time, {width} wide"
    yield f"{name}, kernel", lambda: layers.attend_in_time(projected, 8)
    yield f"{name}, written out", lambda: compiled(projected, 8)


def _convolutions(width: int, edge: int) -> Iterator[Way]:
    planes, weight = _made(_CLIPS * _FRAMES, width, edge, edge), _made(width, width, 3, 3)
    name = f"convolution, {width} wide"
    yield name, lambda: functional.conv2d(planes, weight, padding=1)
    frames = planes.permute(0, 2, 3, 1).contiguous()
    last = weight.contiguous(memory_format=torch.channels_last)
    same = layers.Convolution(last, None, 1, 1)
    yield f"{name}, channels last", lambda: layers.convolve(frames, same)
    norm = layers.Norm(_made(width), _made(width), 1e-5, 32 if width % 32 == 0 else 8)
    compiled = torch.compile(layers.norm_and_activate, dynamic=False)
    yield f"norm, {width} wide, compiled", lambda: compiled(frames, _CLIPS, norm)


def _products(width: int, positions: int) -> Iterator[Way]:
    for into, out in ((width, 3 * width), (width, 8 * width), (4 * width, width)):
        rows, weight = _made(_CLIPS * _FRAMES * positions, into), _made(out, into)
        name = f"product, {rows.shape[0]} x {into} x {out}"
        yield name, partial(functional.linear, rows, weight)
        if torch.cuda.is_available():
            yield from _in_fp8(name, rows, weight)


def _in_fp8(name: str, rows: Tensor, weight: Tensor) -> Iterator[Way]:
    narrow, narrow_weight = rows.to(torch.float8_e4m3fn), weight.to(torch.float8_e4m3fn)
    one = torch.ones((), device=rows.device)
    by_row = torch.ones(rows.shape[0], 1, device=rows.device)
    by_column = torch.ones(1, weight.shape[0], device=rows.device)
    for how, scales in (("one scale", (one, one)), ("scales by row", (by_row, by_column))):

        def product(scales: tuple[Tensor, Tensor] = scales) -> Tensor:
            return torch._scaled_mm(
                narrow, narrow_weight.t(), *scales, out_dtype=torch.bfloat16, use_fast_accum=True
            )

        yield f"{name}, fp8, {how}", product


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu.pieces", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--divide", type=int, default=1, metavar="N")
    chosen = parser.parse_args()
    for name, way in ways(chosen.divide):
        try:
            figures: dict[str, object] = {"us": _microseconds(way)}
        except Exception as error:  # noqa: BLE001 - the next one may do
            figures = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps({"part": name} | figures), flush=True)


def _microseconds(way: Callable[[], object]) -> float:
    """Of one call among many, which a card is given without a pause."""

    def several() -> None:
        for _ in range(_CALLS):
            way()

    return round(median_ms(several, repeats=5, warm_up=2) * 1000 / _CALLS, 1)


if __name__ == "__main__":
    main()
