"""LoRAs on a loaded model: put on for a request, taken off without a trace.

Each changed weight is computed once, in float32, and put in the place of the one that was loaded,
which is kept as it is: taking off puts the very same tensor back, bit for bit, and denoising costs
no more than without. What was put on stays on until a request asks for something else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from generator.errors import ModelError
from generator.hotshot import layout
from generator.hotshot.ldm import ldm_names
from generator.hotshot.lora_delta import Tensors, added_to
from generator.hotshot.lora_files import Adapter, LayerChange, find_lora, read_adapter
from generator.hotshot.weights import aligned
from generator.protocol import Lora
from generator.weightfiles.lora_names import TEXT, TEXT_2, UNET
from generator.words import Words

ADAPTERS_IN_MEMORY = 8  # as many as a request can combine, so that none is read twice for one

Place = tuple[str, str]  # a network, and the name of one of its parameters
_Known = tuple[Path, int, int]  # a file that hasn't changed: path, time of change, size


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks of one model that LoRAs change, and where each layer is that they name."""

    modules: Mapping[str, nn.Module]
    layers: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, unet: nn.Module, text: nn.Module, text_2: nn.Module, layers: int) -> Networks:
        """``layers`` is the UNet's ``layers_per_block``."""
        modules = {UNET: unet, TEXT: text, TEXT_2: text_2}
        names = {
            UNET: _unet_layers(unet, layers),
            TEXT: _text_layers(text),
            TEXT_2: _text_layers(text_2),
        }
        return cls(modules, names)

    def parameter(self, place: Place) -> nn.Parameter:
        network, name = place
        return self.modules[network].get_parameter(name)

    def places(self, adapter: Adapter) -> dict[Place, LayerChange]:
        """Which parameters an adapter changes, each with a change of its shape.

        Raises ModelError where the adapter was made for another model.
        """
        found: dict[Place, LayerChange] = {}
        for (network, layer), change in adapter.changes.items():
            path = self.layers[network].get(layer)
            if path is None:
                raise _unfit(
                    adapter, Words("it changes {layer}, which this model doesn't have", layer=layer)
                )
            for name, part in _by_parameter(path, change):
                place = (network, name)
                self._check_shape(adapter, place, part)
                found[place] = part
        return found

    def _check_shape(self, adapter: Adapter, place: Place, change: LayerChange) -> None:
        try:
            weight = self.parameter(place).to("meta", torch.float32)
            on_paper = _exact(change.parts, torch.device("meta"))
            added_to(weight, on_paper, change.scale)
        except AttributeError:
            raise _unfit(adapter, Words("this model has no {layer}", layer=place[1])) from None
        except ValueError as error:
            raise _unfit(adapter, f"{place[1]}: {error}") from error


