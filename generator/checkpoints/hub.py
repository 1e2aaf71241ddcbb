"""A repository on the hub: what it has, what of it the cache has, and why it can't be had.

One question is asked of the hub, within a few seconds; what is fetched is fetched by
``generator.checkpoints.download``. With ``HF_HUB_OFFLINE=1`` the cache alone is asked. Free of
torch.
"""

from __future__ import annotations

import difflib
import errno
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from huggingface_hub import HfApi, constants, scan_cache_dir, snapshot_download
from huggingface_hub.errors import (
    CacheNotFound,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from generator.contract.errors import ModelError
from generator.contract.text import Text

_T = TypeVar("_T")

ENDPOINT: str | None = None  # the hub's address where it isn't the usual one
WELL_KNOWN = (
    "hotshotco/Hotshot-XL",
    "hotshotco/SDXL-512",
    "stabilityai/stable-diffusion-xl-base-1.0",
    "diffusers/controlnet-depth-sdxl-1.0",
    "diffusers/controlnet-canny-sdxl-1.0",
    "depth-anything/Depth-Anything-V2-Small-hf",
)

_PATIENCE_SECONDS = 8.0
_FORGIVEN_AFTER_SECONDS = 60.0
_COMMIT = re.compile(r"[0-9a-f]{40}")
_REFUSALS = (
    RepositoryNotFoundError,
    RevisionNotFoundError,
    RemoteEntryNotFoundError,
    HFValidationError,
)
_FULL = Text("The disk of {cache} is full; make room there, or set HF_HOME to another place.")
_READ_ONLY = Text("The cache {cache} can't be written to; set HF_HOME to another place.")
_OF_THE_DISK = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: _READ_ONLY,
    errno.EPERM: _READ_ONLY,
    errno.EROFS: _READ_ONLY,
    errno.ENOTDIR: _READ_ONLY,
    errno.EEXIST: _READ_ONLY,
}
_last_unreached: dict[str, float] = {}  # addresses that didn't answer in time, and when


