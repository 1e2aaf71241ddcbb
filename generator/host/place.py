"""What all devices of a GPU host share: its name, its link to the bot, its directories."""

from __future__ import annotations

import asyncio
import contextlib
import platform
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from generator.contract import logs
from generator.contract.messages import Finished, output_name
from generator.contract.remote import MAX_PREVIEW_BYTES
from generator.contract.version import VERSION
from generator.contract.worker_settings import HOTSHOT_ENGINE
from generator.host.cache import FileCache
from generator.host.upload_turns import UploadTurns
from generator.link.lasting import LastingLink


@dataclass(kw_only=True)
class HostPlace:
    """Where a host's workers are at home. ``models`` has where models are here, by their names.

    ``memory_limit`` is what one worker may hold, in bytes, before it is started anew. ``lease`` is
    for how many seconds it works for a bot that isn't heard.
    """

    host: str
    link: LastingLink
    cache: FileCache
    outputs: Path
    memory_limit: int
    lease: float
    models: Mapping[str, str] = field(default_factory=dict)
    cards: Mapping[str, str] = field(default_factory=dict)
    engine: str = HOTSHOT_ENGINE
    log_level: str = "INFO"
    log_format: str = logs.TEXT
    boot: str = field(default_factory=lambda: secrets.token_hex(8))
    uploads: UploadTurns = field(default_factory=UploadTurns)
    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def lock(self, name: str) -> asyncio.Lock:
        """Return what keeps two devices from bringing one file twice."""
        found = self._locks.get(name)
        if found is None:
            found = self._locks[name] = asyncio.Lock()
        return found

    def card_of(self, device: str) -> str:
        """Return the name of a device's card; "" where there is none."""
        return self.cards.get(device, "")

    def facts(self) -> dict[str, Any]:
        """Return what a hello says of the host as a whole."""
        return {
            "package": VERSION,
            "python": platform.python_version(),
            "memory_limit": self.memory_limit,
            "cached": self.cache.held,
        }

    def output(self, made: Finished) -> Path:
        """Return where a worker wrote a job's file."""
        return self.outputs / output_name(made.job_id, made.attempt, made.output.suffix)

    def drop_output(self, made: Finished) -> None:
        """Delete a job's file: the bot has it, or nobody wants it."""
        with contextlib.suppress(OSError):
            self.output(made).unlink()

    def read_preview(self, name: str) -> bytes:
        """Return a preview's bytes; none where it is gone already, or too large."""
        try:
            with (self.outputs / Path(name).name).open("rb") as opened:
                found = opened.read(MAX_PREVIEW_BYTES + 1)
        except OSError:
            return b""
        return found if len(found) <= MAX_PREVIEW_BYTES else b""


def find_cards() -> dict[str, str]:
    """Return the names of this host's cards by device, as the driver's own program says them."""
    try:
        said = subprocess.run(
            ["nvidia-smi", "--query-gpu=index,name", "--format=csv,noheader"],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    lines = (line.partition(", ") for line in said.splitlines())
    return {f"cuda:{index}": name for index, _, name in lines if index.isdigit()}
