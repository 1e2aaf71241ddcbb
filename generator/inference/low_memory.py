"""One more try in low memory, for a clip that had no room in a model that is on the device.

The networks go to the CPU and come while they compute, the UNet block by block, each text is asked
about alone, and pictures are decoded one by one in tiles. Afterwards the model is where it was,
with the very same weights. On a CPU nothing can be moved, and the rest of that still saves memory.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from generator.contract.messages import Request
from generator.contract.text import Text
from generator.inference.batch_size import pixels_that_fit
from generator.inference.overflow import plain_autograd, remove_hooks
from generator.model import devices, memory
from generator.model.fp8_products import Product, products_of
from generator.model.fused.runner import UNetRunner
from generator.model.loading import HotshotModel
from generator.model.offload import CPU, Offloader, enable_vae_slicing_and_tiling


@contextmanager
def in_low_memory(model: HotshotModel) -> Iterator[HotshotModel]:
    """Yield the model as one that takes as little memory as can be; then put it back."""
    offloader = Offloader(model.device, low_vram=True, splits_texts=True)
    networks = [network for network in model.all_networks if network is not model.unet]
    products = products_of(model.unet) if offloader.is_enabled else []
    model.runner.release()
    free_what_is_left(model.device)
    before = model.controlnets.offloader
    held: list[Product] = []
    try:
        with plain_autograd():
            for product in products:  # blocks come and go as plain tensors
                product.widen(CPU)
                held.append(product)
            for network in networks:
                offloader.place(network)
            offloader.place_in_blocks(model.unet)
        model.controlnets.offloader = offloader
        enable_vae_slicing_and_tiling(model.vae)
        yield replace(model, offloader=offloader, runner=UNetRunner(model.unet, model.dtype))
    finally:
        model.controlnets.offloader = before
        model.vae.disable_slicing()
        model.vae.disable_tiling()
        with plain_autograd():
            if offloader.is_enabled:
                offloader.remove(model.unet)
            for product in held:
                product.narrow()
            for network in model.all_networks:
                if offloader.is_enabled:
                    remove_hooks(network)
                before.place(network)


def free_what_is_left(device: torch.device) -> None:
    """Give back what a failed try held."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def what_would_fit(model: HotshotModel, request: Request) -> Text:
    """Return a smaller request that is thought to fit beside the model, as a sentence's end."""
    if model.device.type == "cuda":
        free: int | None = devices.free_bytes(model.device)
    else:
        free = memory.available_bytes()
    fitting = None if free is None else pixels_that_fit(model, free)
    return memory.what_would_fit(request, fitting)
