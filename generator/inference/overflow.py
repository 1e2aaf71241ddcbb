"""Notices numbers that overflowed before they become a black GIF, and finds what is to blame.

A black picture that was asked for is finite. Knows no requests' rules and no files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from generator.contract.errors import ModelError
from generator.contract.messages import Request
from generator.contract.text import Text
from generator.model.fp8 import is_stored_in_fp8, widened

if TYPE_CHECKING:
    from generator.model.loading import HotshotModel

HALVES = (torch.float16, torch.bfloat16)
_SHORT = {torch.float16: "f16", torch.bfloat16: "bf16", torch.float32: "f32"}


class NotFiniteError(Exception):
    """A number is infinite or none at all, so everything computed from it is lost."""


def check_finite(tensor: Tensor) -> None:
    """Raise NotFiniteError unless all numbers are finite; waits for the device."""
    if not torch.isfinite(tensor).all():
        raise NotFiniteError


class FiniteWatch:
    """Has the device look at each step's numbers, and asks it at the end what it saw.

    In float16, which overflows most easily, it is asked one step later, when the numbers have long
    been computed: the device never runs dry, having the next step's work already.
    """

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self._asks_at_once = dtype == torch.float16
        self._seen: Tensor | None = None
        self._last: _Verdict | None = None

    def note(self, *tensors: Tensor) -> None:
        """Have these tensors looked at. May raise NotFiniteError for those noted before."""
        seen = torch.stack([torch.isfinite(tensor).all() for tensor in tensors]).all()
        self._seen = seen if self._seen is None else self._seen & seen
        if self._asks_at_once:
            before, self._last = self._last, _Verdict.on(self._seen)
            if before is not None:
                before.check()

    def finish(self) -> None:
        """Raise NotFiniteError unless all numbers noted were finite; waits for the device."""
        if self._seen is not None and not self._seen:
            raise NotFiniteError


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Whether numbers were finite: an answer on its way from the device, due at a CUDA event."""

    is_finite: Tensor
    arrival: Any

    @classmethod
    def on(cls, verdict: Tensor) -> _Verdict:
        if verdict.device.type != "cuda":
            return cls(verdict, None)
        # Into pinned memory: a copy to any other would make this thread wait.
        here = torch.empty((), dtype=torch.bool, pin_memory=True)
        here.copy_(verdict, non_blocking=True)
        arrival = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrival.record(torch.cuda.current_stream(verdict.device))
        return cls(here, arrival)

    def check(self) -> None:
        if self.arrival is not None:
            self.arrival.synchronize()
        if not self.is_finite.item():
            raise NotFiniteError


# -- once more -------------------------------------------------------------------------------------


def has_half_precision(networks: Iterable[nn.Module]) -> bool:
    """Return whether any of them could be computed in a wider precision than it is."""
    tensors = list(_tensors(networks))
    return not is_stored_in_fp8(tensors) and any(one.dtype in HALVES for one in tensors)


@contextmanager
def upcast(model: HotshotModel, networks: Sequence[nn.Module]) -> Iterator[HotshotModel]:
    """Have these networks in float32; yield the model that has them so.

    Afterwards they are what they were, bit for bit. LoRAs are off on both sides, since what they
    make of a weight may not fit into half precision.
    """
    with plain_autograd():
        model.loras.remove()
        in_blocks = [one for one in networks if model.offloader.place_whole(one)]
        narrow = [(tensor, tensor.dtype) for tensor in _tensors(networks) if tensor.dtype in HALVES]
    try:
        with plain_autograd():
            for tensor, _ in narrow:
                tensor.data = tensor.data.float()
        yield replace(model, dtype=torch.float32)
    finally:
        with plain_autograd():
            model.loras.remove()
            model.offload()
            for tensor, dtype in narrow:
                tensor.data = tensor.data.to(dtype)
            for network in in_blocks:
                remove_hooks(network)
                model.offloader.place_in_blocks(network)


@contextmanager
def plain_autograd() -> Iterator[None]:
    """Leave inference mode: tensors made in it can't take a loaded weight's place."""
    with torch.inference_mode(mode=False), torch.no_grad():
        yield


def _tensors(networks: Iterable[nn.Module]) -> Iterator[Tensor]:
    for network in networks:
        yield from network.parameters()
        yield from network.buffers()


# -- what is to blame ------------------------------------------------------------------------------


def check_weights(model: HotshotModel) -> None:
    """Raise ModelError where a file's own numbers aren't finite; removes the LoRAs."""
    model.loras.remove()
    named: list[tuple[Text, str, nn.Module]] = [
        (_PARTS[part], model.origins.get(part, model.name), network)
        for part, network in model.networks.items()
    ]
    for kind, networks in model.controlnets.by_kind.items():
        named += [(Text("The ControlNet"), kind, network) for network in networks]
    for part, source, network in named:
        if not all(torch.isfinite(widened(one)).all() for one in network.parameters()):
            raise ModelError(
                "{part} of {source} holds numbers that aren't finite, so every picture would "
                "be black; its file is damaged: download it again, or choose another.",
                part=part,
                source=source,
            )


def overflow_error(model: HotshotModel, request: Request, tried: torch.dtype) -> ModelError:
    """Return the error of a request whose numbers overflow in the widest precision tried."""
    precision = _SHORT.get(tried, str(tried))
    applied = [lora for lora in request.loras if lora.strength]
    if applied:
        return ModelError(
            "With {loras}, numbers overflow {precision}, so every picture would be black; "
            "lower the LoRA's strength, or leave it out.",
            loras=", ".join(f"{lora.path} ({lora.strength:g})" for lora in applied),
            precision=precision,
        )
    return ModelError(
        "Numbers in {source} overflow {precision}, so every picture would be black; try "
        "another scheduler, or choose another base.",
        source=model.origins.get("unet", model.name),
        precision=precision,
    )


def no_memory_for_float32(model: HotshotModel, request: Request) -> ModelError:
    """Return the sentence where half precision overflows and float32 doesn't fit."""
    applied = ", ".join(lora.path for lora in request.loras if lora.strength)
    return ModelError(
        "Numbers in {source} overflow {precision}, and there isn't enough memory to compute "
        "in f32; use the precision bf16, a smaller size or fewer frames.",
        source=applied or model.origins.get("unet", model.name),
        precision=_SHORT.get(model.dtype, str(model.dtype)),
    )


_PARTS = {
    "unet": Text("The UNet"),
    "vae": Text("The VAE"),
    "text_encoder": Text("The first text encoder"),
    "text_encoder_2": Text("The second text encoder"),
}


def remove_hooks(network: nn.Module) -> None:
    """Let a network be where it is, and not come when it is called."""
    from accelerate.hooks import remove_hook_from_module  # which takes its time to import

    remove_hook_from_module(network)
