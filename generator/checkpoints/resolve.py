"""Where a model comes from: nano's own directory, a path, or the hub's cache.

Turns a name into a directory or a file on this machine; fetches what the cache lacks. What is
fetched is kept in the hub's cache (``HF_HOME``); with ``HF_HUB_OFFLINE=1``, or where the hub can't
be reached, the cache alone is asked. A hub id is ``owner/name``, or ``owner/name@revision``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from pathlib import Path

from generator.checkpoints import file_selection, hub
from generator.checkpoints.download import DownloadPlan, format_bytes
from generator.checkpoints.download_progress import DownloadProgress
from generator.checkpoints.file_selection import FOLDERS, SUFFIX, TEMPORAL_FILES
from generator.checkpoints.hub import Listing
from generator.contract.errors import ModelError
from generator.contract.limits import NANO, local_directory, local_path
from generator.contract.paths import parse_hub_id

_may_fetch: ContextVar[bool] = ContextVar("may_fetch", default=True)

SDXL = "stabilityai/stable-diffusion-xl-base-1.0"

logger = logging.getLogger(__name__)


class NotFetchedError(ModelError):
    """The hub has it, the disk has room for it, and the cache lacks it. ``size`` is in bytes."""

    def __init__(self, plan: DownloadPlan) -> None:
        self.repository, self.size = str(plan.listing.repository), plan.size
        super().__init__(
            "{repository} isn't on this machine yet ({size}).",
            repository=self.repository,
            size=format_bytes(plan.total),
        )


@contextmanager
def without_fetching() -> Iterator[None]:
    """Have whatever would be fetched inside raise NotFetchedError."""
    before = _may_fetch.set(False)
    try:
        yield
    finally:
        _may_fetch.reset(before)


def resolve_model_directory(model: str) -> Path:
    """Return the whole directory of ``nano``, a path or a hub id (fetched where it isn't cached).

    Raises ModelError where there is none, or the hub can't be asked.
    """
    directory = local_directory(model)
    if directory is None:
        return fetch(model, FOLDERS)
    if model == NANO and not directory.is_dir():
        raise ModelError(
            "nano's weights are missing at {directory}; run 'make nano' to train it.",
            directory=directory,
        )
    return directory


def resolve_temporal_file(model: str, *, with_base: bool) -> Path | None:
    """Return the file of temporal layers that ``model`` is, has alone, or offers beside a base.

    None is returned where the model is a whole one. From a repository, beside a base, that file is
    all that is fetched. Raises ModelError where the hub can't be asked.
    """
    path = local_path(model)
    if path is None:
        if _is_hub_file(model):
            return fetch_file(*_hub_file(model))
        return _fetched_temporal_file(model) if with_base else None
    if path.is_file():
        return path
    if (path / "unet").is_dir():
        return None
    return next((path / name for name in TEMPORAL_FILES if (path / name).is_file()), None)


def resolve_base_file(given: str) -> Path | None:
    """Return the single file that a base is, on this machine or on the hub.

    Returns None for a directory.
    """
    path = local_path(given)
    if path is None:
        return fetch_file(*_hub_file(given)) if _is_hub_file(given) else None
    return path if path.is_file() else None


def resolve_base_directory(given: str, *, unet_only: bool) -> Path:
    """Return the directory of a base: all of it, or its UNet and how that was trained.

    Raises ModelError where there is none, or the hub can't be asked.
    """
    return local_directory(given) or fetch(given, ("unet", "scheduler") if unet_only else FOLDERS)


def fetch_sdxl_descriptions() -> Path:
    """Fetch SDXL's configs, tokenizers and schedule, for files that come without; no weights."""
    listing = Listing.of(SDXL)
    return _snapshot(listing, file_selection.descriptions(listing.files))


def fetch(repository: str, folders: tuple[str, ...]) -> Path:
    """Return a snapshot of these folders: configs, vocabularies and safetensors, nothing else.

    Raises ModelError where the hub can't be reached and the cache has no copy.
    """
    listing = Listing.of(repository)
    return _snapshot(
        listing, file_selection.in_folders(listing.files, folders, cached=listing.cached)
    )


def fetch_root(repository: str, stem: str) -> Path:
    """Return a snapshot of one network alone, whose config and weights lie at the repository's top.

    ``stem`` is how its weights' files begin. Raises ModelError where the hub can't be reached and
    the cache has no copy.
    """
    listing = Listing.of(repository)
    return _snapshot(listing, file_selection.at_root(listing.files, stem, cached=listing.cached))


def cached_root(repository: str, stem: str) -> Path | None:
    """Return what ``fetch_root`` gives, where the cache has all of it; the hub isn't asked."""
    if parse_hub_id(repository) is None:
        return None
    snapshot = hub.cached_snapshot(hub.Repository.parse(repository))
    if snapshot is None:
        return None
    names = file_selection.at_root(hub.files_in(snapshot), stem)
    return snapshot if any(name.endswith(SUFFIX) for name in names) else None


def fetch_file(repository: str, names: tuple[str, ...]) -> Path:
    """Return the first of these files that a repository has, or that the cache has of it.

    Raises ModelError where there is none, or the hub can't be asked.
    """
    listing = Listing.of(repository)
    found = _first(listing, names)
    if found is not None:
        return _snapshot(listing, [found]) / found
    if listing.unreached is not None:
        raise hub.download_error(listing.repository, listing.unreached)
    raise ModelError(
        "{repository} has no {names}; name its file, as in {repository}/FILE.",
        repository=repository,
        names=", ".join(names),
    )


def fetch_only_file(repository: str, usual: tuple[str, ...]) -> Path:
    """Return a repository's file of one of the usual names, or else its only .safetensors file.

    Raises ModelError where there are several or none, or the hub can't be asked.
    """
    listing = Listing.of(repository)
    name = only_file(listing, usual)
    return _snapshot(listing, [name]) / name


def only_file(listing: Listing, usual: Iterable[str]) -> str:
    """Return the name of a repository's usual or only file. Raises ModelError."""
    found = _first(listing, usual)
    if found is not None:
        return found
    repository, files = listing.repository, file_selection.single_files(listing.files)
    if not files and listing.unreached is not None:
        raise hub.download_error(repository, listing.unreached)
    if not files:
        raise ModelError(
            "{repository} has no {suffix} file at its top level; give another repository.",
            repository=repository,
            suffix=SUFFIX,
        )
    if len(files) > 1:
        raise ModelError(
            "{repository} has several files; name one, as in {repository}/{file}.",
            repository=repository,
            file=files[0],
        )
    return files[0]


def cached_weights(given: str) -> Path | None:
    """Return the snapshot or the file of a hub id, where the cache has it; the hub isn't asked."""
    repository, inner = parse_hub_id(given) or ("", "")
    snapshot = hub.cached_snapshot(hub.Repository.parse(repository)) if repository else None
    if snapshot is None or not inner:
        return snapshot
    return snapshot / inner if (snapshot / inner).is_file() else None


def _first(listing: Listing, names: Iterable[str]) -> str | None:
    """Return the first name that the cache has, or else that the hub has."""
    known = [name for name in names if name in listing.files]
    return next((name for name in known if name in listing.cached), next(iter(known), None))


def _is_hub_file(given: str) -> bool:
    return given.count("/") >= 2 and given.endswith(SUFFIX)


def _hub_file(given: str) -> tuple[str, tuple[str]]:
    owner, name, inner = given.split("/", 2)
    return f"{owner}/{name}", (inner,)


def _fetched_temporal_file(repository: str) -> Path | None:
    listing = Listing.of(repository)
    found = _first(listing, TEMPORAL_FILES)
    return _snapshot(listing, [found]) / found if found else None


def _snapshot(listing: Listing, names: list[str]) -> Path:
    if listing.snapshot is None and listing.unreached is not None:
        raise hub.download_error(listing.repository, listing.unreached)
    plan = DownloadPlan.of(listing, names)
    if plan.missing and not _may_fetch.get():
        plan.check_room()
        raise NotFetchedError(plan)
    if plan.missing:
        logger.info("Fetching %s, %s.", listing.repository, format_bytes(plan.total))
    with closing(DownloadProgress(str(listing.repository))) as bar:
        return plan.run(bar)
