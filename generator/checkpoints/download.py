"""Fetches files of a repository into the hub's cache, and goes on where it was interrupted.

Since huggingface_hub 1.18 the library starts a file from nothing after its process was killed
(findings/hub-restarts-killed-downloads.sh). So the bytes are brought here, into ``blobs/`` under
the names that the library gives them, and the library then does the rest: it finds them, and makes
the snapshot of them. Free of torch.
"""

from __future__ import annotations

import glob
import hashlib
import re
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from huggingface_hub import (
    constants,
    snapshot_download,
)
from huggingface_hub.utils import (  # type: ignore[attr-defined]
    WeakFileLock,
    disable_progress_bars,
)

from generator.checkpoints import hub
from generator.checkpoints.hub import Listing, Repository
from generator.checkpoints.transfer import (
    ProgressListener,
    RemoteFile,
    Transfer,
    call_in_threads,
    remote_file,
)
from generator.contract.errors import ModelError

_AT_ONCE = 4
_SAFE_ETAG = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z._-]{0,127}")
_PART = ".hotshot.incomplete"  # the library's own end in .incomplete too, so its tools find both


@dataclass(frozen=True, slots=True)
class DownloadPlan:
    """What is to be fetched so that the cache has ``names``. Sizes are in bytes.

    ``size`` is that of all of them; ``missing`` are those that the cache lacks.
    """

    listing: Listing
    names: tuple[str, ...]
    size: int
    missing: tuple[RemoteFile, ...]

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
            missing = call_in_threads(lambda name: remote_file(listing, name), lacking, at_once=8)
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
            call_in_threads(
                lambda one: self._fetch_one(one, listener, stop), ordered, at_once=_AT_ONCE
            )
        finally:
            stop.set()

    def _fetch_one(
        self, file: RemoteFile, listener: ProgressListener, stop: threading.Event
    ) -> None:
        repository = self.listing.repository
        blob, part = _blob(repository, file.etag), _part(repository, file.etag)
        if blob.exists():
            return
        with part.open("ab", buffering=0) as opened:
            Transfer(file, opened, listener, stop).run()
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


def _is_resumable(file: RemoteFile) -> bool:
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
