"""Which of a repository's files are needed, told from their names alone. Standard library only.

The loader and ``hotshot model fetch`` both ask here, so that what was fetched is what is loaded:
safetensors and never a pickle, one precision of each network, no second copy in another layout.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from enum import StrEnum

from generator.contract import prompt_words
from generator.contract.errors import ModelError

FOLDERS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")
DIFFUSERS_STEM = "diffusion_pytorch_model"
TRANSFORMERS_STEM = "model"
STEMS = {
    "unet": DIFFUSERS_STEM,
    "vae": DIFFUSERS_STEM,
    "text_encoder": TRANSFORMERS_STEM,
    "text_encoder_2": TRANSFORMERS_STEM,
}
# The published temporal layers alone, the half-precision ones first: they are what was trained.
TEMPORAL_FILES = ("hsxl_temporal_layers.f16.safetensors", "hsxl_temporal_layers.safetensors")
LORA_FILES = ("pytorch_lora_weights.safetensors", "adapter_model.safetensors")
SUFFIX = ".safetensors"

_FULL, _HALF = "", ".fp16"
VARIANTS = (_FULL, _HALF)  # in the order in which the loader looks for them
_DESCRIPTIONS = (".json", ".txt")
_AT_TOP = ("model_index.json", "generation_config.json", prompt_words.FILE)
_BESIDE = ("config.json", "preprocessor_config.json", "processor_config.json")


class RepositoryLayout(StrEnum):
    """How a repository is laid out; the value is what it is called in a sentence."""

    FOLDERS = "a model in folders"
    NETWORK = "one network of diffusers, such as a ControlNet"
    TRANSFORMER = "one network of transformers, such as a depth model"
    FILES = "single files"


def layout_of(names: Collection[str]) -> RepositoryLayout:
    """Return how a repository is laid out. Raises ModelError where nothing in it can be used."""
    if "unet/config.json" in names:
        return RepositoryLayout.FOLDERS
    if "config.json" in names:
        for stem, layout in (
            (DIFFUSERS_STEM, RepositoryLayout.NETWORK),
            (TRANSFORMERS_STEM, RepositoryLayout.TRANSFORMER),
        ):
            if weights_of(names, "", stem):
                return layout
    if single_files(names):
        return RepositoryLayout.FILES
    raise ModelError(
        "It has nothing that Hotshot can load: neither unet/ with a config, nor a network's "
        "config.json with its .safetensors, nor a .safetensors file at its top."
    )


def in_folders(
    names: Collection[str],
    folders: Iterable[str] = FOLDERS,
    *,
    cached: Collection[str] = (),
    half: bool = False,
) -> list[str]:
    """Return these folders' files that a model needs: configs, vocabularies and weights.

    Where a network is there in two precisions, the one that is ``cached`` is taken; where neither
    is, the full one, or with ``half`` the smaller.
    """
    folders = tuple(folders)
    found = [name for name in _AT_TOP if name in names]
    for name in names:
        folder, _, inner = name.partition("/")
        if folder in folders and inner and "/" not in inner and _describes(inner):
            found.append(name)
    for folder in folders:
        stem = STEMS.get(folder)
        if stem:
            found += weights_of(names, f"{folder}/", stem, cached=cached, half=half)
    return sorted(set(found))


def at_root(
    names: Collection[str], stem: str, *, cached: Collection[str] = (), half: bool = False
) -> list[str]:
    """Return the files of one network whose config and weights lie at a repository's top."""
    configs = [name for name in _BESIDE if name in names]
    return configs + weights_of(names, "", stem, cached=cached, half=half)


def descriptions(names: Collection[str]) -> list[str]:
    """Return a model's configs, tokenizers and schedule, without any weights."""
    return [name for name in in_folders(names) if not _is_weights(name)]


def single_files(names: Iterable[str]) -> list[str]:
    """Return the .safetensors files at a repository's top."""
    return sorted(name for name in names if name.endswith(SUFFIX) and "/" not in name)


def weights_of(
    names: Collection[str],
    folder: str,
    stem: str,
    *,
    cached: Collection[str] = (),
    half: bool = False,
) -> list[str]:
    """Return one network's weights in one precision: a file, or an index and its shards.

    ``folder`` is "" or ends in a slash. Empty where there are none as safetensors.
    """
    order = VARIANTS[::-1] if half else VARIANTS
    sets = [files for variant in order if (files := _variant(names, folder + stem, variant))]
    here = [files for files in sets if all(name in cached for name in files)]
    return next(iter(here or sets), [])


def _variant(names: Collection[str], path: str, variant: str) -> list[str]:
    whole = f"{path}{variant}{SUFFIX}"
    if whole in names:
        return [whole]
    index = index_name(path, variant)
    if index not in names:
        return []
    # An index can't be read before it is fetched, but its shards are called after one pattern.
    count, infix = r"-\d{5}-of-\d{5}", re.escape(variant)
    shard = re.compile(f"{re.escape(path)}({infix}{count}|{count}{infix}){re.escape(SUFFIX)}")
    return [index, *sorted(name for name in names if shard.fullmatch(name))]


def index_name(path: str, variant: str) -> str:
    """Return how diffusers and transformers call the list of a network's shards."""
    return f"{path}{SUFFIX}.index{variant}.json"


def _describes(name: str) -> bool:
    return name.endswith(_DESCRIPTIONS) and ".index." not in name and "flax" not in name


def _is_weights(name: str) -> bool:
    return name.endswith(SUFFIX) or f"{SUFFIX}.index" in name
