"""What the hub's cache has of models: what each is, its size, and taking it away. Free of torch.

The cache is the hub library's own (``HF_HOME``), which other programs use too.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from huggingface_hub import constants, scan_cache_dir
from huggingface_hub.errors import CacheNotFound

from generator.checkpoints import file_selection, hub
from generator.checkpoints.download import incomplete_blobs
from generator.checkpoints.hub import Repository
from generator.checkpoints.inspect.base_check import read_json_or_empty
from generator.checkpoints.inspect.header import read_header
from generator.checkpoints.inspect.kinds import Kind, kind_of
from generator.contract.errors import ModelError

_HOTSHOT_UNET, _PLAIN_UNET, _CONTROLNET = (
    "UNet3DConditionModel",
    "UNet2DConditionModel",
    "ControlNetModel",
)


class ModelRole(StrEnum):
    """What a model is to Hotshot; the value is how people read it."""

    MODEL = "Hotshot-XL"
    BASE = "spatial base (SDXL)"
    CONTROLNET = "ControlNet"
    DEPTH = "depth model"
    LORA = "LoRA"
    TEMPORAL = "temporal layers"
    UNFINISHED = "not all fetched"
    OTHER = "of no use to Hotshot"


_OF_A_FILE = {
    Kind.LORA: ModelRole.LORA,
    Kind.TEMPORAL: ModelRole.TEMPORAL,
    Kind.HOTSHOT: ModelRole.BASE,
    Kind.SDXL: ModelRole.BASE,
    Kind.SDXL_UNET: ModelRole.BASE,
    Kind.CONTROLNET: ModelRole.CONTROLNET,
}


@dataclass(frozen=True, slots=True)
class CachedModel:
    """One revision of a model in the cache, or what an interrupted download has left (no commit).

    ``size`` is in bytes, ``used_at`` in seconds since 1970.
    """

    name: str
    commit: str
    role: ModelRole
    size: int
    used_at: float


def role_of_snapshot(snapshot: Path) -> ModelRole:
    """Return what a snapshot's configs say that it is, or the header of a file alone."""
    unet = read_json_or_empty(snapshot / "unet" / "config.json")
    described = unet or read_json_or_empty(snapshot / "config.json")
    found = described.get("_class_name")
    if found == _HOTSHOT_UNET:
        return ModelRole.MODEL if unet else ModelRole.BASE
    if found == _PLAIN_UNET:
        is_sdxl = described.get("addition_embed_type") == "text_time"
        return ModelRole.BASE if is_sdxl else ModelRole.OTHER
    if found == _CONTROLNET:
        return ModelRole.CONTROLNET
    if any("DepthEstimation" in str(one) for one in described.get("architectures") or ()):
        return ModelRole.DEPTH
    files = file_selection.single_files(path.name for path in snapshot.iterdir())
    kinds = {role_of_file(snapshot / name) for name in files}
    return kinds.pop() if len(kinds) == 1 else ModelRole.OTHER


def role_of_file(path: Path) -> ModelRole:
    """Return what a file's header says that it is; OTHER for what can't be read."""
    try:
        header = read_header(path)
    except ModelError:
        return ModelRole.OTHER
    return _OF_A_FILE.get(kind_of(header.shapes), ModelRole.OTHER)


def cached_models() -> list[CachedModel]:
    """Return the cached models by name: each revision, and what was not all fetched."""
    found = [
        CachedModel(
            repository.repo_id,
            revision.commit_hash,
            role_of_snapshot(revision.snapshot_path),
            revision.size_on_disk,
            repository.last_accessed,
        )
        for repository in _scanned()
        for revision in repository.revisions
    ]
    for directory in sorted(Path(constants.HF_HUB_CACHE).glob("models--*")):
        name = directory.name.removeprefix("models--").replace("--", "/")
        incomplete = [path.stat() for path in incomplete_blobs(Repository(name))]
        if incomplete:
            size = sum(one.st_size for one in incomplete)
            used_at = max(one.st_mtime for one in incomplete)
            found.append(CachedModel(name, "", ModelRole.UNFINISHED, size, used_at))
    return sorted(found, key=lambda one: (one.name.lower(), -one.used_at))


def remove_model(text: str) -> int:
    """Remove ``owner/name``, or ``owner/name@revision`` alone.

    Return the bytes that this has freed. Raises ModelError where the cache has no such thing, or it
    can't be removed.
    """
    repository = Repository.parse(text)
    directory = hub.repository_directory(repository)
    if not directory.is_dir():
        match = hub.suggestion(repository.name, hub.cached_models())
        raise ModelError(f"The cache has no {repository.name}{match}; see hotshot model list.")
    try:
        if repository.revision is None:
            freed = sum(path.lstat().st_size for path in directory.rglob("*") if path.is_file())
            shutil.rmtree(directory)
            return freed
        return _remove_revision(repository)
    except OSError as error:
        raise ModelError(f"{directory} can't be removed ({error.strerror}).") from error


def _remove_revision(repository: Repository) -> int:
    wanted_revision = repository.revision or ""
    revisions = [
        one
        for known in _scanned()
        if known.repo_id == repository.name
        for one in known.revisions
        if one.commit_hash.startswith(wanted_revision) or wanted_revision in one.refs
    ]
    if len(revisions) != 1:
        how_many = "no" if not revisions else "more than one"
        raise ModelError(
            f"The cache has {how_many} {repository.name} of revision {wanted_revision}; "
            "see hotshot model list."
        )
    info = scan_cache_dir(constants.HF_HUB_CACHE)
    strategy = info.delete_revisions(revisions[0].commit_hash)
    strategy.execute()
    return int(strategy.expected_freed_size)


def _scanned() -> Sequence[Any]:
    try:
        repositories = scan_cache_dir(constants.HF_HUB_CACHE).repos
    except (CacheNotFound, OSError, ValueError):
        return []
    return [one for one in repositories if one.repo_type == "model"]
