"""What a worker asks of a process that writes files; the frames go beside it.

The answer is an outcome of ``generator.contract.messages``: Finished or Failed. Standard library
only.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderTask:
    """Frames of this ``shape`` (frames, height, width, 3) are to be the file ``path``.

    It grows under the name ``scratch``, in the same directory, so whoever kills the process knows
    what to remove. ``memory_bytes`` is the address space that the process may take, and the rest
    is a ``RawClip``'s.
    """

    job_id: str
    attempt: int
    path: str
    scratch: str
    shape: tuple[int, ...]
    duration_ms: int
    comment: str
    quality: int | None
    memory_bytes: int

    def to_json(self) -> bytes:
        """Return what ``from_json`` reads."""
        return json.dumps(asdict(self)).encode("ascii")

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Return the task that ``to_json`` wrote."""
        values = json.loads(data)
        return cls(**values | {"shape": tuple(values["shape"])})
