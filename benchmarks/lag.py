"""Runs the bot and notes how late its event loop is, every 10 ms: ``--lag FILE`` gets seconds."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from bot.app import main as app
from bot.cli import settings_with_logs
from bot.core import machine
from bot.core.config import Settings

_EVERY = 0.01  # seconds


async def _run(settings: Settings, file: Path) -> None:
    noting = asyncio.create_task(_note(file))
    try:
        await app.run(settings)
    finally:
        noting.cancel()


async def _note(file: Path) -> None:
    """A line each, written at once: whoever reads it may kill this process first."""
    loop = asyncio.get_running_loop()
    with file.open("w", buffering=1, encoding="ascii") as output:
        while True:
            due = loop.time() + _EVERY
            await asyncio.sleep(_EVERY)
            output.write(f"{loop.time() - due:.6f}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lag", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    chosen = parser.parse_args()
    machine.run_event_loop(_run(settings_with_logs(chosen.config), chosen.lag))


if __name__ == "__main__":
    main()
