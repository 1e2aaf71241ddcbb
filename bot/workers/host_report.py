"""How a worker on a GPU host elsewhere stands, for ``hotshot-bot status``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReport:
    """What a host says of one of its workers, and whether it is there.

    ``name`` is ``home.cuda0``, or ``home`` alone where nothing was heard of that host. ``state`` is
    ``away``, or what the worker says. ``cached_bytes`` is what the host keeps of files, and
    ``refusal`` what of its words wasn't taken in last.
    """

    name: str
    state: str
    card: str = ""
    model: str = ""
    memory_bytes: int = 0
    cached_bytes: int = 0
    package: str = ""
    python: str = ""
    job_id: str = ""
    refusal: str = ""
