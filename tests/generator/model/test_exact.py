"""In half precision the network is the original's to the last bit: the same sums in the same order.

The original's order is written out in ``benchmarks.gpu.original``, over diffusers' own layers, and
is held to what was recorded of the original itself.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from benchmarks.gpu.original import OriginalStep
from generator.model.loading import HotshotModel
from tests.generator.model.test_unet import difference, told
from tests.generator.reference import arguments, recorded


@pytest.mark.parametrize("case", [1, 4])
def test_the_order_written_out_is_the_original_s(tiny: HotshotModel, case: int) -> None:
    values = recorded("unet_forward")
    inputs = told(values, case)
    made = OriginalStep(tiny.unet)(
        values[f"{case}.sample"],
        arguments(f"unet.{case}")["timestep"],
        inputs["encoder_hidden_states"],
        inputs["added_cond_kwargs"],
    )
    assert difference(made, values[f"{case}.output"]) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(2, 4, 3, 8, 8), (1, 4, 8, 7, 9), (2, 4, 1, 8, 8)])
@torch.inference_mode()
def test_in_half_precision_every_bit_is_the_original_s(
    tiny: HotshotModel, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a CPU we compute attention wider than asked for; here it is as on a card.
    monkeypatch.setattr("generator.model.unet.attend", scaled_dot_product_attention)
    half = copy.deepcopy(tiny.unet).half()
    generator = torch.Generator().manual_seed(0)
    for name, value in half.named_parameters():
        if name.endswith("bias"):  # zeros would hide when they are added
            value.copy_(torch.randn(value.shape, generator=generator) / 8)
    sample = torch.randn(shape, generator=generator).half()
    values = {name: value[:1].expand_as(value) for name, value in recorded("unet_forward").items()}
    text, added = _in_half(told(values, 0 if shape[0] == 2 else 1))
    ours = half(sample, 501, text, added_cond_kwargs=added).sample
    theirs = OriginalStep(half)(sample, 501, text, added)
    assert difference(ours.float(), theirs.float()) < 5e-3
    if not _rows_are_independent():
        pytest.skip("this processor's products round by how many rows are multiplied at once")
    assert torch.equal(ours, theirs)


def _in_half(inputs: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
    added = inputs["added_cond_kwargs"]
    return inputs["encoder_hidden_states"].half(), {
        "text_embeds": added["text_embeds"].half(),
        "time_ids": added["time_ids"].half(),
    }


def _rows_are_independent() -> bool:
    """Return whether rows have the same products alone and beside others, as the clip's text has.

    The original multiplies the text once a frame, and the step once a clip; we do the opposite.
    """
    drawn = torch.Generator().manual_seed(0)
    for width, made in ((128, 32), (64, 64)):
        rows, weight = (torch.randn(n, width, generator=drawn).half() for n in (2, made))
        bias = torch.randn(made, generator=drawn).half()
        alone = torch.nn.functional.linear(rows, weight, bias)
        for copies in (3, 8):
            beside = torch.nn.functional.linear(rows.repeat(copies, 1), weight, bias)
            if not torch.equal(beside, alone.repeat(copies, 1)):
                return False
    return True
