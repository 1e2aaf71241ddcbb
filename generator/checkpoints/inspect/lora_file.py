"""What is in a LoRA's file, checked so far that it can be used by the model that it was made for.

The one check that the command line, the bot and the loader share: what passes is put on without an
error. Reads the header, the settings beside it, and every number once. No torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from generator.checkpoints.inspect import kinds, lora_names
from generator.checkpoints.inspect.finite_values import FLOATS, first_not_finite
from generator.checkpoints.inspect.header import Header, TensorInfo, printable, read_header
from generator.checkpoints.inspect.kinds import Kind
from generator.checkpoints.inspect.lora_names import PEFT_PREFIX
from generator.checkpoints.inspect.lora_settings import PEFT_NAME, LoraSettings, read_settings
from generator.checkpoints.inspect.lora_shapes import MisfitError, Shape, Shapes, change_of, rank_of
from generator.contract.errors import ModelError
from generator.contract.text import Text

LayerKey = tuple[str, str]  # a network, and the flat name of a layer in it

# What diffusers, PEFT and most hosts call the file in a directory or repository.
DEFAULT_FILE_NAMES = ("pytorch_lora_weights.safetensors", PEFT_NAME)
_INTEGERS = {"I8", "I16", "I32", "I64", "U8"}  # an alpha may be one


@dataclass(frozen=True, slots=True)
class LoraLayer:
    """What a LoRA has for one layer.

    ``names`` are its tensors by role; ``change`` is the shape of what is added to the weight,
    None where the bias alone is changed.
    """

    names: Mapping[str, str]
    shapes: Shapes
    change: Shape | None

    @property
    def path(self) -> str:
        """Return what PEFT's patterns call the layer."""
        return lora_names.peft_path(next(iter(self.names.values())))

    def scale(self, settings: LoraSettings, network: str) -> float:
        """Return alpha through rank as the settings have it.

        It is 1 where a tensor says it, or nothing does. Raises ModelError for settings whose
        patterns take too long to match.
        """
        rank = rank_of(self.shapes)
        is_kronecker = any(role.startswith("lokr_") for role in self.shapes)
        if "alpha" in self.shapes or not (rank or is_kronecker):
            return 1.0
        return settings.scale(network, self.path, rank)


@dataclass(frozen=True, slots=True)
class LoraFile:
    """A LoRA's file that was read and checked.

    ``left_aside`` are the tensors of words' embeddings, which aren't used.
    """

    path: Path
    header: Header
    layers: Mapping[LayerKey, LoraLayer]
    settings: LoraSettings
    left_aside: tuple[str, ...]

    @property
    def embeddings(self) -> tuple[str, ...]:
        """Return the words that have an embedding of their own in the file."""
        return tuple(dict.fromkeys(map(lora_names.embedded_word, self.left_aside)))

    @property
    def lacks_alpha(self) -> bool:
        """Return whether PEFT's file of settings, which has alpha, isn't beside the LoRA."""
        layers = self.layers.values()
        return (
            not self.settings.by_network
            and any(name.startswith(PEFT_PREFIX) for name in self.header.tensors)
            and not any("alpha" in layer.shapes or "diff" in layer.shapes for layer in layers)
        )


def read_lora(path: Path) -> LoraFile:
    """Return a checked LoRA.

    Raises ModelError for what is none, is damaged, or can't be read here.
    """
    header = read_header(path)
    settings = read_settings(path, header)
    check_is_lora(path.name, header)
    parts, left_aside = _parts(path, header)
    layers = _layers(path, header, parts)
    if settings.by_network:  # so that what they ask too much for is refused here, not later
        for (network, _), layer in layers.items():
            layer.scale(settings, network)
    used = (name for layer in layers.values() for name in layer.names.values())
    broken = first_not_finite(path, header, used)
    if broken is not None:
        raise ModelError(
            "{name} holds values that aren't numbers, in {layer}, so its training failed; use "
            "another LoRA.",
            name=path.name,
            layer=printable(broken),
        )
    return LoraFile(path, header, layers, settings, left_aside)


def in_directory(directory: Path) -> Path:
    """Return the LoRA's file in a directory. Raises ModelError where there is none, or several."""
    found = [directory / name for name in DEFAULT_FILE_NAMES if (directory / name).is_file()]
    found = found or sorted(directory.glob("*.safetensors"))
    if len(found) != 1:
        what = "several .safetensors files" if found else "no .safetensors file"
        raise ModelError(f"{directory} holds {what}; name the LoRA's own file.")
    return found[0]


