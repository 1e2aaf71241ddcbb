"""``hotshot-bot status``: whether the bot runs, what its workers do, and what waits.

Looks only, and asks nobody: the lock, the bot's own report and the database say it all.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from bot.app.lock import lock_holder
from bot.cli import print_json
from bot.core.config import Settings, load
from bot.core.model_settings import label_of
from bot.storage import jobs as rows
from bot.storage.database import create_engine
from bot.storage.migrate import revision_of
from bot.storage.models import State
from bot.workers import status_file
from bot.workers.device_report import DeviceReport
from bot.workers.host_report import HostReport

_STOPPED = 3  # as service managers have it: the program is not running


def execute(arguments: argparse.Namespace) -> int:
    settings = load(arguments.config)
    pid = lock_holder(settings.storage.data_dir)
    if arguments.json:
        print_json(_values(settings, pid))
        return 0 if pid else _STOPPED
    print(f"bot        {f'running, process {pid}' if pid else 'not running'}")
    for line in _workers(settings.storage.data_dir) if pid else ():
        print(line)
    counts = _counts(settings.storage.url) if _database_exists(settings) else {}
    for state in State:
        if state in counts:
            print(f"{state:<10} {counts[state]}")
    return 0 if pid else _STOPPED


def _values(settings: Settings, pid: int | None) -> dict[str, Any]:
    found = status_file.read(settings.storage.data_dir) if pid else None
    counts = _counts(settings.storage.url) if _database_exists(settings) else {}
    return {
        "process": pid,
        "workers": [asdict(each) for each in found.devices] if found else [],
        "hosts": [asdict(each) for each in found.hosts] if found else [],
        "seen": found.at if found else None,
        "jobs": {state.value: counts.get(state, 0) for state in State},
    }


def _workers(data_dir: Path) -> Iterator[str]:
    found = status_file.read(data_dir)
    if found is None:
        yield "workers    nothing is known about them yet"
        return
    age = time.time() - found.at
    late = f" ({age:.0f} s ago)" if age > 10 else ""
    for number, device in enumerate(found.devices, start=1):
        yield f"worker {number}   {_worker(device)}{late}"
    for host in found.hosts:
        yield f"host       {_host(host)}{late}"


def _worker(device: DeviceReport) -> str:
    words = [f"{device.device}: {device.state}"]
    words += [f"process {device.pid}"] if device.pid else []
    words += [device.dtype] if device.dtype else []
    words += [f"model {label_of(device.model)}"] if device.model else []
    words += [f"{device.memory_bytes / 1e6:.0f} MB"] if device.memory_bytes else []
    words += [f"job {device.job_id}"] if device.job_id else []
    words += [f"{device.made} made"]
    words += [device.failure] if device.failure else []
    return ", ".join(words)


def _host(host: HostReport) -> str:
    words = [f"{host.name}: {host.state}"]
    words += [host.card] if host.card else []
    words += [host.model] if host.model else []
    words += [f"job {host.job_id}"] if host.job_id else []
    words += [f"{host.memory_bytes / 1e6:.0f} MB"] if host.memory_bytes else []
    words += [f"{host.cached_bytes / 1e9:.1f} GB of files kept"] if host.cached_bytes else []
    words += [f"Hotshot {host.package}"] if host.package else []
    words += [f"Python {host.python}"] if host.python else []
    words += [host.refusal] if host.refusal else []
    return ", ".join(words)


def _database_exists(settings: Settings) -> bool:
    """Return whether the database exists; to open a SQLite file would make it."""
    address = make_url(settings.storage.url)
    file = address.database if address.get_backend_name() == "sqlite" else None
    return file is None or Path(file).exists()


def _counts(url: str) -> dict[State, int]:
    """Return how many jobs are in each state. Raises DatabaseError."""
    engine = create_engine(url)
    try:
        if revision_of(engine) is None:
            return {}
        with engine.connect() as connection:
            return rows.counts(connection)
    finally:
        engine.dispose()
