"""The files that a request names: where they lie, what its links lead to, for as long as needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from generator.contract.messages import Request
from generator.sources.fetch import Fetched


@dataclass(frozen=True, slots=True)
class Sources:
    """What is to be followed, and what to begin from; of no meaning where none is asked for."""

    control: Path
    image: Path


@contextmanager
def fetched(request: Request) -> Iterator[Sources]:
    """Raises what ``fetch`` raises; what was fetched is deleted on leaving."""
    with Fetched(request.control_source) as control, Fetched(request.image) as image:
        yield Sources(control, image)
