"""``python -m generator.cli.check_workers``: whether workers could start, and why not.

Reads the workers' settings as JSON from standard input, and writes a finding a line to standard
output. What Hotshot's own engine needs is looked at by ``generator.inference.preflight``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence

from generator.contract.errors import ModelError
from generator.contract.extras import missing_extra
from generator.contract.findings import Finding, run_check
from generator.contract.worker_settings import HOTSHOT_ENGINE, WorkerSettings, decode_workers


def examine(workers: Sequence[WorkerSettings]) -> Iterator[Finding]:
    """Yield findings on what these workers need; all have one engine."""
    engine = workers[0].engine
    if engine != HOTSHOT_ENGINE:
        yield run_check("engine", lambda: _engine(engine))
        return
    from generator.inference import preflight

    yield from preflight.examine(workers)


def _engine(dotted: str) -> str:
    module, _, factory = dotted.partition(":")
    try:
        getattr(importlib.import_module(module), factory)
    except Exception as error:
        raise ModelError(
            f"The engine {dotted} can't be imported ({error}); fix generator.engine, or leave it "
            "out for Hotshot's own."
        ) from error
    return f"{dotted} makes the GIFs; what it needs isn't known"


def main() -> None:
    workers = decode_workers(sys.stdin.read())
    try:
        for finding in examine(workers):
            print(finding.to_json(), flush=True)
    except Exception as error:  # noqa: BLE001 - a worker would fail of it as well, and say as much
        if missing := missing_extra(error):
            print(Finding.broken("generator", missing).to_json(), flush=True)
            return
        words = f"Something went wrong inside it ({type(error).__name__}: {error})."
        print(Finding.broken("generator", " ".join(words.split())).to_json(), flush=True)


if __name__ == "__main__":
    main()
