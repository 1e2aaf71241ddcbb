"""The LoRAs of ``hotshot gif``, looked at before anything is loaded. Free of torch."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from generator.checkpoints.inspect.architecture import layers_of
from generator.checkpoints.inspect.header import read_header
from generator.checkpoints.inspect.lora_base import check_fits_model
from generator.checkpoints.inspect.lora_facts import titles_of
from generator.checkpoints.inspect.lora_file import in_directory, read_lora
from generator.contract.errors import ModelError
from generator.contract.few_steps import FewSteps, recognise
from generator.contract.lora_tags import LoraTag, extract_tags, file_key, hash_prefix
from generator.contract.messages import Lora, Request
from generator.contract.paths import existing_path
from generator.recipes.recipe import sha256_of


def with_tags(request: Request) -> Request:
    """Return the request without the ``<lora:name:0.8>`` in its prompt.

    A strength that is said there goes to the LoRA of that name among those given; a hint on
    standard error says which of the names were given no file.
    """
    prompt, tags = extract_tags(request.prompt)
    loras = list(request.loras)
    for tag in tags:
        index = _index_of(tag, loras)
        if index is None:
            print(
                f"The prompt's <lora:{tag.name}> isn't used: no LoRA of that name was given; add "
                "--lora FILE.",
                file=sys.stderr,
            )
        elif tag.strength is not None:
            loras[index] = replace(loras[index], strength=tag.strength)
    negative = request.negative_prompt and extract_tags(request.negative_prompt)[0]
    return replace(request, prompt=prompt, negative_prompt=negative, loras=tuple(loras))


def check_loras(loras: Iterable[Lora], model: str) -> None:
    """Raise ModelError, one sentence, for a file on this machine that ``model`` can't use."""
    here = [
        path for lora in loras if lora.strength and (path := existing_path(lora.path)) is not None
    ]
    if not here:
        return
    layers = None
    with contextlib.suppress(ModelError):  # of the model itself, which its own loader words better
        layers = layers_of(model)
    for path in here:
        lora = read_lora(_file(path))
        if layers is not None:
            check_fits_model(lora, layers)


def few_steps_of(loras: Iterable[Lora]) -> FewSteps | None:
    """Return what the first distilled LoRA among some brings; by its names and its metadata."""
    for lora in loras:
        if lora.strength > 0 and (found := recognise(*_said_of(lora.path))) is not None:
            return found
    return None


def named_few_steps(loras: Iterable[Lora]) -> FewSteps | None:
    """Return what a recipe's LoRAs brought, as far as their names say it: none is opened."""
    names = (
        (Path(lora.path).stem, lora.path, Path(lora.path).parent.name)
        for lora in loras
        if lora.strength > 0
    )
    return next(filter(None, map(recognise, names)), None)


def _said_of(given: str) -> tuple[list[str], Mapping[str, str]]:
    """Return the names and the metadata of a LoRA given by path or hub id, best first."""
    path = existing_path(given)
    if path is None:  # the hub's: its id says it, or nothing does
        return [given], {}
    try:
        file = _file(path)
        metadata = read_header(file).metadata
    except ModelError:  # of which ``check_loras`` speaks
        return [], {}
    return [file.stem, *titles_of(metadata), file.absolute().parent.name], metadata


def _index_of(tag: LoraTag, loras: Sequence[Lora]) -> int | None:
    """Return which of ``loras`` a tag means: by its file's name, its directory's, or its hash."""
    for index, lora in enumerate(loras):
        path = Path(lora.path)
        if tag.key in {file_key(path.name), file_key(path.parent.name)}:
            return index
    prefix = hash_prefix(tag.name)
    for index, lora in enumerate(loras if prefix else ()):
        there = existing_path(lora.path)
        if there is not None and sha256_of(_file(there)).startswith(str(prefix)):
            return index
    return None


def _file(path: Path) -> Path:
    return in_directory(path) if path.is_dir() else path
