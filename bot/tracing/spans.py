"""A span as it is when it is over. A job's trace has the job's id, so no id has to be kept or sent.

Whoever knows a job's id knows its trace: a log line here or on a GPU host, and the next run of the
bot. Nothing in a span says who asked, where, or for what.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Times are nanoseconds since 1970. ``error`` is why it didn't end well."""

    name: str
    trace_id: int
    span_id: int
    parent_id: int | None
    start: int
    end: int
    attributes: Mapping[str, str | int | float] = field(default_factory=dict)
    error: str = ""


SpanSink = Callable[[Span], None]


def trace_id_of(job_id: str) -> int:
    """Return the id of a job's trace: 128 bits, which a job's id is."""
    return int(job_id, 16)


def root_id_of(job_id: str) -> int:
    """Return the id of the span that is the whole job."""
    return int(job_id[:16], 16)


def new_span_id() -> int:
    """Return an id that no other span has."""
    return secrets.randbits(63) + 1
