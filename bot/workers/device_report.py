"""What ``hotshot-bot status`` shows of one device."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """What a device is doing: starting, idle, busy or down. ``key`` is unlike any other's."""

    key: str
    device: str
    state: str
    pid: int | None = None
    dtype: str = ""
    model: str = ""
    job_id: str = ""
    made: int = 0
    memory_bytes: int | None = None
    failure: str = ""  # the sentence
