"""Brings the bytes of one file from the hub, from where an earlier try broke off.

Knows no plan and no cache: it is told a file's address, and what to write to. Free of torch.
"""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any, Protocol, TypeVar

from huggingface_hub import get_hf_file_metadata, get_session, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    build_hf_headers,
    hf_raise_for_status,
)

from generator.checkpoints import hub
from generator.checkpoints.hub import Listing

_T = TypeVar("_T")
_R = TypeVar("_R")

_TRIES = 5  # without a byte in between
_SECONDS_TO_WAIT = 10.0  # for an answer, and for each piece of one
_CONTENT_RANGE = re.compile(r"bytes (\d+)-")


class ProgressListener(Protocol):
    """Who is told of a download."""

    def begin(self, done: int, total: int) -> None:
        """Show that a download begins, in bytes, of which ``done`` were there already."""

    def add(self, count: int) -> None:
        """Count so many bytes more; fewer than none where a piece has to be fetched again."""

    def wait(self) -> None:
        """Show that another process fetches this repository, and that this one waits for it."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that the cache lacks. ``size`` is None where the hub doesn't tell."""

    name: str
    url: str
    etag: str
    size: int | None
    sha256: str | None


class Transfer:
    """One file's bytes, from where an earlier try broke off, into ``opened``."""

    def __init__(
        self, file: RemoteFile, opened: IO[bytes], listener: ProgressListener, stop: threading.Event
    ) -> None:
        self._file, self._opened, self._listener, self._stop = file, opened, listener, stop
        self._at = opened.seek(0, 2)

    def run(self) -> None:
        """Fetch the file's rest.

        Raise what the library, network or disk raises, after a few tries.
        """
        size = self._file.size or 0
        if self._at > size:
            self._restart()
        tries = 0
        while self._at < size:
            before = self._at
            try:
                self._try()
            except Exception as error:  # of the network, each version has errors of its own
                tries = 0 if self._at > before else tries + 1
                if _is_final(error) or tries >= _TRIES or self._stop.wait(min(tries, 1)):
                    raise
            if self._stop.is_set():
                return
        if self._at > size:
            self._restart()
            raise ConnectionError(f"{self._file.name} is longer than the hub said")

    def _try(self) -> None:
        headers = build_hf_headers() | {"Accept-Encoding": "identity"}
        if self._at:
            headers["Range"] = f"bytes={self._at}-"
        with get_session().stream(
            "GET", self._file.url, headers=headers, timeout=_SECONDS_TO_WAIT
        ) as response:
            hf_raise_for_status(response)
            if self._at and not self._goes_on(response):
                self._restart()
            for piece in response.iter_bytes():
                self._opened.write(piece)
                self._at += len(piece)
                self._listener.add(len(piece))
                if self._stop.is_set():
                    return

    def _goes_on(self, response: Any) -> bool:
        """Return whether the answer begins where this file ends.

        A server may give the whole instead.
        """
        found = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
        return response.status_code == 206 and found is not None and int(found[1]) == self._at

    def _restart(self) -> None:
        self._listener.add(-self._at)
        self._opened.truncate(0)
        self._opened.seek(0)
        self._at = 0


def remote_file(listing: Listing, name: str) -> RemoteFile:
    """Return what the hub says of a file. Raises what the library or the network raises."""
    url = hf_hub_url(
        listing.repository.name,
        name,
        revision=listing.commit or listing.repository.revision,
        endpoint=hub.ENDPOINT,
    )
    metadata = get_hf_file_metadata(url, timeout=_SECONDS_TO_WAIT, endpoint=hub.ENDPOINT)
    known = listing.files.get(name)
    size = metadata.size if metadata.size is not None else known.size if known else None
    return RemoteFile(name, url, metadata.etag or "", size, known.sha256 if known else None)


def call_in_threads(call: Callable[[_T], _R], items: Sequence[_T], *, at_once: int) -> list[_R]:
    """Call ``call`` with each item; return the results in order. The first error is raised at once.

    The threads are daemons: Ctrl-C needn't wait until a hub that stalls has timed out.
    """
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, _R | None, BaseException | None]] = queue.SimpleQueue()
    failed = threading.Event()
    for index in range(len(items)):
        todo.put(index)

    def run() -> None:
        while not failed.is_set():
            try:
                index = todo.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((index, call(items[index]), None))
            except BaseException as error:  # noqa: BLE001 - raised by who waits
                failed.set()
                done.put((index, None, error))

    for _ in range(min(at_once, len(items))):
        threading.Thread(target=run, daemon=True, name="download").start()
    results: dict[int, Any] = {}
    try:
        while len(results) < len(items):
            try:
                index, result, error = done.get(timeout=1)  # Windows: Ctrl-C ends no endless wait
            except queue.Empty:
                continue
            if error is not None:
                raise error
            results[index] = result
    finally:
        failed.set()
    return [results[index] for index in range(len(items))]


def _is_final(error: Exception) -> bool:
    """Return whether there is no use in asking again: the hub has refused, or the disk has."""
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        return status < 500 and status != 429
    return isinstance(error, OSError)
