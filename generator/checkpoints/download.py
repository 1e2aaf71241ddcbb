"""Fetches files of a repository into the hub's cache, and goes on where it was interrupted.

Since huggingface_hub 1.18 the library starts a file from nothing after its process was killed
(findings/hub-restarts-killed-downloads.sh). So the bytes are brought here, into ``blobs/`` under
the names that the library gives them, and the library then does the rest: it finds them, and makes
the snapshot of them. Free of torch.
"""

from __future__ import annotations

import glob
import hashlib
import queue
import re
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Protocol, Self, TypeVar

from huggingface_hub import (
    constants,
    get_hf_file_metadata,
    get_session,
    hf_hub_url,
    snapshot_download,
)
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    WeakFileLock,
    build_hf_headers,
    disable_progress_bars,
    hf_raise_for_status,
)

from generator.checkpoints import hub
from generator.checkpoints.hub import Listing, Repository
from generator.contract.errors import ModelError

_T = TypeVar("_T")
_R = TypeVar("_R")

_AT_ONCE = 4
_TRIES = 5  # without a byte in between
_SECONDS_TO_WAIT = 10.0  # for an answer, and for each piece of one
_SAFE_ETAG = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z._-]{0,127}")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-")
_PART = ".hotshot.incomplete"  # the library's own end in .incomplete too, so its tools find both


class ProgressListener(Protocol):
    """Who is told of a download."""

    def begin(self, done: int, total: int) -> None:
        """Show that a download begins, in bytes, of which ``done`` were there already."""

    def add(self, count: int) -> None:
        """Count so many bytes more; fewer than none where a piece has to be fetched again."""

    def wait(self) -> None:
        """Show that another process fetches this repository, and that this one waits for it."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file that the cache lacks. ``size`` is None where the hub doesn't tell."""

    name: str
    url: str
    etag: str
    size: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class DownloadPlan:
    """What is to be fetched so that the cache has ``names``. Sizes are in bytes.

    ``size`` is that of all of them; ``missing`` are those that the cache lacks.
    """

    listing: Listing
    names: tuple[str, ...]
    size: int
    missing: tuple[_File, ...]

    @classmethod
    def of(cls, listing: Listing, names: Iterable[str]) -> Self:
        """Ask the hub for what the listing doesn't tell. Raises ModelError."""
        wanted = tuple(names)
        cached = listing.cached
        lacking = [name for name in wanted if name not in cached]
        repository = listing.repository
        if lacking and listing.unreached is not None:
            raise hub.download_error(repository, listing.unreached)
        try:
            missing = _in_threads(lambda name: _head(listing, name), lacking, at_once=8)
        except Exception as error:
            raise hub.download_error(repository, error) from error
        snapshot = listing.snapshot
        there = [snapshot / name for name in wanted if name in cached] if snapshot else []
        size = sum(path.stat().st_size for path in there) + sum(one.size or 0 for one in missing)
        return cls(listing, wanted, size, tuple(missing))

    @property
    def total(self) -> int:
        """Return the bytes of what is missing."""
        return sum({one.etag: one.size or 0 for one in self.missing}.values())

    @property
    def done(self) -> int:
        """Return how many of the missing bytes were fetched before an interruption."""
        return sum(
            min(_size(_part(self.listing.repository, one.etag)), one.size or 0)
            if not _blob(self.listing.repository, one.etag).exists()
            else one.size or 0
            for one in {one.etag: one for one in self.missing}.values()
        )

    def check_room(self) -> None:
        """Raise ModelError where the disk has too little."""
        cache = Path(constants.HF_HUB_CACHE).absolute()
        there = next(path for path in (cache, *cache.parents) if path.exists())
        free, needed = shutil.disk_usage(there).free, self.total - self.done
        if needed > free:
            raise ModelError(
                "{name} needs {needed} more on the disk of {cache}, which has {free} left; "
                "make room there, or set HF_HOME to another place.",
                name=self.listing.repository.name,
                needed=format_bytes(needed),
                cache=cache,
                free=format_bytes(free),
            )

    def run(self, listener: ProgressListener) -> Path:
        """Fetch what is missing; return the directory of the snapshot. Raises ModelError.

        What was fetched until then is kept where it fails or is interrupted, and taken up by the
        next plan that needs it.
        """
        repository, snapshot = self.listing.repository, self.listing.snapshot
        if snapshot is not None and not self.missing and self._is_known():
            return snapshot
        self.check_room()
        try:
            (hub.repository_directory(repository) / "blobs").mkdir(parents=True, exist_ok=True)
            # Without it, the library's tools take the directory for a broken one.
            (hub.repository_directory(repository) / "snapshots").mkdir(exist_ok=True)
            with _locked(repository, listener):
                self._fetch(listener)
                return self._link()
        except ModelError:
            raise
        except Exception as error:
            raise hub.download_error(repository, error) from error

    def rest(self) -> DownloadPlan:
        """Return this plan without what was fetched meanwhile."""
        cached = self.listing.cached
        return replace(self, missing=tuple(one for one in self.missing if one.name not in cached))

    def _is_known(self) -> bool:
        """Return whether the cache finds the snapshot by the revision's name without the hub."""
        listing = self.listing
        return (
            listing.unreached is not None
            or listing.repository.is_pinned
            or hub.cached_snapshot(listing.repository) == listing.snapshot
        )

    def _fetch(self, listener: ProgressListener) -> None:
        listener.begin(self.done, self.total)
        files = {one.etag: one for one in self.missing if _is_resumable(one)}.values()
        stop = threading.Event()
        # The largest first: then no thread is left alone with it.
        ordered = sorted(files, key=lambda one: one.size or 0, reverse=True)
        try:
            _in_threads(lambda one: self._fetch_one(one, listener, stop), ordered, at_once=_AT_ONCE)
        finally:
            stop.set()

    def _fetch_one(self, file: _File, listener: ProgressListener, stop: threading.Event) -> None:
        repository = self.listing.repository
        blob, part = _blob(repository, file.etag), _part(repository, file.etag)
        if blob.exists():
            return
        with part.open("ab", buffering=0) as opened:
            _Transfer(file, opened, listener, stop).run()
        if stop.is_set():
            return
        if file.sha256 and _sha256(part) != file.sha256:
            part.unlink()
            raise ModelError(
                "{file} of {name} arrived damaged; download it again.",
                file=file.name,
                name=repository.name,
            )
        part.replace(blob)

    def _link(self) -> Path:
        """Have the library make the snapshot of what lies in ``blobs`` by now.

        Return its directory.
        """
        repository = self.listing.repository
        disable_progress_bars()
        snapshot = Path(
            snapshot_download(
                repository.name,
                revision=repository.revision,
                allow_patterns=[glob.escape(name) for name in self.names],
                cache_dir=constants.HF_HUB_CACHE,
                endpoint=hub.ENDPOINT,
            )
        )
        for file in self.missing:
            # Where links can't be made (Windows), the library has copied.
            if (snapshot / file.name).is_file() and not (snapshot / file.name).is_symlink():
                _blob(repository, file.etag).unlink(missing_ok=True)
        return snapshot


