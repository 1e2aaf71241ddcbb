#!/usr/bin/env bash
# A DoRA at strength 0 isn't off, neither in LyCORIS nor in PEFT, and the two differ.
#
# A user turns an adapter down to 0 and expects the base model. For a DoRA,
#   - LyCORIS 4.1.3 applies the multiplier to the learnt magnitude alone: at 0 what is left is the
#     inner LoRA at full strength, W + BA;
#   - PEFT 0.21.2 applies the scale to the inner LoRA alone: at 0 what is left is the base's weight
#     at the learnt magnitude, m * W / |W|.
# So the same trained layer means three different things between 0 and 1 in LyCORIS, PEFT and
# programs that scale the whole change (as ComfyUI does), and agrees in all of them only at 1.
#
# Prints versions and what was seen; exits with an error if either library behaves otherwise.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 lycoris-lora==4.1.3 peft==0.21.2

cat > "$work/look.py" <<'PYTHON'
import copy
from importlib.metadata import version

import torch
from lycoris.modules.locon import LoConModule
from peft import LoraConfig, get_peft_model
from torch import nn

print(*(f"{name} {version(name)}" for name in ("torch", "lycoris-lora", "peft")))
torch.manual_seed(0)
base = nn.Sequential(nn.Linear(12, 8, bias=False))
weight = base[0].weight.detach().clone()
down, up = torch.randn(2, 12), torch.randn(8, 2)
magnitude = weight.norm(dim=1, keepdim=True) * torch.linspace(1.2, 2.0, 8)[:, None]
eye = torch.eye(12)


def in_lycoris(strength):
    layer = copy.deepcopy(base)[0]
    dora = LoConModule("dora", layer, strength, 2, 2, weight_decompose=True)
    dora.apply_to()
    with torch.no_grad():
        dora.lora_down.weight.copy_(down)
        dora.lora_up.weight.copy_(up)
        dora.dora_scale.copy_(magnitude)
        return layer(eye).T


def in_peft(strength):
    config = LoraConfig(r=2, lora_alpha=2, target_modules=["0"], use_dora=True)
    model = get_peft_model(copy.deepcopy(base), config)
    layer = model.base_model.model[0]
    with torch.no_grad():
        layer.lora_A["default"].weight.copy_(down)
        layer.lora_B["default"].weight.copy_(up)
        layer.lora_magnitude_vector["default"].weight.copy_(magnitude.flatten())
        layer.set_scale("default", strength)
        return model(eye).T


def alike(one, other):
    return torch.allclose(one, other, atol=1e-4)


def distance(found):
    return f"{float((found - weight).norm() / weight.norm()):.2f} of the base's norm away from it"


summed = weight + up @ down
trained = summed * magnitude / summed.norm(dim=1, keepdim=True)
at_one = in_lycoris(1.0), in_peft(1.0)
at_zero = in_lycoris(0.0), in_peft(0.0)
print("at 1, LyCORIS as trained:", alike(at_one[0], trained), "- PEFT:", alike(at_one[1], trained))
print("at 0, LyCORIS is", distance(at_zero[0]), "- as W + BA:", alike(at_zero[0], summed))
redirected = weight * magnitude / weight.norm(dim=1, keepdim=True)
print("at 0, PEFT is", distance(at_zero[1]), "- as m W / |W|:", alike(at_zero[1], redirected))
assert alike(at_one[0], trained) and alike(at_one[1], trained)
assert alike(at_zero[0], summed), "LyCORIS behaves otherwise now"
assert alike(at_zero[1], redirected), "PEFT behaves otherwise now"
assert not alike(at_zero[0], weight) and not alike(at_zero[1], weight)
print("as described")
PYTHON
"$work/env/bin/python" -W ignore "$work/look.py"
