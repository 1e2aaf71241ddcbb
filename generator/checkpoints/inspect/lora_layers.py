"""Which layers of a model LoRAs can change, by every name that files give them.

Made from parameters' names and shapes, whether they come from networks in memory or from configs on
disk (``generator.checkpoints.inspect.architecture``). No torch, so that a file can be checked
against a model that is loaded elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from generator.checkpoints.inspect.header import printable
from generator.checkpoints.inspect.ldm_names import ldm_names
from generator.checkpoints.inspect.lora_file import LoraFile, LoraLayer
from generator.checkpoints.inspect.lora_names import TEXT, TEXT_2, UNET
from generator.checkpoints.inspect.lora_shapes import MisfitError, Shape, check_fits
from generator.checkpoints.inspect.temporal_names import published_names
from generator.contract.text import Text

ParameterShapes = Mapping[str, Shape]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that LoRAs can change: its own name in its network, and its weight's shape."""

    path: str
    weight: Shape

    @property
    def takes_bias(self) -> bool:
        """Return whether a layer can have a bias: any but a table that is looked up."""
        return "embeddings." not in self.path


@dataclass(frozen=True, slots=True)
class ModelLayers:
    """A model's layers by network and flat name."""

    layers: Mapping[str, Mapping[str, Layer]]

    @classmethod
    def of(
        cls,
        unet: ParameterShapes,
        text: ParameterShapes,
        text_2: ParameterShapes,
        *,
        layers_per_block: int,
    ) -> ModelLayers:
        """Return the layers of a model, from the shapes of each network's parameters."""
        return cls(
            {
                UNET: _unet_layers(unet, layers_per_block),
                TEXT: _text_layers(text),
                TEXT_2: _text_layers(text_2),
            }
        )

    def pairs(self, lora: LoraFile) -> Iterator[tuple[str, Layer, LoraLayer]]:
        """Yield (network, the model's layer, the LoRA's) for each layer that a LoRA changes.

        Raises MisfitError where the LoRA was made for another model.
        """
        seen: set[tuple[str, str]] = set()
        for (network, flat), change in lora.layers.items():
            layer = self.layers[network].get(flat)
            if layer is None:
                raise MisfitError(
                    Text("it changes {layer}, which this model doesn't have", layer=printable(flat))
                )
            try:
                _check_first(network, layer, seen)
                check_fits(change.shapes, change.change, layer.weight, takes_bias=layer.takes_bias)
            except MisfitError as error:
                raise MisfitError(
                    Text("{layer}: {reason}", layer=f"{layer.path}.weight", reason=error.reason)
                ) from error
            seen.add((network, layer.path))
            yield network, layer, change

    def misfit(self, lora: LoraFile) -> Text | None:
        """Return why a LoRA can't be put on a model of these layers; None where it can."""
        try:
            for _ in self.pairs(lora):
                pass
        except MisfitError as error:
            return error.reason
        return None


def _check_first(network: str, layer: Layer, seen: set[tuple[str, str]]) -> None:
    if (network, layer.path) in seen:
        raise MisfitError(Text("it is changed twice, under two names"))


def _unet_layers(shapes: ParameterShapes, layers_per_block: int) -> dict[str, Layer]:
    """Return layers by flat names: diffusers' own, Stability's and the published ones."""
    ldm = ldm_names(shapes, layers_per_block)
    published = published_names(shapes)
    return {
        _flat(other): layer
        for name, layer in _layers(shapes)
        for other in (name, ldm.get(name, name), published[name])
    }


def _text_layers(shapes: ParameterShapes) -> dict[str, Layer]:
    """Return layers by flat names, with and without ``text_model``, as transformers differs."""
    found: dict[str, Layer] = {}
    for name, layer in _layers(shapes):
        short = name.removeprefix("text_model.")
        found |= {_flat(other): layer for other in (short, f"text_model.{short}")}
    return found


def _layers(shapes: ParameterShapes) -> Iterator[tuple[str, Layer]]:
    for name, shape in shapes.items():
        path, _, parameter = name.rpartition(".")
        if parameter == "weight":
            yield name, Layer(path, shape)


def _flat(parameter: str) -> str:
    return parameter.rpartition(".")[0].replace(".", "_")
