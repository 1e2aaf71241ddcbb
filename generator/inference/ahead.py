"""What of a request is done ahead, on a thread of its own, while the one before it is decoded.

Knows neither models nor files: it keeps one request's words and pictures apart from the next one's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from generator.contract.messages import Request
from generator.media.clip import Frames


@dataclass(frozen=True, slots=True)
class Pictures:
    """What a request shows a model, as ``HotshotPipeline`` is given it."""

    condition_images: Sequence[Frames]
    init_image: Frames | None


@dataclass(slots=True)
class Ahead:
    """Begins on one request at a time; nothing goes on beside a request but reading pictures.

    ``begin`` and ``take`` aren't called at the same time.
    """

    executor: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="ahead")
    )
    _encoding: Future[None] | None = None
    _reading: tuple[Request, Future[Pictures]] | None = None

    def begin(
        self, request: Request, encode: Callable[[], None], read: Callable[[], Pictures] | None
    ) -> None:
        """Have a prompt encoded and pictures read; what was begun before and not taken is dropped.

        What ``encode`` raises is nobody's business: it is done again in its turn.
        """
        self._drop()
        self._encoding = self.executor.submit(encode)
        if read is not None:
            self._reading = replace(request, seed=0), self.executor.submit(read)

    def take(self, request: Request) -> Pictures | None:
        """Return a request's pictures, or raise what reading them did; None where none were begun.

        Once this returns, no network is in use here.
        """
        reading = self._reading
        if reading is None or reading[0] != replace(request, seed=0):
            self._drop()
            return None
        self._encoding = self._reading = None
        return reading[1].result()

    def _drop(self) -> None:
        """Forget what was begun; wait where networks are in use for it."""
        encoding, reading = self._encoding, self._reading
        self._encoding = self._reading = None
        if reading is not None:
            reading[1].cancel()
        if encoding is not None and not encoding.cancel():
            encoding.exception()
