"""A prompt that was encoded ahead, by another thread, while a clip before it was decoded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch

from generator.contract.messages import Request
from generator.model.conditioning import Conditioning
from generator.model.loading import HotshotModel
from generator.model.lora_manager import Applied

Encode = Callable[[HotshotModel, Request], Conditioning]
_Key = tuple[Request, torch.dtype, Applied]


@dataclass(slots=True)
class EncodedPrompts:
    """Encodes prompts by ``encode``, one of them ahead.

    ``lock`` is held by whoever uses the text encoders, or changes their weights: ahead, that is
    beside others that only denoise or decode.
    """

    encode: Encode
    lock: threading.RLock = field(default_factory=threading.RLock)
    _ahead: tuple[_Key, Conditioning] | None = None

    def conditioning(self, model: HotshotModel, request: Request) -> Conditioning:
        """Return what the networks are told of a request whose LoRAs are applied."""
        with self.lock:
            ahead, self._ahead = self._ahead, None
            if ahead is not None and ahead[0] == _key(model, request):
                return ahead[1]
            return self.encode(model, request)

    @torch.inference_mode()
    def encode_ahead(self, model: HotshotModel, request: Request) -> None:
        """Read a request's LoRAs, and encode its prompt where it needs no other weights than now.

        Raises ModelError for a LoRA that can't be used.
        """
        with self.lock:
            if model.loras.read(request.loras) and not model.offloader.is_enabled:
                self._ahead = _key(model, request), self.encode(model, request)


def _key(model: HotshotModel, request: Request) -> _Key:
    """Return all that a conditioning depends on; of several seeds one is enough."""
    return replace(request, seed=0), model.dtype, model.loras.applied