@dataclass(frozen=True, slots=True)
class Repository:
    """A name on the hub, and the revision of it that is wanted: a branch, a tag or a commit."""

    name: str
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the repository that ``owner/name`` or ``owner/name@revision`` names."""
        name, _, revision = text.partition("@")
        return cls(name, revision or None)

    def __str__(self) -> str:
        return f"{self.name}@{self.revision}" if self.revision else self.name

    @property
    def is_pinned(self) -> bool:
        """Return whether it is one commit, which never changes."""
        return bool(self.revision and _COMMIT.fullmatch(self.revision))


@dataclass(frozen=True, slots=True)
class HubFile:
    """What a listing tells of a file: bytes and their SHA-256; None for what it doesn't tell."""

    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A repository's files at one commit, or, where the hub was ``unreached``, the cached ones.

    ``snapshot`` is the directory of that commit in the cache, whether it is there or not; None
    where nothing of the repository is known.
    """

    repository: Repository
    files: Mapping[str, HubFile]
    commit: str | None = None
    snapshot: Path | None = None
    licence: str = ""
    is_gated: bool = False
    unreached: Exception | None = field(default=None, repr=False)

    @classmethod
    def of(cls, text: str, *, fresh: bool = False) -> Self:
        """Return the listing of ``owner/name`` or ``owner/name@revision``.

        A commit that the cache has is not asked for again, unless it is to be ``fresh``. Raises
        ModelError where the hub answers that there is none to be had.
        """
        repository = Repository.parse(text)
        if repository.is_pinned and not fresh and (snapshot := cached_snapshot(repository)):
            return cls._cached(repository, snapshot, None)
        try:
            info = _ask(repository)
        except _REFUSALS as error:
            raise download_error(repository, error) from error
        except Exception as error:  # noqa: BLE001 - of several libraries, and all mean the same
            return cls._cached(repository, cached_snapshot(repository), error)
        siblings = info.siblings or ()
        commit = info.sha or ""
        return cls(
            repository=repository,
            files={one.rfilename: _described(one) for one in siblings},
            commit=commit,
            snapshot=repository_directory(repository) / "snapshots" / commit if commit else None,
            licence=_licence(info),
            is_gated=bool(info.gated),
        )

    @classmethod
    def _cached(
        cls, repository: Repository, snapshot: Path | None, unreached: Exception | None
    ) -> Self:
        names = files_in(snapshot)
        commit = snapshot.name if snapshot else None
        return cls(
            repository=repository,
            files=dict.fromkeys(names, HubFile()),
            commit=commit,
            snapshot=snapshot,
            unreached=unreached,
        )

    @property
    def cached(self) -> frozenset[str]:
        """Return the names of the files that the cache has of this commit."""
        return frozenset(files_in(self.snapshot))


def cached_snapshot(repository: Repository) -> Path | None:
    """Return where a repository's files were fetched to before; the hub isn't asked."""
    try:
        path = snapshot_download(
            repository.name,
            revision=repository.revision,
            allow_patterns=["-"],  # whatever is there
            cache_dir=constants.HF_HUB_CACHE,
            local_files_only=True,
        )
    except Exception:  # noqa: BLE001 - of several libraries, and all mean the same
        return None
    return Path(path)


def download_error(repository: Repository, error: BaseException) -> ModelError:
    """Return the error for what the hub's library, the network or the disk answered."""
    if isinstance(error, _REFUSALS):
        return _no_such_thing(repository, error)
    if constants.HF_HUB_OFFLINE or isinstance(error, OfflineModeIsEnabled):
        return ModelError(
            "{name} isn't in the cache, and HF_HUB_OFFLINE is set; unset it to download the "
            "model once, or give the path of a copy you already have.",
            name=str(repository),
        )
    if isinstance(error, HfHubHTTPError):
        return _refused(repository.name, error)
    if isinstance(error, OSError) and error.errno in _OF_THE_DISK:
        return ModelError(_OF_THE_DISK[error.errno].with_values(cache=constants.HF_HUB_CACHE))
    return ModelError(
        "{name} can't be downloaded from the hub: {address} can't be reached ({reason}); "
        "check the connection, or give the path of a copy you already have.",
        name=str(repository),
        address=address(),
        reason=_innermost(error),
    )


def address() -> str:
    """Return the hub's address."""
    return (ENDPOINT or constants.ENDPOINT).rstrip("/")


def suggestion(name: str, known: Iterable[str] | None = None) -> str | Text:
    """Return what may have been meant, as a part of a sentence; empty where nothing is near.

    ``known`` are the names to choose from, by default what the cache has and what is well known.
    """
    names = {*WELL_KNOWN, *cached_models()} if known is None else set(known)
    by_lower = {one.lower(): one for one in names - {name}}
    by_last = {one.rpartition("/")[2].lower(): one for one in names - {name}}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.75)
    last = difflib.get_close_matches(name.rpartition("/")[2].lower(), by_last, n=1, cutoff=0.9)
    match = by_lower[near[0]] if near else by_last[last[0]] if last else None
    # the gap is a value, since no sentence of a catalogue begins with one
    return Text("{gap}(do you mean {near}?)", gap=" ", near=match) if match else ""


def cached_models() -> list[str]:
    """Return the models that the cache has anything of."""
    try:
        repositories = scan_cache_dir(constants.HF_HUB_CACHE).repos
    except (CacheNotFound, OSError, ValueError):
        return []
    return sorted(one.repo_id for one in repositories if one.repo_type == "model")


def repository_directory(repository: Repository) -> Path:
    """Return the cache's directory of a repository, as the hub's documentation describes it."""
    return Path(constants.HF_HUB_CACHE) / f"models--{repository.name.replace('/', '--')}"


