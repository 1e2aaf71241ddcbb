"""Where a model comes from: nano's own directory, a path, or the hub's cache.

Turns a name into a directory or a file on this machine. Knows the layout's file names, not what is
in them. What is fetched is kept in the hub's cache (``HF_HOME``); with ``HF_HUB_OFFLINE=1`` the
cache alone is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from huggingface_hub import HfApi, constants, hf_hub_download, snapshot_download
from huggingface_hub.errors import HFValidationError, RepositoryNotFoundError

from generator.errors import ModelError
from generator.limits import NANO, local_directory, local_path

FOLDERS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")
# The published temporal layers alone, the half-precision ones first: they are what was trained.
TEMPORAL_FILES = ("hsxl_temporal_layers.f16.safetensors", "hsxl_temporal_layers.safetensors")
SDXL = "stabilityai/stable-diffusion-xl-base-1.0"

_PATIENCE_SECONDS = 15.0
ENDPOINT: str | None = None  # the hub's address where it isn't the usual one

_REFUSALS = (RepositoryNotFoundError, HFValidationError)
_KINDS = ("json", "txt", "safetensors")
# A repository often holds every weight twice, and pickles besides.
_OTHER_VARIANTS = ("*.fp16.*", "*.non_ema.*", "*openvino*", "*flax*")
_SUFFIX = ".safetensors"


def model_directory(model: str) -> Path:
    """The whole directory of ``nano``, a path or a hub id (fetched where it isn't cached).

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


def temporal_file(model: str, *, with_base: bool) -> Path | None:
    """The file of temporal layers that ``model`` is, has as all it has, or offers beside a base.

    None where the model is a whole one. From a repository, beside a base, that file is all that is
    fetched. Raises ModelError where the hub can't be asked.
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


def base_file(given: str) -> Path | None:
    """The single file that a base is, on this machine or on the hub; None for a directory."""
    path = local_path(given)
    if path is None:
        return fetch_file(*_hub_file(given)) if _is_hub_file(given) else None
    return path if path.is_file() else None


def base_directory(given: str, *, unet_only: bool) -> Path:
    """The directory of a base: all of it, or what its UNet needs.

    Raises ModelError where there is none, or the hub can't be asked.
    """
    return local_directory(given) or fetch(given, ("unet",) if unet_only else FOLDERS)


def sdxl_descriptions() -> Path:
    """SDXL's configs, tokenizers and schedule, for files that come without; no weights."""
    files = tuple(f"{folder}/*.{kind}" for folder in FOLDERS for kind in ("json", "txt"))
    return _snapshot(SDXL, ("model_index.json", *files), ignore=_OTHER_VARIANTS)


def fetch(repository: str, folders: tuple[str, ...]) -> Path:
    """A snapshot of these folders: configs, vocabularies and safetensors, nothing else.

    Raises ModelError where the hub can't be reached and the cache has no copy.
    """
    files = (
        "model_index.json",
        "generation_config.json",
        *(f"{folder}/*.{kind}" for folder in folders for kind in _KINDS),
    )
    directory = _snapshot(repository, files, ignore=_OTHER_VARIANTS)
    if not any((directory / folders[0]).glob("*.safetensors")):
        # Some repositories have the half-precision weights only.
        directory = _snapshot(repository, files, ignore=_OTHER_VARIANTS[1:])
    return directory


def fetch_root(repository: str, stem: str) -> Path:
    """A snapshot of one network alone, whose config and weights lie at the repository's top.

    ``stem`` is how its weights' files begin. Raises ModelError where the hub can't be reached and
    the cache has no copy.
    """
    configs = ("config.json", "preprocessor_config.json", "processor_config.json")
    files = (*configs, f"{stem}*.safetensors", "*.safetensors.index*.json")
    directory = _snapshot(repository, files, ignore=_OTHER_VARIANTS)
    if not any(directory.glob("*.safetensors")):
        directory = _snapshot(repository, files, ignore=_OTHER_VARIANTS[1:])
    return directory


def fetch_file(repository: str, names: tuple[str, ...]) -> Path:
    """The first of these files that a repository has, or that the cache has of it.

    Raises ModelError where there is none, or the hub can't be asked.
    """
    listing = _Listing.of(repository)
    found = next((name for name in names if name in listing.files), None)
    if found is not None:
        return listing.fetch(found)
    if listing.unreached is not None:
        raise _unfetched(repository, listing.unreached)
    raise ModelError(
        "{repository} has no {names}; name its file, as in {repository}/FILE.",
        repository=repository,
        names=", ".join(names),
    )


def fetch_only_file(repository: str, usual: tuple[str, ...]) -> Path:
    """A repository's file of one of the usual names, or else its only .safetensors file.

    Raises ModelError where there are several or none, or the hub can't be asked.
    """
    listing = _Listing.of(repository)
    files = [name for name in usual if name in listing.files]
    files = files or [name for name in listing.files if name.endswith(_SUFFIX) and "/" not in name]
    if not files and listing.unreached is not None:
        raise _unfetched(repository, listing.unreached)
    if not files:
        raise ModelError(
            "{repository} has no {suffix} file at its top; give another one.",
            repository=repository,
            suffix=_SUFFIX,
        )
    if len(files) > 1 and files[0] not in usual:
        raise ModelError(
            "{repository} has several files; name one, as in {repository}/{file}.",
            repository=repository,
            file=sorted(files)[0],
        )
    return listing.fetch(files[0])


@dataclass(frozen=True, slots=True)
class _Listing:
    """The files of a repository, or, where the hub was ``unreached``, those that the cache has.

    Asked before a file is: a file that can't be had is asked for again and again, for half a
    minute.
    """

    repository: str
    files: list[str]
    unreached: Exception | None = None

    @classmethod
    def of(cls, repository: str) -> Self:
        """Raises ModelError where the hub answers that there is none to be had."""
        try:
            # This question is asked once; that for the files themselves, again and again.
            about = HfApi(endpoint=ENDPOINT).model_info(repository, timeout=_PATIENCE_SECONDS)
            return cls(repository, [file.rfilename for file in about.siblings or ()])
        except _REFUSALS as error:
            raise _unfetched(repository, error) from error
        except Exception as error:  # noqa: BLE001 - of several libraries, and all mean the same
            return cls(repository, _cached_files(repository), error)

    def fetch(self, name: str) -> Path:
        """Raises ModelError where it can't be fetched."""
        try:
            return Path(
                hf_hub_download(
                    self.repository,
                    name,
                    endpoint=ENDPOINT,
                    local_files_only=self.unreached is not None,
                )
            )
        except Exception as error:  # of several libraries, and all mean the same to who asked
            raise _unfetched(self.repository, error) from error


def _cached(repository: str, files: tuple[str, ...], ignore: tuple[str, ...] = ()) -> Path | None:
    """Where a repository's files were fetched to before, if all of these were."""
    try:
        path = snapshot_download(
            repository,
            allow_patterns=list(files),
            ignore_patterns=list(ignore),
            local_files_only=True,
        )
    except Exception:  # noqa: BLE001 - of several libraries, and all mean the same
        return None
    return Path(path)


def _cached_files(repository: str) -> list[str]:
    root = _cached(repository, ("-",))  # wherever it is, whatever there is
    if root is None:
        return []
    return [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]


def _is_hub_file(given: str) -> bool:
    return given.count("/") >= 2 and given.endswith(_SUFFIX)


def _hub_file(given: str) -> tuple[str, tuple[str]]:
    owner, name, inner = given.split("/", 2)
    return f"{owner}/{name}", (inner,)


def _fetched_temporal_file(repository: str) -> Path | None:
    listing = _Listing.of(repository)
    found = next((name for name in TEMPORAL_FILES if name in listing.files), None)
    return listing.fetch(found) if found else None


def _unfetched(repository: str, error: Exception) -> ModelError:
    if constants.HF_HUB_OFFLINE:
        return ModelError(
            "{repository} isn't in the cache, and HF_HUB_OFFLINE is set; fetch it once "
            "without, or give the path of what was fetched before.",
            repository=repository,
        )
    return ModelError(
        "{repository} can't be fetched from the hub ({reason}); check the name and the "
        "connection, or give the path of what was fetched before.",
        repository=repository,
        reason=type(error).__name__,
    )


def _snapshot(repository: str, files: tuple[str, ...], *, ignore: tuple[str, ...]) -> Path:
    try:
        path = snapshot_download(
            repository,
            allow_patterns=list(files),
            ignore_patterns=list(ignore),
            endpoint=ENDPOINT,
        )
    except Exception as error:  # of several libraries, and all mean the same to who asked
        # After some of them the library asks its cache by itself, after others it doesn't.
        cached = None if isinstance(error, _REFUSALS) else _cached(repository, files, ignore)
        if cached is None:
            raise _unfetched(repository, error) from error
        return cached
    return Path(path)
