"""Records what LyCORIS and PEFT make of the LoRAs that they save, into ``tests/data/loras``.

Run it in an environment of its own, since neither is at these versions here:

    python -m venv /tmp/recording && /tmp/recording/bin/pip install torch==2.13.0 numpy \
        safetensors lycoris-lora==4.1.3 peft==0.21.2
    /tmp/recording/bin/python tools/record_loras.py tests/data/loras

Each case is a linear layer and a convolution with random weights, trained by none: every parameter
of the adapter is drawn, the library's own training forward is called, and what a layer's weight
(and bias) must have become for that is taken from its outputs. A file holds the adapter's tensors
as the library saves them ("saved.") and what the layers became ("after."), and in its metadata the
settings that PEFT writes beside them; ``before.safetensors`` has the layers that all began from.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lycoris.modules.full import FullModule
from lycoris.modules.locon import LoConModule
from lycoris.modules.loha import LohaModule
from lycoris.modules.lokr import LokrModule
from lycoris.modules.norms import NormModule
from peft import LoHaConfig, LoKrConfig, LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn

LINEAR, CONV, NORM = "linear", "conv", "norm"
SIZES = {LINEAR: (36, 48), CONV: (12, 16), NORM: (12, 12)}  # as LoKr can take them apart

# DyLoRA answers by a rank that it draws each time; its files are LoRAs like any other.
LYCORIS: dict[str, tuple[Callable[..., nn.Module], dict[str, Any]]] = {
    "lora": (LoConModule, {}),
    "lora_rs": (LoConModule, {"rs_lora": True}),
    "lora_tucker": (LoConModule, {"use_tucker": True}),
    "lora_scalar": (LoConModule, {"use_scalar": True}),
    "lora_bypass": (LoConModule, {"bypass_mode": True}),
    "dora": (LoConModule, {"weight_decompose": True}),
    "dora_on_inputs": (LoConModule, {"weight_decompose": True, "wd_on_out": False}),
    "loha": (LohaModule, {}),
    "loha_rs": (LohaModule, {"rs_lora": True}),
    "loha_tucker": (LohaModule, {"use_tucker": True}),
    "loha_dora": (LohaModule, {"weight_decompose": True}),
    "lokr": (LokrModule, {"factor": 2, "lora_dim": 2}),
    "lokr_rs": (LokrModule, {"factor": 2, "lora_dim": 2, "rs_lora": True}),
    "lokr_both": (LokrModule, {"decompose_both": True, "lora_dim": 2}),
    "lokr_whole": (LokrModule, {"factor": 4, "full_matrix": True}),
    "lokr_tucker": (LokrModule, {"factor": 2, "lora_dim": 2, "use_tucker": True}),
    "lokr_unbalanced": (LokrModule, {"factor": 4, "unbalanced_factorization": True}),
    "lokr_dora": (LokrModule, {"factor": 2, "lora_dim": 2, "weight_decompose": True}),
    "full": (FullModule, {}),
    "norm": (NormModule, {}),
}

TARGETS = [LINEAR, CONV]
_LORA = {"r": 4, "lora_alpha": 6, "target_modules": TARGETS, "init_lora_weights": False}
_LYCORIS = {"r": 4, "alpha": 6, "target_modules": TARGETS, "init_weights": False}
_LOKR = {**_LYCORIS, "r": 2}
PEFT: dict[str, Any] = {
    "lora": LoraConfig(**_LORA),
    "lora_rs": LoraConfig(**_LORA, use_rslora=True),
    "lora_bias": LoraConfig(**_LORA, lora_bias=True),
    "lora_patterns": LoraConfig(
        **_LORA, rank_pattern={"linear": 2, r"^con\w+": 3}, alpha_pattern={"linear": 16}
    ),
    "lora_patterns_rs": LoraConfig(
        **_LORA, use_rslora=True, alpha_pattern={"conv": 9, "(linear|conv)": 3}
    ),
    "dora": LoraConfig(**_LORA, use_dora=True),
    "loha": LoHaConfig(**_LYCORIS),
    "loha_tucker": LoHaConfig(**_LYCORIS, use_effective_conv2d=True),
    "loha_patterns": LoHaConfig(**_LYCORIS, alpha_pattern={"conv": 2}, rank_pattern={"conv": 2}),
    "lokr": LoKrConfig(**_LOKR, decompose_factor=2),
    "lokr_both": LoKrConfig(**_LOKR, decompose_both=True),
    "lokr_tucker": LoKrConfig(**_LOKR, decompose_factor=2, use_effective_conv2d=True),
    "lokr_whole": LoKrConfig(**{**_LYCORIS, "r": 16}),
    "lokr_whole_patterns": LoKrConfig(
        **{**_LYCORIS, "r": 16}, rank_pattern={"conv": 20}, alpha_pattern={"conv": 5}
    ),
}


class Small(nn.Module):
    """One layer of each kind."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(*SIZES[LINEAR])
        self.conv = nn.Conv2d(*SIZES[CONV], 3, padding=1)
        self.norm = nn.LayerNorm(SIZES[NORM][0])
        nn.init.normal_(self.norm.weight)
        nn.init.normal_(self.norm.bias)

    @classmethod
    def begun(cls) -> Small:
        """The same weights each time."""
        torch.manual_seed(7)
        return cls()


