"""Weights that are stored in 8 bits and computed with in a wider precision: diffusers' layerwise
casting, on the UNet. Cards that multiply in 8 bits do so instead (``fp8_products``).

Each layer's weights are rounded once, to float8 (e4m3: 3 bits of mantissa), and widened while it
computes. Norms stay as they are. A layer that a LoRA changes is held wide for so long, since the
rounding would swallow most of what a LoRA adds; in low memory, where weights come and go in blocks
of a fixed size, it is rounded as well.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from generator.model.fp8_products import is_in_fp8, product_of
from generator.model.unet import HotshotUNet

STORAGE = torch.float8_e4m3fn
_HOOK = "layerwise_casting"  # as diffusers calls it


def store_in_fp8(unet: HotshotUNet, dtype: torch.dtype, *, widens: bool) -> None:
    """Store a UNet's layers in 8 bits; they compute in ``dtype``.

    With ``widens``, layers are held in ``dtype`` while a LoRA changes them.
    """
    unet.enable_layerwise_casting(storage_dtype=STORAGE, compute_dtype=dtype)
    for layer in unet.modules():
        if (hook := _hook_of(layer)) is not None:
            hook.widens = widens


def is_stored_in_fp8(tensors: Any) -> bool:
    """Return whether any of these tensors is stored in 8 bits."""
    return any(tensor.dtype == STORAGE or is_in_fp8(tensor) for tensor in tensors)


def widened(tensor: Tensor) -> Tensor:
    """Return a tensor with which more can be done than with 8 bits."""
    if is_in_fp8(tensor):
        wide: Tensor = tensor.dequantize()
        return wide
    return tensor.float() if tensor.dtype == STORAGE else tensor


def widen(layer: nn.Module) -> None:
    """Hold a layer's weights as it computes with them; nothing for any other than one in fp8."""
    if (product := product_of(layer)) is not None:
        product.widen()
    hook = _hook_of(layer)
    if hook is not None and hook.widens:
        hook.storage_dtype = hook.compute_dtype
        layer.to(hook.compute_dtype)


def narrow(layer: nn.Module) -> None:
    """Store a layer in 8 bits again; what came from there is the very same."""
    if (product := product_of(layer)) is not None:
        product.narrow()
    hook = _hook_of(layer)
    if hook is not None and hook.widens:
        hook.storage_dtype = STORAGE
        layer.to(STORAGE)


def _hook_of(layer: nn.Module) -> Any:
    registry: Any = getattr(layer, "_diffusers_hook", None)
    return None if registry is None else registry.get_hook(_HOOK)