class _Transfer:
    """One file's bytes, from where an earlier try broke off, into ``opened``."""

    def __init__(
        self, file: _File, opened: IO[bytes], listener: ProgressListener, stop: threading.Event
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
        told = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
        return response.status_code == 206 and told is not None and int(told[1]) == self._at

    def _restart(self) -> None:
        self._listener.add(-self._at)
        self._opened.truncate(0)
        self._opened.seek(0)
        self._at = 0


def format_bytes(count: int) -> str:
    """Return a number of bytes as people read it: 512 kB, 1.9 GB."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit in ("bytes", "kB") or size >= 100 else f"{size:.1f} {unit}"


def incomplete_blobs(repository: Repository) -> list[Path]:
    """Return what interrupted downloads have left of a repository, ours and the library's."""
    return sorted((hub.repository_directory(repository) / "blobs").glob("*.incomplete"))


def _head(listing: Listing, name: str) -> _File:
    url = hf_hub_url(
        listing.repository.name,
        name,
        revision=listing.commit or listing.repository.revision,
        endpoint=hub.ENDPOINT,
    )
    told = get_hf_file_metadata(url, timeout=_SECONDS_TO_WAIT, endpoint=hub.ENDPOINT)
    known = listing.files.get(name)
    size = told.size if told.size is not None else known.size if known else None
    return _File(name, url, told.etag or "", size, known.sha256 if known else None)


def _is_final(error: Exception) -> bool:
    """Return whether there is no use in asking again: the hub has refused, or the disk has."""
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        return status < 500 and status != 429
    return isinstance(error, OSError)


def _is_resumable(file: _File) -> bool:
    """Return whether a file is fetched here.

    Others, of unknown size or name, the library fetches.
    """
    return file.size is not None and _SAFE_ETAG.fullmatch(file.etag) is not None


def _blob(repository: Repository, etag: str) -> Path:
    return hub.repository_directory(repository) / "blobs" / etag


def _part(repository: Repository, etag: str) -> Path:
    return hub.repository_directory(repository) / "blobs" / f"{etag}{_PART}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@contextmanager
def _locked(repository: Repository, listener: ProgressListener) -> Iterator[None]:
    """Hold the lock of a repository, so that one process downloads it at a time."""
    directory = Path(constants.HF_HUB_CACHE) / ".locks" / hub.repository_directory(repository).name
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "hotshot.lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(WeakFileLock(file, timeout=0.1))
        except TimeoutError:
            listener.wait()
            stack.enter_context(WeakFileLock(file))
        yield


def _in_threads(call: Callable[[_T], _R], items: Sequence[_T], *, at_once: int) -> list[_R]:
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
