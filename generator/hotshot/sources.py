"""Where a model comes from: nano's own directory, a path, or the hub's cache.

Turns a name into a directory on this machine. Knows the layout's file names, not what is in them.
"""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import RemoteEntryNotFoundError

from generator.errors import ModelError
from generator.limits import NANO, local_directory

FOLDERS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")

_KINDS = ("json", "txt", "safetensors")
# A repository often holds every weight twice, and pickles besides.
_OTHER_VARIANTS = ("*.fp16.*", "*.non_ema.*", "*openvino*", "*flax*")


def model_directory(model: str) -> Path:
    """The whole directory of ``nano``, a path or a hub id (fetched where it isn't cached).

    Raises ModelError where there is none, or the hub can't be asked.
    """
    directory = local_directory(model)
    if directory is None:
        return fetch(model, FOLDERS)
    if model == NANO and not directory.is_dir():
        raise ModelError(f"nano's weights are missing at {directory}; run 'make nano' to train it.")
    return directory


def unet_directory(model: str) -> Path:
    """Where the UNet of a base model lies: ``unet`` in its directory, or the directory itself.

    Raises ModelError where there is none, or the hub can't be asked.
    """
    directory = local_directory(model) or fetch(model, ("unet",))
    inner = directory / "unet"
    return inner if inner.is_dir() else directory


def fetch(repository: str, folders: tuple[str, ...], *, endpoint: str | None = None) -> Path:
    """A snapshot of these folders: configs, vocabularies and safetensors, nothing else.

    ``endpoint`` is the hub's address where it isn't the usual one. Raises ModelError where the
    hub can't be reached and the cache has no copy.
    """
    files = (
        "model_index.json",
        "generation_config.json",
        *(f"{folder}/*.{kind}" for folder in folders for kind in _KINDS),
    )
    directory = _snapshot(repository, files, endpoint, ignore=_OTHER_VARIANTS)
    if not any((directory / folders[0]).glob("*.safetensors")):
        # Some repositories have the half-precision weights only.
        directory = _snapshot(repository, files, endpoint, ignore=_OTHER_VARIANTS[1:])
    return directory


def fetch_root(repository: str, *, endpoint: str | None = None) -> Path:
    """A snapshot of one network alone, whose config and weights lie at the repository's top.

    Raises ModelError where the hub can't be reached and the cache has no copy.
    """
    files = ("config.json", "diffusion_pytorch_model*.safetensors", "*.safetensors.index*.json")
    directory = _snapshot(repository, files, endpoint, ignore=_OTHER_VARIANTS)
    if not any(directory.glob("*.safetensors")):
        directory = _snapshot(repository, files, endpoint, ignore=_OTHER_VARIANTS[1:])
    return directory


def fetch_file(repository: str, names: tuple[str, ...], *, endpoint: str | None = None) -> Path:
    """The first of these files that a repository has (fetched where it isn't cached).

    Raises ModelError where it has none, or the hub can't be asked.
    """
    for name in names:
        try:
            return Path(hf_hub_download(repository, name, endpoint=endpoint))
        except RemoteEntryNotFoundError:
            continue
        except Exception as error:  # of several libraries, and all mean the same to who asked
            raise _unfetched(repository, error) from error
    raise ModelError(
        f"{repository} has no {' or '.join(names)}; name its file, as in {repository}/FILE."
    )


def _unfetched(repository: str, error: Exception) -> ModelError:
    return ModelError(
        f"{repository} can't be fetched from the hub ({type(error).__name__}); check the name "
        "and the connection, or give the path of what was fetched before."
    )


def _snapshot(
    repository: str, files: tuple[str, ...], endpoint: str | None, *, ignore: tuple[str, ...]
) -> Path:
    try:
        path = snapshot_download(
            repository,
            allow_patterns=list(files),
            ignore_patterns=list(ignore),
            endpoint=endpoint,
        )
    except Exception as error:  # of several libraries, and all mean the same to who asked
        raise _unfetched(repository, error) from error
    return Path(path)
