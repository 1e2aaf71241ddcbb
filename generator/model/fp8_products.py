"""Products computed in 8 bits, by torchao, on cards that multiply so: half of bf16's time at best.

The products of the transformers' blocks (attention and feed-forward) have their weights in float8
(e4m3) with a factor for each row, and round what they are given row by row as it comes. All else
stays as it is: convolutions, norms, embeddings, the first and the last layer, and what stands
around the blocks. Where products are of the same input, their weights are one tensor, and each
layer's own is a part of it: the network as it is written and the fused one have the same numbers.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from generator.model.plain_diffusers import Attention, BasicTransformerBlock
from generator.model.unet import HotshotUNet

MODULE = "torchao"
_CAPABILITY = (8, 9)  # Ada (RTX 40) and what came later
_MULTIPLE = 16  # of both edges of a weight, or a card's kernels refuse it
_LEAST = 1e-12  # the largest number of a row is taken to be this at least
_PRODUCT = "_fp8_product"  # an attribute of each layer

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Product:
    """Layers of the same input, and their weights as one tensor of 8 bits.

    ``weight`` is a torchao ``Float8Tensor`` (the sum of their rows, columns). While anybody holds
    it wide, it waits on the CPU, and the layers have weights of ``dtype``, which may be changed.
    """

    layers: tuple[nn.Linear, ...]
    device: torch.device
    dtype: torch.dtype
    weight: Any
    holders: int = 0

    @classmethod
    def of(cls, layers: Sequence[nn.Linear], device: torch.device, dtype: torch.dtype) -> Product:
        """Round the layers' weights, on the device, where they stay."""
        wide = torch.cat([layer.weight.data.to(device, dtype) for layer in layers])
        made = cls(tuple(layers), device, dtype, rounded(wide))
        made._hand_out(made.weight)
        for layer in layers:
            setattr(layer, _PRODUCT, made)
        return made

    def widen(self, device: torch.device | None = None) -> None:
        """Have the layers' weights in ``dtype``, on the product's device or another."""
        self.holders += 1
        if self.holders == 1:
            narrow = self.weight.to(device or self.device)
            self._hand_out(narrow.dequantize(self.dtype))
            self.weight = self.weight.to("cpu")

    def narrow(self) -> None:
        """Put back what was there before, bit for bit, once as often as it was widened."""
        self.holders -= 1
        if self.holders == 0:
            self.weight = self.weight.to(self.device)
            self._hand_out(self.weight)

    def _hand_out(self, whole: Tensor) -> None:
        begin = 0
        for layer in self.layers:
            part = whole[begin : begin + layer.out_features]
            layer.weight = nn.Parameter(part, requires_grad=False)
            begin += layer.out_features


def multiplies_in_fp8(device: torch.device) -> bool:
    """Return whether a device's products are computed in 8 bits; one line says why they aren't."""
    if device.type != "cuda":
        return False
    if not (why := _why_not(device)):
        return True
    logger.warning("fp8 saves memory on %s, but no time: %s.", device, why)
    return False


def _why_not(device: torch.device) -> str:
    if torch.version.hip is not None or torch.cuda.get_device_capability(device) < _CAPABILITY:
        return f"{torch.cuda.get_device_name(device)} has no products in 8 bits"
    if find_spec(MODULE) is None:
        return 'torchao isn\'t installed; pip install "hotshot-bot[fp8]" installs it'
    try:
        try_product(device)
    except Exception as error:  # noqa: BLE001 - of a library and a driver, whatever it is
        return f"torchao can't multiply there ({str(error).strip().partition(chr(10))[0]})"
    return ""


@torch.inference_mode()
def try_product(device: torch.device) -> Tensor:
    """Return a small product in 8 bits. Raises what torchao or the device raises."""
    given = torch.ones(2 * _MULTIPLE, _MULTIPLE, device=device, dtype=torch.bfloat16)
    return nn.functional.linear(given, rounded(given), given[:, 0])


@torch.inference_mode(mode=False)
@torch.no_grad()
def multiply_in_fp8(unet: HotshotUNet, device: torch.device, dtype: torch.dtype) -> None:
    """Have a network's products computed in 8 bits; their weights come to ``device``.

    Raises ImportError without torchao.
    """
    for layers in _groups(unet):
        Product.of(layers, device, dtype)


def bytes_of(unet: HotshotUNet, dtype: torch.dtype) -> int:
    """Return what a network's weights take with its products in 8 bits."""
    narrow = sum(layer.weight.numel() for layers in _groups(unet) for layer in layers)
    whole = sum(int(one.numel()) for one in unet.parameters())
    return whole * dtype.itemsize - narrow * (dtype.itemsize - 1)


def products_of(network: nn.Module) -> list[Product]:
    """Return the products of a network that are computed in 8 bits while nobody holds them wide."""
    found = (product_of(layer) for layer in network.modules())
    return list(dict.fromkeys(one for one in found if one is not None))


def product_of(layer: nn.Module) -> Product | None:
    """Return the product that a layer is part of, where that is computed in 8 bits."""
    found: Product | None = getattr(layer, _PRODUCT, None)
    return found


def whole_weight(layers: Sequence[nn.Module]) -> Tensor | None:
    """Return the one tensor of just these layers, where they multiply in 8 bits now."""
    product = product_of(layers[0])
    if product is None or product.holders or product.layers != tuple(layers):
        return None
    weight: Tensor = product.weight
    return weight


def is_in_fp8(tensor: Tensor) -> bool:
    """Return whether a tensor is torchao's of 8 bits, whose ``dtype`` is that of its products."""
    return hasattr(tensor, "qdata")


def address(tensor: Tensor) -> int:
    """Return where a tensor's numbers lie; a tensor of torchao's says 0 itself."""
    numbers: Tensor = getattr(tensor, "qdata", tensor)
    return numbers.data_ptr()


def _groups(unet: HotshotUNet) -> Iterator[list[nn.Linear]]:
    """Yield the layers of each product, those of the same input together."""
    for block in unet.modules():
        if not isinstance(block, BasicTransformerBlock):
            continue
        wanted: list[list[Any]] = []
        for attention in (block.attn1, block.attn2):
            wanted += _of_attention(attention)
        wanted += [[block.ff.net[0].proj], [block.ff.net[2]]]
        yield from (layers for layers in wanted if all(map(_is_possible, layers)))


def _of_attention(attention: Attention) -> list[list[Any]]:
    out = [attention.to_out[0]]
    to_text = [attention.to_k, attention.to_v]
    if attention.is_cross_attention:
        return [[attention.to_q], to_text, out]
    return [[attention.to_q, *to_text], out]


def _is_possible(layer: nn.Linear) -> bool:
    return not layer.in_features % _MULTIPLE and not layer.out_features % _MULTIPLE


def rounded(wide: Tensor) -> Any:
    """Return a weight in 8 bits, by which torchao multiplies what it rounds as it comes.

    Directly, since its ``quantize_`` asks for a card before it rounds anything, also on a CPU.
    """
    _quiet_torchao()
    from torchao.float8.inference import Float8MMConfig
    from torchao.quantization import Float8Tensor, PerRow
    from torchao.quantization.quantize_.workflows import QuantizeTensorToFloat8Kwargs

    # Without a least value, a row of zeros, as a text that isn't there has them, is divided by 0.
    config: dict[str, Any] = {
        "granularity": PerRow(),
        "mm_config": Float8MMConfig(use_fast_accum=True),
        "hp_value_lb": _LEAST,
    }
    return Float8Tensor.from_hp(
        wide, act_quant_kwargs=QuantizeTensorToFloat8Kwargs(**config), **config
    )


def _quiet_torchao() -> None:
    """Leave its own kernels alone, which serve other purposes, and a line for each unsaid."""
    os.environ.setdefault("TORCHAO_FORCE_SKIP_LOADING_SO_FILES", "1")
    for name in ("torchao", "torch.utils._pytree"):
        logging.getLogger(name).setLevel(logging.ERROR)