def _ask(repository: Repository) -> Any:
    """Return the hub's description of a repository. Raises whatever the library raises."""
    since = time.monotonic() - _last_unreached.get(address(), -_FORGIVEN_AFTER_SECONDS)
    if since < _FORGIVEN_AFTER_SECONDS:
        raise TimeoutError("it gave no answer a moment ago")
    api = HfApi(endpoint=ENDPOINT)
    began = time.monotonic()
    try:
        return call_with_timeout(
            _PATIENCE_SECONDS,
            lambda: api.model_info(
                repository.name,
                revision=repository.revision,
                files_metadata=True,
                timeout=_PATIENCE_SECONDS,
            ),
        )
    except (*_REFUSALS, HfHubHTTPError):
        raise
    except Exception:
        if time.monotonic() - began > _PATIENCE_SECONDS / 2:
            _last_unreached[address()] = time.monotonic()  # who asks next needn't wait as well
        raise


def call_with_timeout(seconds: float, call: Callable[[], _T]) -> _T:
    """Return what ``call`` returns. Raises TimeoutError after so many seconds.

    A name server that doesn't answer keeps a thread busy for longer than any time-out that the
    library takes.
    """
    results: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - raised below, in the thread that asked
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True, name="hub")
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"no answer within {seconds:g} s")
    return results[0]


def _described(sibling: Any) -> HubFile:
    lfs = sibling.lfs
    return HubFile(sibling.size, lfs.sha256 if lfs else None)


def _licence(info: Any) -> str:
    """Return the licence that a card or its tags state; an empty text where neither does."""
    card = info.card_data
    named = card.get("license_name") if card else None
    licence = named or (card.get("license") if card else None)
    tags = (tag.partition(":")[2] for tag in info.tags or () if tag.startswith("license:"))
    return str(licence or next(tags, ""))


def files_in(snapshot: Path | None) -> list[str]:
    """Return the names of a snapshot's files that are there."""
    if snapshot is None or not snapshot.is_dir():
        return []
    found = (path for path in snapshot.rglob("*") if path.is_file())
    return sorted(path.relative_to(snapshot).as_posix() for path in found)


def _no_such_thing(repository: Repository, error: BaseException) -> ModelError:
    """Return the error of a name, revision or file that the hub hasn't, or not for everybody."""
    name = repository.name
    if isinstance(error, HFValidationError):
        return ModelError(
            "{name!r} can't be a name on the hub{meant}; give one such as hotshotco/Hotshot-XL.",
            name=name,
            meant=suggestion(name),
        )
    if isinstance(error, GatedRepoError):  # is a RepositoryNotFoundError too
        return ModelError(
            "{name} is gated: accept its terms at {address}, then log in on this machine with "
            "'hf auth login' or set the variable HF_TOKEN.",
            name=name,
            address=f"{address()}/{name}",
        )
    if isinstance(error, RevisionNotFoundError):
        return ModelError(
            "{name} has no revision {revision}; give one of its branches, tags or commits.",
            name=name,
            revision=repository.revision or constants.DEFAULT_REVISION,
        )
    if isinstance(error, RemoteEntryNotFoundError):
        return ModelError("A file of {name} is gone from the hub; try again.", name=name)
    return ModelError(
        "{name} can't be downloaded: the hub has no such model, or it is private{meant}; "
        "check the name, and set HF_TOKEN if it is private.",
        name=name,
        meant=suggestion(name),
    )


def _refused(name: str, error: HfHubHTTPError) -> ModelError:
    status = error.response.status_code if error.response is not None else 0
    if status in (401, 403):
        return ModelError(
            "The hub doesn't let this machine have {name} ({status}); check the variable "
            "HF_TOKEN, or log in again with 'hf auth login'.",
            name=name,
            status=status,
        )
    return ModelError(
        "{name} can't be downloaded from the hub, which answers with an error ({status}); try "
        "again later.",
        name=name,
        status=status,
    )


def _innermost(error: BaseException) -> str:
    """Return the reason in a few words: libraries wrap the system's own several times."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    strerror = getattr(error, "strerror", None)
    text = str(strerror or error or type(error).__name__).strip().splitlines()[0]
    return text[:120].rstrip(".")