def main(directory: Path) -> None:
    """Writes all cases."""
    directory.mkdir(parents=True, exist_ok=True)
    save_file(Small.begun().state_dict(), directory / "before.safetensors")
    for name, (kind, options) in LYCORIS.items():
        write(directory / f"lycoris_{name}.safetensors", *of_lycoris(kind, options))
    for name, config in PEFT.items():
        write(directory / f"peft_{name}.safetensors", *of_peft(config))


def of_lycoris(
    kind: Callable[..., nn.Module], options: dict[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Tensor], str]:
    """What is saved, what the layers became, and no settings."""
    saved: dict[str, Tensor] = {}
    after: dict[str, Tensor] = {}
    for layer in (NORM,) if kind is NormModule else TARGETS:
        original = Small.begun().get_submodule(layer)
        made: Any = kind(f"lora_unet_{layer}", original, **{"lora_dim": 4, "alpha": 3.0, **options})
        made.apply_to()
        redraw(made)
        made.train()
        saved |= {f"lora_unet_{layer}.{role}": value for role, value in made.state_dict().items()}
        after |= became(layer, original)
    return saved, after, ""


def of_peft(config: Any) -> tuple[dict[str, Tensor], dict[str, Tensor], str]:
    """The same for PEFT, with the settings that it writes beside the tensors."""
    model: Any = get_peft_model(Small.begun(), config)
    redraw(model)
    saved = get_peft_model_state_dict(model)
    after: dict[str, Tensor] = {}
    for layer in TARGETS:
        after |= became(layer, model.base_model.model.get_submodule(layer))
    settings = json.dumps(config.to_dict(), default=sorted)
    return saved, after, settings


def redraw(module: nn.Module) -> None:
    """Draws every parameter that is trained; magnitudes are only moved, as training moves them."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if not parameter.requires_grad or "base_layer" in name or "org_module" in name:
                continue
            if "magnitude" in name or "dora_scale" in name:
                parameter.mul_(1 + 0.3 * torch.rand_like(parameter))
            elif parameter.ndim == 0:  # LyCORIS' scalar
                parameter.fill_(0.7)
            elif isinstance(module, FullModule):
                parameter.add_(torch.randn_like(parameter) * 0.2)
            else:
                parameter.normal_(std=0.3)


def became(layer: str, module: Any) -> dict[str, Tensor]:
    """The weight and bias that a layer of that kind would need to answer as ``module`` does."""
    width, out = SIZES[layer]
    with torch.no_grad():
        if layer == NORM:
            some = torch.randn(1, width)
            bias = module(torch.zeros(1, width))[0]
            normed = torch.nn.functional.layer_norm(some, (width,))[0]
            return {f"{layer}.weight": (module(some)[0] - bias) / normed, f"{layer}.bias": bias}
        if layer == LINEAR:
            bias = module(torch.zeros(1, width))[0]
            weight = (module(torch.eye(width)) - bias).T
        else:
            bias = module(torch.zeros(1, width, 3, 3))[0, :, 1, 1]
            one_hot = torch.eye(width * 9).reshape(width * 9, width, 3, 3)
            weight = (module(one_hot)[:, :, 1, 1] - bias).T.reshape(out, width, 3, 3)
        return {f"{layer}.weight": weight.contiguous(), f"{layer}.bias": bias}


def write(path: Path, saved: dict[str, Tensor], after: dict[str, Tensor], settings: str) -> None:
    """One case."""
    tensors = {f"saved.{name}": value for name, value in saved.items()}
    tensors |= {f"after.{name}": value for name, value in after.items()}
    whole = {name: value.detach().clone().contiguous() for name, value in tensors.items()}
    save_file(whole, path, {"settings": settings})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
