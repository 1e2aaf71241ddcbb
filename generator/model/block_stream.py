"""A network that computes on a device while its blocks wait on the CPU, each coming in its turn.

Group offloading, as diffusers calls it, for a network whose blocks lie in one another's lists and
aren't all asked at each pass (one frame skips the temporal ones). A block's weights lie together
in pinned memory and come in one copy, by a stream of their own, while the block before computes;
which one is next was seen in the pass before. What comes are the very same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

_ALIGNMENT = 256  # bytes, between two tensors of a block
_SLOTS = 2  # on the device: one block computes, one comes


@dataclass(slots=True)
class _Block:
    """One block's tensors; ``host`` holds them all, and ``slot`` is where they are now, or None."""

    tensors: list[Tensor]
    at: list[Tensor]
    host: Tensor
    next: _Block | None = None
    slot: int | None = None
    has_come: Any = None

    @classmethod
    def of(cls, module: nn.Module, *, pinned: bool) -> _Block:
        tensors = [*module.parameters(), *module.buffers()]
        size = sum(_rounded(one.numel() * one.element_size()) for one in tensors)
        host = torch.empty(size, dtype=torch.uint8)
        if pinned:  # exactly so much: an allocator of pinned memory takes the next power of two
            _runtime().cudaHostRegister(host.data_ptr(), size, 0)
        places = list(_views(host, tensors))
        for tensor, place in zip(tensors, places, strict=True):
            place.copy_(tensor)
            tensor.data = place
        return cls(tensors, places, host)


@dataclass(slots=True)
class BlockStream:
    """Has blocks of one network come to ``device`` and go. They are on the CPU between two passes.

    What belongs to none of them is on the device always.
    """

    network: nn.Module
    device: torch.device
    _blocks: list[_Block]
    _slots: list[Tensor]
    _users: list[_Block | None] = field(default_factory=lambda: [None] * _SLOTS)
    _free: list[Any] = field(default_factory=lambda: [None] * _SLOTS)
    _hooks: list[Any] = field(default_factory=list)
    _stream: Any = None
    _last: _Block | None = None

    @classmethod
    @torch.inference_mode(mode=False)
    @torch.no_grad()
    def of(
        cls, network: nn.Module, modules: Sequence[nn.Module], device: torch.device
    ) -> BlockStream:
        """Take over these blocks of a network on the CPU; the rest of it moves to the device."""
        on_cuda = device.type == "cuda"
        blocks = [_Block.of(one, pinned=on_cuda) for one in modules]
        inside = {id(tensor) for block in blocks for tensor in block.tensors}
        for tensor in (*network.parameters(), *network.buffers()):
            if id(tensor) not in inside:
                tensor.data = tensor.data.to(device)
        largest = max(block.host.numel() for block in blocks)
        slots = [torch.empty(largest, dtype=torch.uint8, device=device) for _ in range(_SLOTS)]
        made = cls(network, device, blocks, slots)
        if on_cuda:
            made._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            made._stream.wait_stream(torch.cuda.current_stream(device))
        for module, block in zip(modules, blocks, strict=True):
            made._hooks += [
                module.register_forward_pre_hook(lambda *_, block=block: made._begin(block)),
                module.register_forward_hook(lambda *_, block=block: made._end(block)),
            ]
        return made

    @property
    def resident_bytes(self) -> int:
        """Return what the network takes on the device at most."""
        inside = {id(tensor) for block in self._blocks for tensor in block.tensors}
        others = (*self.network.parameters(), *self.network.buffers())
        rest = sum(one.numel() * one.element_size() for one in others if id(one) not in inside)
        return rest + sum(slot.numel() for slot in self._slots)

    def rest(self) -> None:
        """Forget what has come already: the weights may change before the next pass."""
        for slot, block in enumerate(self._users):
            if block is not None:
                self._leave(block, slot)

    def remove(self) -> None:
        """Let go of the network, whose blocks are then on the CPU as any tensors."""
        self.rest()
        for hook in self._hooks:
            hook.remove()
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        for block in self._blocks:
            for tensor in block.tensors:
                tensor.data = tensor.data.clone()
            if self.device.type == "cuda":
                _runtime().cudaHostUnregister(block.host.data_ptr())
        self._slots.clear()

    def _begin(self, block: _Block) -> None:
        if self._last is not None:
            self._last.next = block
        self._last = block
        if block.slot is None:
            self._bring(block, _other(self._users, None))
        if block.has_come is not None:
            torch.cuda.current_stream(self.device).wait_event(block.has_come)
        assert block.slot is not None  # noqa: S101 - it was brought
        views = _views(self._slots[block.slot], block.tensors)
        for tensor, view in zip(block.tensors, views, strict=True):
            tensor.data = view
        if block.next is not None and block.next.slot is None:
            self._bring(block.next, _other(self._users, block))

    def _end(self, block: _Block) -> None:
        if block.slot is not None:
            self._leave(block, block.slot)

    def _bring(self, block: _Block, slot: int) -> None:
        """Start the copy of a block, behind the last computation that used its place."""
        before = self._users[slot]
        if before is not None:
            self._leave(before, slot)
        with nullcontext() if self._stream is None else torch.cuda.stream(self._stream):
            if self._free[slot] is not None:
                self._stream.wait_event(self._free[slot])
            size = block.host.numel()
            self._slots[slot][:size].copy_(block.host, non_blocking=True)
            if self._stream is not None:
                block.has_come = torch.cuda.Event()  # type: ignore[no-untyped-call]
                block.has_come.record(self._stream)
        self._users[slot], block.slot = block, slot

    def _leave(self, block: _Block, slot: int) -> None:
        for tensor, place in zip(block.tensors, block.at, strict=True):
            tensor.data = place
        self._users[slot], block.slot = None, None
        if self._stream is not None:
            self._free[slot] = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._free[slot].record(torch.cuda.current_stream(self.device))


def _runtime() -> Any:
    return torch.cuda.cudart()  # type: ignore[no-untyped-call]


def _other(users: Sequence[_Block | None], busy: _Block | None) -> int:
    """Return a slot that ``busy`` isn't in, an empty one where there is one."""
    possible = [slot for slot, user in enumerate(users) if user is not busy or busy is None]
    return next((slot for slot in possible if users[slot] is None), possible[0])


def _views(memory: Tensor, tensors: Sequence[Tensor]) -> Iterator[Tensor]:
    """Yield where each tensor lies in a block's memory."""
    begin = 0
    for one in tensors:
        size = one.numel() * one.element_size()
        yield memory[begin : begin + size].view(one.dtype).view(one.shape)
        begin += _rounded(size)


def _rounded(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT
