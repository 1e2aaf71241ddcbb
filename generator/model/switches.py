"""FreeU and perturbed-attention guidance: what changes a network's answer without a weight of it.

Both as diffusers has them, off by default, and gone again once a clip is denoised. They work on the
network as it is written; what was compiled or recorded knows nothing of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from generator.model.plain_diffusers import Attention, BasicTransformerBlock
from generator.model.unet import HotshotUNet

# Si et al. 2023, as their repository has it for SDXL: the skips of the first two stages up are
# damped in their low frequencies (s), and half of the channels beside them amplified (b).
_FREEU = {"s1": 0.9, "s2": 0.2, "b1": 1.3, "b2": 1.4}


class ValuesAlone:
    """Attention in which each place sees itself alone: its value, projected (Ahn et al. 2024)."""

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        """Return (b f) n c of the same."""
        del encoder_hidden_states, attention_mask
        attended: Tensor = attn.to_v(hidden_states)
        for layer in attn.to_out:  # a projection, and dropout
            attended = layer(attended)
        return attended


@contextmanager
def freeu(unet: HotshotUNet, *, is_on: bool) -> Iterator[None]:
    """Have a network with FreeU, or as it is."""
    if not is_on:
        yield
        return
    unet.enable_freeu(**_FREEU)
    try:
        yield
    finally:
        unet.disable_freeu()


def has_freeu(unet: HotshotUNet) -> bool:
    """Return whether a network has FreeU now."""
    return getattr(unet.up_blocks[0], "b1", None) is not None


@contextmanager
def perturbed_attention(unet: HotshotUNet) -> Iterator[None]:
    """Let the places of the middle block see themselves alone, as in diffusers by default."""
    layers = [
        block.attn1
        for block in unet.mid_block.attentions.modules()
        if isinstance(block, BasicTransformerBlock)
    ]
    before = [layer.processor for layer in layers]
    try:
        for layer in layers:
            layer.set_processor(ValuesAlone())
        yield
    finally:
        for layer, processor in zip(layers, before, strict=True):
            layer.set_processor(processor)
