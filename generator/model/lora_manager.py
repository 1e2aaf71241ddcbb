"""LoRAs on a loaded model: applied for a request, removed without a trace.

Each changed weight is computed once, in float32, and written over the one that was loaded, of
which a copy is kept: removing writes the very same numbers back, bit for bit, and denoising costs
no more than without. A weight stays where it is in memory, so what was compiled or recorded with it
goes on. What was applied stays until a request asks for something else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from generator.checkpoints.inspect.lora_base import check_fits_model
from generator.checkpoints.inspect.lora_layers import ModelLayers
from generator.checkpoints.inspect.lora_names import TEXT, TEXT_2, UNET
from generator.checkpoints.lora_delta import Tensors, weight_delta
from generator.checkpoints.lora_tensors import (
    LayerChange,
    LoraTensors,
    load_lora_tensors,
    resolve_lora,
)
from generator.checkpoints.weights import aligned
from generator.contract.messages import Lora
from generator.model.fp8 import narrow, widen

LORAS_IN_MEMORY = 8  # as many as a request can combine, so that none is read twice for one

ParameterKey = tuple[str, str]  # a network, and the name of one of its parameters
_FileVersion = tuple[Path, int, int]  # a file that hasn't changed: path, time of change, size
Applied = tuple[tuple[_FileVersion, float], ...]


@dataclass(frozen=True, slots=True)
class LoraTargets:
    """The networks of one model that LoRAs change, and where each layer is that they name."""

    modules: Mapping[str, nn.Module]
    layers: ModelLayers

    @classmethod
    def of(cls, unet: nn.Module, text: nn.Module, text_2: nn.Module, layers: int) -> LoraTargets:
        """Return the targets of one model; ``layers`` is the UNet's ``layers_per_block``."""
        modules = {UNET: unet, TEXT: text, TEXT_2: text_2}
        shapes = (_shapes(module) for module in modules.values())
        return cls(modules, ModelLayers.of(*shapes, layers_per_block=layers))

    def layer(self, key: ParameterKey) -> tuple[nn.Module, str]:
        """Return the layer that a parameter is of, and the parameter's name there."""
        network, path = key
        layer, _, name = path.rpartition(".")
        return self.modules[network].get_submodule(layer), name

    def changes_by_parameter(self, tensors: LoraTensors) -> dict[ParameterKey, list[LayerChange]]:
        """Return which parameters an adapter changes, each with changes of its shape.

        Raises ModelError where the adapter was made for another model.
        """
        check_fits_model(tensors.lora, self.layers)
        found: dict[ParameterKey, list[LayerChange]] = {}
        for (network, flat), change in tensors.changes.items():
            path = self.layers.layers[network][flat].path
            for name, delta in _by_parameter(path, change):
                found.setdefault((network, name), []).append(delta)
        return found


