"""What the running bot says of its workers to ``hotshot-bot status``: a small file, kept fresh.

A file rather than a socket: it can be read after a crash as well, and shows how things stood then.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.workers.device_report import DeviceReport
from bot.workers.host_report import HostReport
from bot.workers.pool import Pool

_EVERY_SECONDS = 1.0
_FILE = "status.json"
_VERSION = 3  # another one with every change of what stands in the file


@dataclass(frozen=True, slots=True)
class StatusReport:
    """How things stood ``at`` (seconds since 1970)."""

    pid: int
    at: float
    devices: tuple[DeviceReport, ...]
    hosts: tuple[HostReport, ...] = ()
    version: int = _VERSION


async def report_while_running(
    pool: Pool, hosts: Callable[[], Sequence[HostReport]], data_dir: Path
) -> None:
    """Write the file once a second until cancelled; ``hosts`` says how those elsewhere stand.

    A disk that takes nothing is no reason to stop making GIFs.
    """
    file = data_dir / _FILE
    while True:
        report = StatusReport(os.getpid(), time.time(), tuple(pool.reports()), tuple(hosts()))
        await asyncio.to_thread(_write, file, json.dumps(asdict(report)))
        await asyncio.sleep(_EVERY_SECONDS)


def read(data_dir: Path) -> StatusReport | None:
    """Return the last report; None where there is none, or one of another version."""
    try:
        values = json.loads((data_dir / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # ValueError: it is no JSON, or no text
        return None
    if not isinstance(values, dict) or values.get("version") != _VERSION:
        return None
    devices = tuple(DeviceReport(**device) for device in values["devices"])
    hosts = tuple(HostReport(**host) for host in values["hosts"])
    return StatusReport(values["pid"], values["at"], devices, hosts)


def _write(file: Path, text: str) -> None:
    part = file.with_suffix(".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError:
        part.unlink(missing_ok=True)
