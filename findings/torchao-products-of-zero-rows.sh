#!/usr/bin/env bash
# torchao's products in float8 make NaN of a row of zeros, and a Float8Tensor ignores a change of dtype.
#
#   - With PerRow granularity, what is given is rounded row by row by its largest number. A row of
#     zeros is divided by zero: its whole row of results is NaN, where it is the bias alone in any
#     wider precision. Zeros are valid: SDXL's unconditional text is all zeros. A least value
#     (hp_value_lb) has it right.
#   - Float8Tensor.float() and .to(torch.float32) return a tensor that still says bfloat16, and
#     raise nothing; dequantize(torch.float32) is what widens.
#
# Prints versions and what was seen; exits with an error if the library behaves otherwise.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 torchao==0.18.0

cat > "$work/look.py" <<'PYTHON'
import os
from importlib.metadata import version

os.environ["TORCHAO_FORCE_SKIP_LOADING_SO_FILES"] = "1"  # none of them is needed here
import torch
from torchao.float8.inference import Float8MMConfig
from torchao.quantization import Float8Tensor, PerRow
from torchao.quantization.quantize_.workflows import QuantizeTensorToFloat8Kwargs

print(*(f"{name} {version(name)}" for name in ("torch", "torchao")))
weight = torch.ones(16, 16, dtype=torch.bfloat16)
rows = torch.stack([torch.zeros(16), torch.ones(16)]).bfloat16()


def product(**more):
    config = {"granularity": PerRow(), "mm_config": Float8MMConfig(), **more}
    given = QuantizeTensorToFloat8Kwargs(**config)
    narrow = Float8Tensor.from_hp(weight, act_quant_kwargs=given, **config)
    with torch.inference_mode():
        return narrow, torch.nn.functional.linear(rows, narrow)


narrow, plain = product()
_, bounded = product(hp_value_lb=1e-12)
print("a row of zeros:", plain[0, 0].item(), "- a row of ones:", plain[1, 0].item())
print("the same with hp_value_lb:", bounded[0, 0].item(), "-", bounded[1, 0].item())
print("float() says", narrow.float().dtype)
assert plain[0].isnan().all() and not plain[1].isnan().any(), "zeros are products now"
assert (bounded[0] == 0).all() and (bounded[1] == plain[1]).all()
assert narrow.float().dtype == narrow.to(torch.float32).dtype == torch.bfloat16, "it widens now"
assert narrow.dequantize(torch.float32).dtype == torch.float32
print("as described")
PYTHON
"$work/env/bin/python" -W ignore "$work/look.py"
