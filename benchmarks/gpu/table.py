"""Runs the measurements of a card one after the other, and makes a table of them.

``python -m benchmarks.gpu.table MODEL [--size mini] [--seconds N] [--row NAME …]``. Each row is a
process of its own with a limit of its own, so one that fails or hangs costs no other its figures;
what is printed is printed at once, and kept in the directory that ``$OUT`` names. Rows that don't
begin in ``--seconds`` are left out, and said to be.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import torch

_MODULE = "benchmarks.gpu."
_WAYS = ("plain", "hotshot", "hotshot-graph", "fused-kernels", "fused-kernels-graph")
_SHORTEST_S = 12  # less isn't worth beginning a row
_LAST_WORDS = 1500  # characters of a failed row's complaint


@dataclass(frozen=True, slots=True)
class Row:
    """One process: a module of this package, its arguments, and the most seconds it may take."""

    name: str
    module: str
    arguments: tuple[str, ...]
    limit_s: int


def rows(model: Path, size: str, kernels: Path) -> list[Row]:
    """The rows in the order of their worth. A mini model's are quick, and tell nothing.

    Several rows of one name stand beside each other: a yardstick, or a first and a second start,
    of which the first leaves its kernels in the directory ``kernels``.
    """
    is_full = size == "full"
    edge = ("--size", "512" if is_full else "64")
    steps = ("--steps", "30" if is_full else "2")
    few, made = ("--steps", "10" if is_full else "2"), str(model)
    ways = _WAYS if torch.cuda.is_available() else _WAYS[:2]
    step = (size, *edge, *_variants(*ways), "--repeats", "5")
    narrow = (size, *edge, *_variants(*ways[1:]), "--repeats", "5")
    return [
        Row("step", "step", (*step, "--compare"), 80),
        Row("one frame", "step", (*step, "--frames", "1"), 40),
        Row("GIFs", "gif", (made, *edge, *steps, "--case", "cold", "--case", "warm"), 50),
        Row("GIFs", "plain", (made, *edge, *steps), 60),
        Row("low memory", "gif", (made, *edge, *few, "--low-vram", "--case", "warm"), 40),
        Row("low memory", "gif", (made, *edge, *few, "--case", "warm"), 40),
        Row("large", "gif", (made, *edge, "--steps", "2", "--low-vram", "--case", "huge"), 60),
        *(Row("start", "gif", (made, *edge, *start), 60) for start in _starts(kernels)),
        Row("fp8", "gif", (made, *edge, *few, "--precision", "fp8", "--case", "warm"), 60),
        Row("fp8 step", "step", (*narrow, "--precision", "fp8", "--compare"), 80),
        Row("exact", "step", (size, *edge, "--precision", "f16", "--original"), 60),
        Row("kernels", "step", (size, *edge, *_variants(_WAYS[1]), "--profile"), 40),
        Row("decoding", "step", (made, *edge, "--decode", "--repeats", "2"), 40),
        Row("compiled", "step", (size, *edge, *_variants("compiled")), 120),
    ]


def _starts(kernels: Path) -> Iterator[tuple[str, ...]]:
    """A plain start, one that makes its kernels, and one that finds them."""
    first = ("--steps", "2", "--case", "cold")
    yield (*first, "--compile", "never")
    for _ in range(2):
        yield (*first, "--kernels", str(kernels))


def _variants(*names: str) -> Iterator[str]:
    return (word for one in names for word in ("--variant", one))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu.table", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="made where it isn't there yet")
    parser.add_argument("--size", choices=("full", "mini"), default="full")
    parser.add_argument("--seconds", type=int, default=540, help="for all rows together")
    parser.add_argument("--row", action="append", help="only these (may be repeated)")
    chosen = parser.parse_args()
    out = os.environ.get("OUT")
    kept = Path(out) / "table.jsonl" if out else Path(os.devnull)
    with (
        tempfile.TemporaryDirectory(prefix="kernels-") as kernels,
        kept.open("a", encoding="utf-8") as file,
    ):
        _say(file, {"row": "machine"} | machine())
        wanted = rows(chosen.model, chosen.size, Path(kernels))
        if chosen.row:
            wanted = [one for one in wanted if one.name in chosen.row]
        for figures in _run(wanted, chosen.model, chosen.size, chosen.seconds):
            _say(file, figures)


def machine() -> dict[str, str]:
    """The card, and the versions that its figures go with."""
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "no card"
    packages = {name: version(name) for name in ("torch", "diffusers", "transformers")}
    return {"card": card, "cuda": str(torch.version.cuda), **packages}


def _say(file: IO[str], figures: dict[str, Any]) -> None:
    line = json.dumps(figures)
    print(line, flush=True)
    file.write(f"{line}\n")
    file.flush()


def _run(wanted: Sequence[Row], model: Path, size: str, seconds: int) -> Iterator[dict[str, Any]]:
    """Yield the rows' figures; the model is written while those run that need none."""
    until = time.monotonic() + seconds
    maker = None if model.exists() else _started("make_model", [str(model), "--size", size])
    for row in wanted:
        if maker is not None and str(model) in row.arguments:
            maker.communicate()
            maker = None
        if time.monotonic() > until - _SHORTEST_S:
            yield {"row": row.name, "left_out": "no time is left"}
        else:
            yield from _figures(row, until)
    if maker is not None:
        maker.communicate()


def _started(module: str, arguments: Sequence[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", _MODULE + module, *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)  # noqa: S603 - our own


def _figures(row: Row, until: float) -> Iterator[dict[str, Any]]:
    """Yield each line of JSON as it is printed, then how the process ended."""
    began = time.monotonic()
    process = _started(row.module, row.arguments)
    complaints: list[str] = []
    assert process.stdout is not None  # noqa: S101 - piped
    assert process.stderr is not None  # noqa: S101 - piped
    listener = threading.Thread(target=complaints.extend, args=(process.stderr,))
    listener.start()
    killer = threading.Timer(min(row.limit_s, max(1, until - began)), process.kill)
    killer.start()
    for line in process.stdout:
        if line.startswith("{"):
            yield {"row": row.name} | json.loads(line)
    code = process.wait()
    killer.cancel()
    listener.join()
    ended: dict[str, Any] = {"row": row.name, "took_s": round(time.monotonic() - began, 1)}
    if code:
        ended |= {"code": code, "complaint": "".join(complaints)[-_LAST_WORDS:]}
    yield ended


if __name__ == "__main__":
    main()