@dataclass(slots=True)
class LoraManager:
    """Applies LoRAs to a model and removes them; keeps the files last read in memory."""

    targets: LoraTargets
    _loaded: OrderedDict[_FileVersion, LoraTensors] = field(default_factory=OrderedDict)
    _found: dict[str, Path] = field(default_factory=dict)
    _applied: Applied = ()
    _originals: dict[ParameterKey, Tensor | None] = field(default_factory=dict)

    @torch.inference_mode(mode=False)
    @torch.no_grad()
    def apply(self, loras: Sequence[Lora]) -> None:
        """Change the networks to these and no others.

        Raises ModelError, one sentence, for a file that can't be used; then nothing has changed.
        """
        requested = self._versions(loras)
        if requested == self._applied:
            return
        changes: dict[ParameterKey, list[tuple[float, LayerChange]]] = {}
        for version, strength in requested:
            for key, own in self.targets.changes_by_parameter(self._lora_tensors(version)).items():
                changes.setdefault(key, []).extend((strength, delta) for delta in own)
        self.remove()
        try:
            for key, deltas in changes.items():
                self._change(key, deltas)
        except BaseException:
            self.remove()
            raise
        self._applied = requested

    @torch.inference_mode(mode=False)
    @torch.no_grad()
    def remove(self) -> None:
        """Put every weight back that was loaded."""
        for key, original in self._originals.items():
            layer, name = self.targets.layer(key)
            if original is None:
                setattr(layer, name, None)
            else:
                layer.get_parameter(name).data.copy_(original)
        for key in self._originals:
            narrow(self.targets.layer(key)[0])
        self._originals.clear()
        self._applied = ()

    def read(self, loras: Sequence[Lora]) -> bool:
        """Read files of this machine into memory; return whether just these are applied.

        Raises ModelError.
        """
        if not all(lora.path in self._found or Path(lora.path).is_file() for lora in loras):
            return False  # the hub is asked in the request's turn
        requested = self._versions(loras)
        for version, _ in requested:
            self._lora_tensors(version)
        return requested == self._applied

    @property
    def applied(self) -> Applied:
        """Return the files that are applied, in their versions and with their strengths."""
        return self._applied

    @property
    def in_memory(self) -> list[Path]:
        """Return the files that are kept, the least recently applied first."""
        return [path for path, _, _ in self._loaded]

    def clear_cache(self) -> None:
        """Forget the kept files; what is applied stays."""
        self._loaded.clear()

    def _change(self, key: ParameterKey, deltas: list[tuple[float, LayerChange]]) -> None:
        layer, name = self.targets.layer(key)
        widen(layer)  # of one that is in fp8
        parameter: nn.Parameter | None = getattr(layer, name)
        original = None if parameter is None else parameter.data
        weight = layer.get_parameter("weight")
        # Kept on the CPU, where there is room: a GPU may not hold the changed weights as well.
        self._originals[key] = None if original is None else original.to("cpu", copy=True)
        if original is None:  # PEFT gives a layer without a bias one (lora_bias)
            exact = torch.zeros(weight.shape[0], device=weight.device)
        else:
            exact = original.float()
        total = exact.clone()
        for strength, change in deltas:
            factors = _in_float32(change.factors, exact.device)
            total += strength * weight_delta(exact, factors, change.scale)
        if parameter is None:
            setattr(layer, name, nn.Parameter(total.to(weight.dtype), requires_grad=False))
        else:
            parameter.data.copy_(total)

    def _versions(self, loras: Sequence[Lora]) -> Applied:
        return tuple(
            (self._file_version(lora.path), lora.strength) for lora in loras if lora.strength
        )

    def _file_version(self, given: str) -> _FileVersion:
        # The hub is asked once, not at each request; what is on this machine is looked at anew.
        if given not in self._found or not self._found[given].is_file():
            # Links stay: in the hub's cache a file has its name, and its neighbours, only there.
            self._found[given] = resolve_lora(given).absolute()
        path = self._found[given]
        status = path.stat()
        return path, status.st_mtime_ns, status.st_size

    def _lora_tensors(self, version: _FileVersion) -> LoraTensors:
        if version not in self._loaded:
            self._loaded[version] = load_lora_tensors(version[0])
        self._loaded.move_to_end(version)
        while len(self._loaded) > LORAS_IN_MEMORY:
            self._loaded.popitem(last=False)
        return self._loaded[version]


def _shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(parameter.shape) for name, parameter in network.named_parameters()}


def _by_parameter(path: str, change: LayerChange) -> Iterator[tuple[str, LayerChange]]:
    factors = dict(change.factors)
    bias_delta, up_bias = factors.pop("diff_b", None), factors.pop("up_b", None)
    if factors:
        yield f"{path}.weight", LayerChange(factors, change.scale)
    if bias_delta is not None:
        yield f"{path}.bias", LayerChange({"diff": bias_delta}, 1.0)
    if up_bias is not None:
        yield f"{path}.bias", LayerChange({"diff": up_bias.float() * change.scale}, 1.0)


def _in_float32(factors: Tensors, device: torch.device) -> Tensors:
    """Return tensors in float32: files are half precise, and sums of products are not."""
    return {role: aligned(factor.to(device, torch.float32)) for role, factor in factors.items()}