def check_is_lora(name: str, header: Header) -> None:
    """Raise ModelError unless a file is a LoRA, naming what the file called ``name`` is instead."""
    kind = kinds.kind_of(header.shapes)
    if kind is Kind.LORA:
        return
    if kind is Kind.UNREADABLE_LORA:
        raise ModelError(
            "{name} is {format}, which can't be read here; LoRA, DoRA, LoHa, LoKr and full "
            "differences can.",
            name=name,
            format=lora_names.unreadable_format(header.tensors),
        )
    if kind is Kind.UNKNOWN:
        raise ModelError(
            "{name} isn't a LoRA but a file of an unknown kind (it holds {example}); use a "
            "LoRA made for SDXL.",
            name=name,
            example=repr(printable(next(iter(header.tensors), "nothing"))),
        )
    raise ModelError(
        "{name} isn't a LoRA but {kind}; use a LoRA made for SDXL.", name=name, kind=kind.value
    )


def _parts(path: Path, header: Header) -> tuple[dict[LayerKey, dict[str, str]], tuple[str, ...]]:
    """Return tensors' names by layer and role, and those that are left aside."""
    found: dict[LayerKey, dict[str, str]] = {}
    unknown: list[str] = []
    for name in header.tensors:
        part = lora_names.part_of(name)
        if part is None:
            unknown.append(name)
            continue
        roles = found.setdefault((part.network, part.layer), {})
        if part.role in roles:
            twice = Text("it is changed twice, under two names")
            raise _damaged(path, part.layer, twice)
        roles[part.role] = name
    aside = tuple(filter(lora_names.is_embedding, unknown))
    _check_all_understood(path, [one for one in unknown if not lora_names.is_embedding(one)])
    return found, aside


def _check_all_understood(path: Path, unknown: list[str]) -> None:
    if not unknown:
        return
    format_ = lora_names.unreadable_format(unknown)
    if format_ is not None:
        raise ModelError(
            "{name} is partly {format}, which can't be read here; LoRA, DoRA, LoHa, LoKr and full "
            "differences can.",
            name=path.name,
            format=format_,
        )
    raise ModelError(
        "{name} holds {number:,} tensors of a kind that can't be read here, such as {example!r}; "
        "LoRA, DoRA, LoHa, LoKr and full differences can.",
        name=path.name,
        number=len(unknown),
        example=printable(unknown[0]),
    )


def _layers(
    path: Path, header: Header, parts: Mapping[LayerKey, Mapping[str, str]]
) -> dict[LayerKey, LoraLayer]:
    """Return the layers, each checked for itself; few differ in more than their names.

    A layer of which alpha alone is left was taken out of the file.
    """
    layers: dict[LayerKey, LoraLayer] = {}
    known: dict[tuple[tuple[str, str, Shape], ...], tuple[Shapes, Shape | None]] = {}
    for key, names in parts.items():
        if names.keys() == {"alpha"}:
            continue
        tensors = {role: header.tensors[name] for role, name in names.items()}
        signature = tuple((role, info.dtype, info.shape) for role, info in tensors.items())
        if signature not in known:
            _check_dtypes(path, names, tensors)
            shapes = {role: info.shape for role, info in tensors.items()}
            try:
                known[signature] = shapes, change_of(shapes)
            except MisfitError as error:
                raise _damaged(path, key[1], error.reason) from error
        layers[key] = LoraLayer(names, *known[signature])
    return layers


def _check_dtypes(path: Path, names: Mapping[str, str], tensors: Mapping[str, TensorInfo]) -> None:
    for role, info in tensors.items():
        if info.dtype not in FLOATS and not (role == "alpha" and info.dtype in _INTEGERS):
            raise ModelError(
                "{name} stores {layer} as {dtype}, which can't be read here; get it in float16.",
                name=path.name,
                dtype=info.dtype,
                layer=printable(names[role]),
            )


def _damaged(path: Path, layer: str, reason: Text) -> ModelError:
    return ModelError(
        "{name} is incomplete or damaged ({layer}: {reason}); download it again.",
        name=path.name,
        layer=printable(layer),
        reason=reason,
    )
