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
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import torch

_MODULE = "benchmarks.gpu."
_LAST_WORDS = 1500  # characters of a failed row's complaint


@dataclass(frozen=True, slots=True)
class Row:
    """One process: a module of this package and its arguments after the model."""

    name: str
    module: str
    arguments: tuple[str, ...]
    limit_s: int


def rows(size: str) -> list[Row]:
    """The rows in the order of their worth. A mini model's are quick, and tell nothing."""
    edge = ("--size", "512" if size == "full" else "64")
    steps = ("--steps", "30" if size == "full" else "2")

    looked_at = ("--compare", "--profile")

    def step(*variants: str, options: Sequence[str] = looked_at) -> tuple[str, ...]:
        return (*edge, *options, *(word for one in variants for word in ("--variant", one)))

    one_frame = ("--frames", "1")
    return [
        Row("as written", "step", step("hotshot", "hotshot-graph", "fused-graph"), 60),
        Row("fused", "step", step("fused-compiled", "fused-compiled-graph"), 150),
        Row("diffusers", "step", step("plain", options=()), 40),
        Row("one frame", "step", step("hotshot", "hotshot-graph", options=one_frame), 40),
        Row("pieces", "pieces", ("--divide", "1" if size == "full" else "10"), 70),
        Row("GIFs", "gif", (*edge, *steps, "--case", "cold", "--case", "warm"), 60),
        Row("low memory", "gif", (*edge, *steps, "--low-vram", "--case", "warm"), 60),
        Row("decoding", "step", step("fused-graph", options=("--decode",)), 50),
        Row("compiled before", "step", step("compiled", options=("--compare",)), 120),
    ]


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
    with kept.open("a", encoding="utf-8") as file:
        _say(file, {"row": "machine"} | machine())
        wanted = [one for one in rows(chosen.size) if not chosen.row or one.name in chosen.row]
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
    until = time.monotonic() + seconds
    if not model.exists():
        made = Row("model", "make_model", ("--size", size), 120)
        yield from _figures(made, model, until)
    for row in wanted:
        if time.monotonic() > until - 5:
            yield {"row": row.name, "left_out": "no time is left"}
        else:
            yield from _figures(row, model, until)


def _figures(row: Row, model: Path, until: float) -> Iterator[dict[str, Any]]:
    """Yield each line of JSON as it is printed, then how the process ended."""
    began = time.monotonic()
    given = () if row.module == "pieces" else (str(model),)
    command = [sys.executable, "-m", _MODULE + row.module, *given, *row.arguments]
    process = subprocess.Popen(  # noqa: S603 - our own modules
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
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