@dataclass(slots=True)
class LoraWardrobe:
    """Puts LoRAs on and takes them off; keeps the files last read in memory."""

    networks: Networks
    _adapters: OrderedDict[_Known, Adapter] = field(default_factory=OrderedDict)
    _found: dict[str, Path] = field(default_factory=dict)
    _worn: tuple[tuple[_Known, float], ...] = ()
    _loaded: dict[Place, Tensor] = field(default_factory=dict)

    @torch.inference_mode(mode=False)
    @torch.no_grad()
    def wear(self, loras: Sequence[Lora]) -> None:
        """Changes the networks to these and no others.

        Raises ModelError, one sentence, for a file that can't be used; then nothing has changed.
        """
        wanted = [(self._known(lora.path), lora.strength) for lora in loras if lora.strength]
        if tuple(wanted) == self._worn:
            return
        changes: dict[Place, list[tuple[float, LayerChange]]] = {}
        for known, strength in wanted:
            for place, change in self.networks.places(self._adapter(known)).items():
                changes.setdefault(place, []).append((strength, change))
        self.take_off()
        try:
            for place, together in changes.items():
                self._change(place, together)
        except BaseException:
            self.take_off()
            raise
        self._worn = tuple(wanted)

    @torch.inference_mode(mode=False)
    @torch.no_grad()
    def take_off(self) -> None:
        """Puts every weight back that was loaded."""
        for place, loaded in self._loaded.items():
            parameter = self.networks.parameter(place)
            parameter.data = loaded.to(parameter.device)
        self._loaded.clear()
        self._worn = ()

    @property
    def in_memory(self) -> list[Path]:
        """The files that are kept, the least recently worn first."""
        return [path for path, _, _ in self._adapters]

    def forget(self) -> None:
        """Gives the kept files' memory back; what is worn stays on."""
        self._adapters.clear()

    def _change(self, place: Place, together: list[tuple[float, LayerChange]]) -> None:
        parameter = self.networks.parameter(place)
        loaded = parameter.data
        exact = loaded.float()
        total = exact.clone()
        for strength, change in together:
            parts = _exact(change.parts, loaded.device)
            total += strength * added_to(exact, parts, change.scale)
        # Kept on the CPU, where there is room: a GPU may not hold the changed weights as well.
        self._loaded[place] = loaded.cpu()
        parameter.data = total.to(loaded.dtype)

    def _known(self, given: str) -> _Known:
        # The hub is asked once, not at each request; what is on this machine is looked at anew.
        if given not in self._found or not self._found[given].is_file():
            # Links stay: in the hub's cache a file has its name, and its neighbours, only there.
            self._found[given] = find_lora(given).absolute()
        path = self._found[given]
        about = path.stat()
        return path, about.st_mtime_ns, about.st_size

    def _adapter(self, known: _Known) -> Adapter:
        if known not in self._adapters:
            self._adapters[known] = read_adapter(known[0])
        self._adapters.move_to_end(known)
        while len(self._adapters) > ADAPTERS_IN_MEMORY:
            self._adapters.popitem(last=False)
        return self._adapters[known]


def _unet_layers(unet: nn.Module, layers_per_block: int) -> dict[str, str]:
    """Flat names -> layers: as diffusers names them, as Stability does, as published."""
    names = [name for name, _ in unet.named_parameters()]
    ldm = ldm_names(names, layers_per_block)
    published = layout.published_names(names)
    return {
        _flat(other): _layer(name)
        for name in names
        for other in (name, ldm.get(name, name), published[name])
    }


def _text_layers(encoder: nn.Module) -> dict[str, str]:
    """Some versions of transformers have the encoder in a ``text_model``, and files always do."""
    layers: dict[str, str] = {}
    for name, _ in encoder.named_parameters():
        short = name.removeprefix("text_model.")
        layers |= {_flat(spelt): _layer(name) for spelt in (short, f"text_model.{short}")}
    return layers


def _layer(parameter: str) -> str:
    return parameter.rpartition(".")[0]


def _flat(parameter: str) -> str:
    return _layer(parameter).replace(".", "_")


def _by_parameter(path: str, change: LayerChange) -> Iterator[tuple[str, LayerChange]]:
    parts = dict(change.parts)
    bias = parts.pop("diff_b", None)
    if parts:
        yield f"{path}.weight", LayerChange(parts, change.scale)
    if bias is not None:
        yield f"{path}.bias", LayerChange({"diff": bias}, 1.0)


def _exact(parts: Tensors, device: torch.device) -> Tensors:
    """Files are half precise and sums of products are not; kept as they came, they are smaller."""
    return {role: aligned(part.to(device, torch.float32)) for role, part in parts.items()}


def _unfit(adapter: Adapter, reason: str | Words) -> ModelError:
    if adapter.made_for is None:
        return ModelError(
            "The LoRA {name} doesn't fit this model ({reason}); give a LoRA that was made for the "
            "same base.",
            name=adapter.name,
            reason=reason,
        )
    return ModelError(
        "The LoRA {name} was made for {base} and doesn't fit this model ({reason}); give a LoRA "
        "that was made for the same base.",
        name=adapter.name,
        base=adapter.made_for,
        reason=reason,
    )
