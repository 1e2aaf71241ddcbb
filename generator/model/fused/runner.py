"""Runs the UNet's steps in the fastest way that there is for them.

``never``: as the network is written, equal to the original to the last bit where the device's own
kernels are. ``auto``: on CUDA fused, with kernels of its own. ``always``: elsewhere too, where each
block is compiled for its shapes. On CUDA a step is recorded as one graph, unless ``never``. What
fails is logged once, and the plain way goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from generator.contract.errors import is_out_of_memory
from generator.contract.worker_settings import COMPILE_NEVER
from generator.model.conditioning import Conditioning
from generator.model.fp8_products import address
from generator.model.fused.compilation import Kernels
from generator.model.fused.graphs import Step, StepGraphs
from generator.model.fused.network import FusedUNet, Residuals, Told
from generator.model.switches import has_freeu
from generator.model.unet import HotshotUNet

_CONSTANTS = 2  # kept: of the guided steps and of those that aren't

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class UNetRunner:
    """Predicts with one network. ``kernels`` are those of its device, None where none can be made.

    Nothing is fast in another precision than ``dtype``, nor where the weights come and go.
    """

    unet: HotshotUNet
    dtype: torch.dtype
    compile: str = COMPILE_NEVER
    kernels: Kernels | None = None
    graphs: StepGraphs | None = None
    _constants: list[tuple[Conditioning, str, Sequence[Tensor]]] = field(default_factory=list)
    _addresses: tuple[int, ...] = ()
    _fused: FusedUNet | None = None
    _too_large: set[object] = field(default_factory=set)
    _compiled: set[object] = field(default_factory=set)

    def predict(
        self,
        sample: Tensor,
        timestep: Tensor,
        conditioning: Conditioning,
        residuals: dict[str, Any],
        *,
        is_perturbed: bool = False,
    ) -> Tensor:
        """Return what the network says of (b, c, f, h, w), b clips as ``conditioning`` lays them.

        ``residuals`` are ControlNets', as the network's own arguments. A network that
        ``is_perturbed``, or has FreeU, is asked as it is written. Raises the device's own error
        where there isn't enough memory.
        """
        down = residuals.get("down_block_additional_residuals", ())
        middle = residuals.get("mid_block_additional_residual")
        timesteps = timestep.expand(sample.shape[0])
        inputs = [sample, timesteps, *down, *([] if middle is None else [middle])]
        is_plain = self.compile == COMPILE_NEVER or sample.dtype != self.dtype
        if is_plain or is_perturbed or has_freeu(self.unet):
            return _as_written(self.unet, inputs, _written(conditioning))
        shape = (tuple(sample.shape), *conditioning.hidden.shape[:2], len(inputs))
        if self.kernels is not None and ("fused", shape) not in self._too_large:
            try:
                made = self._run("fused", shape, inputs, conditioning)
            except Exception as error:  # noqa: BLE001 - of a compiler, whatever it is
                if is_out_of_memory(error):
                    self._note_too_large(("fused", shape))
                else:
                    self._give_up_compiling(error)
            else:
                if shape not in self._compiled:
                    self._compiled.add(shape)
                    self.kernels.files.keep()
                return made
        return self._run("written", shape, inputs, conditioning)

    def forget(self) -> None:
        """Free what is held beside the weights."""
        self._constants.clear()
        if self.graphs is not None:
            self.graphs.clear()

    def release(self) -> None:
        """Free all that is held, the fused network's own weights as well, until it is asked."""
        self._fused = None
        self._addresses = ()
        self.forget()

    def _run(
        self, way: str, shape: tuple[Any, ...], inputs: Sequence[Tensor], conditioning: Conditioning
    ) -> Tensor:
        constants = self._told(way, conditioning)
        step, key = self._step(way), (way, shape, "recorded")
        if self.graphs is None or key in self._too_large:
            return step(inputs, constants)
        return self._replayed(key, step, inputs, constants)

    def _replayed(
        self, key: object, step: Step, inputs: Sequence[Tensor], constants: Sequence[Tensor]
    ) -> Tensor:
        assert self.graphs is not None  # noqa: S101 - asked before
        try:
            return self.graphs(key, step, inputs, constants)
        except RuntimeError as error:
            self.forget()
            if is_out_of_memory(error):
                self._too_large.add(key)
            else:
                logger.warning(
                    "Steps can't be recorded here (%s); launching each kernel separately.", error
                )
                self.graphs = None
            return step(inputs, constants)

    def _step(self, way: str) -> Step:
        if way == "written":
            return lambda inputs, constants: _as_written(self.unet, inputs, constants)
        fused = self._fused
        assert fused is not None  # noqa: S101 - its constants came first
        return lambda inputs, constants: _as_fused(fused, inputs, constants)

    def _told(self, way: str, conditioning: Conditioning) -> Sequence[Tensor]:
        """Return the constants of a request, computed when it is first asked for."""
        for known, known_way, constants in self._constants:
            if known is conditioning and known_way == way:
                return constants
        made = self._tell(way, conditioning)
        self._constants = [(conditioning, way, made), *self._constants][:_CONSTANTS]
        return made

    def _tell(self, way: str, conditioning: Conditioning) -> Sequence[Tensor]:
        if way == "written":
            self._know_addresses()
            return _written(conditioning)
        fused = self._up_to_date()
        told = fused.tell(conditioning.hidden, conditioning.added_cond_kwargs)
        return [told.added, *(one for pair in told.text for one in pair)]

    def _up_to_date(self) -> FusedUNet:
        """Return the fused network with the weights that the network has now."""
        assert self.kernels is not None  # noqa: S101 - none is fused without
        if self._know_addresses() and self._fused is not None:
            self._fused.weights.refresh()
        else:
            self._fused = FusedUNet.of(self.unet, self.kernels.functions)
            self._know_addresses()
        return self._fused

    def _know_addresses(self) -> bool:
        """Return whether the weights are where they were; what was recorded with others is gone."""
        addresses = tuple(map(address, self.unet.parameters()))
        if addresses == self._addresses:
            return True
        self._addresses = addresses
        if self.graphs is not None:
            self.graphs.clear()
        return False

    def _note_too_large(self, key: object) -> None:
        """Free what the fast way holds, and don't try it again with clips of this shape."""
        self._too_large.add(key)
        self._fused = None
        self.forget()
        logger.info("A clip as large as this has no room beside the UNet's kernels.")

    def _give_up_compiling(self, error: Exception) -> None:
        """Throw the kernels away, which may be damaged, and have no more of them."""
        assert self.kernels is not None  # noqa: S101 - used just now
        self.kernels.files.throw_away()
        self.forget()
        logger.warning(
            "The UNet's kernels can't be used here, so GIFs take the slower way (%s).",
            str(error).strip().partition("\n")[0],
        )
        self.kernels = None


def _written(conditioning: Conditioning) -> Sequence[Tensor]:
    added = conditioning.added_cond_kwargs
    return [conditioning.hidden, added["text_embeds"], added["time_ids"]]


def _as_written(unet: HotshotUNet, inputs: Sequence[Tensor], constants: Sequence[Tensor]) -> Tensor:
    (sample, timesteps, *given), (hidden, pooled, time_ids) = inputs, constants
    residuals: dict[str, Any] = {}
    if given:
        residuals = {
            "down_block_additional_residuals": tuple(given[:-1]),
            "mid_block_additional_residual": given[-1],
        }
    predicted: Tensor = unet(
        sample,
        timesteps,
        hidden,
        added_cond_kwargs={"text_embeds": pooled, "time_ids": time_ids},
        return_dict=False,
        **residuals,
    )[0]
    return predicted


def _as_fused(fused: FusedUNet, inputs: Sequence[Tensor], constants: Sequence[Tensor]) -> Tensor:
    (sample, timesteps, *given), (added, *text) = inputs, constants
    told = Told(added, tuple(zip(text[::2], text[1::2], strict=True)))
    residuals = Residuals(tuple(given[:-1]), given[-1]) if given else None
    return fused(sample, timesteps, told, residuals)
