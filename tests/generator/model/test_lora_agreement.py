"""One check for all ways: what the header's check accepts the loader puts on, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from generator.__main__ import main
from generator.checkpoints.inspect.architecture import layers_of
from generator.checkpoints.inspect.lora_file import read_lora
from generator.contract.errors import ModelError
from generator.contract.messages import Lora
from generator.model.loading import HotshotModel
from tests.generator.small_model import small_model

LAYERS = (
    ("unet", "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"),
    ("unet", "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"),
    ("unet", "mid_block.resnets.0.conv1"),
    ("unet", "up_blocks.0.resnets.0.conv_shortcut"),
    ("unet", "conv_in"),
    ("unet", "mid_block.attentions.0.norm"),
    ("text_encoder", "text_model.encoder.layers.0.mlp.fc1"),
    ("text_encoder_2", "text_model.encoder.layers.1.self_attn.q_proj"),
    ("text_encoder_2", "text_projection"),
    ("text_encoder", "text_model.embeddings.token_embedding"),
    ("unet", "no.such.layer"),
)
FLAT = {"unet": "lora_unet", "text_encoder": "lora_te1", "text_encoder_2": "lora_te2"}
COMFY = {
    "unet": "diffusion_model",
    "text_encoder": "text_encoders.clip_l.transformer",
    "text_encoder_2": "text_encoders.clip_g.transformer",
}
DTYPES = (
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
    *(torch.float16, torch.float8_e4m3fn, torch.float8_e5m2, torch.int8),
)
Shape = tuple[int, ...]


@dataclass(frozen=True, repr=False)  # a failure would print the whole network
class Model:
    """A loaded model and what its configs alone say of its layers."""

    model: HotshotModel

    def weight(self, network: str, layer: str) -> Shape:
        first, second = self.model.text.encoders
        modules: dict[str, nn.Module] = {
            "unet": self.model.unet,
            "text_encoder": first,
            "text_encoder_2": second,
        }
        if network == "text_encoder":
            layer = layer.removeprefix("text_model.")
        try:
            return tuple(modules[network].get_parameter(f"{layer}.weight").shape)
        except AttributeError:
            return (8, 8)


def ways(weight: Shape, rank: int) -> Iterator[dict[str, Shape]]:
    """Every way of writing a change of ``weight`` down, by role and shape."""
    out, inner, *kernel = (*weight, 1)[:2] if len(weight) == 1 else weight
    wide = inner
    for edge in kernel:
        wide *= edge
    ones = [1] * len(kernel)
    yield {"lora_down.weight": (rank, inner, *kernel), "lora_up.weight": (out, rank, *ones)}
    yield {"lora_A.weight": (rank, inner, *kernel), "lora_B.weight": (out, rank, *ones)}
    yield {"lora.down.weight": (rank, inner, *kernel), "lora.up.weight": (out, rank, *ones)}
    yield {
        "hada_w1_a": (out, rank),
        "hada_w1_b": (rank, wide),
        "hada_w2_a": (out, rank),
        "hada_w2_b": (rank, wide),
    }
    yield {"lokr_w1": (1, 1), "lokr_w2": weight}
    if out % 2 == 0 and inner % 2 == 0:
        yield {
            "lokr_w1_a": (2, rank),
            "lokr_w1_b": (rank, 2),
            "lokr_w2_a": (out // 2, rank),
            "lokr_w2_b": (rank, wide // 2),
        }
    if kernel:
        core = (rank, rank, *kernel)
        yield {
            "lora_down.weight": (rank, inner, 1, 1),
            "lora_up.weight": (out, rank, 1, 1),
            "lora_mid.weight": core,
        }
        yield {
            "hada_w1_a": (rank, out),
            "hada_w1_b": (rank, inner),
            "hada_w2_a": (rank, out),
            "hada_w2_b": (rank, inner),
            "hada_t1": core,
            "hada_t2": core,
        }
        yield {
            "lokr_w1": (1, 1),
            "lokr_w2_a": (rank, out),
            "lokr_w2_b": (rank, inner),
            "lokr_t2": core,
        }
    yield {"diff": weight}
    yield {"diff_b": weight[:1]}
    yield {"w_norm": weight, "b_norm": weight[:1]}


def mostly() -> st.SearchStrategy[bool]:
    """True, nine times out of ten: a file with a fault in each place tells nothing of any."""
    return st.integers(0, 9).map(bool)


@st.composite
def files(draw: st.DrawFn, model: Model) -> tuple[dict[str, Tensor], dict[str, str]]:
    """A LoRA's tensors and metadata: mostly right, with faults of every kind now and then."""
    tensors: dict[str, Tensor] = {}
    dtype = draw(st.sampled_from(DTYPES))
    chosen = st.lists(st.sampled_from(LAYERS), min_size=1, max_size=3, unique=draw(mostly()))
    for network, layer in draw(chosen):
        weight = model.weight(network, layer)
        shapes = draw(st.sampled_from([*ways(weight, draw(st.sampled_from((1, 2, 3))))]))
        beside = {
            "alpha": st.sampled_from([(), (1,), (2,)]),
            "dora_scale": st.sampled_from([(weight[0], 1), (1, weight[-1]), (weight[0],), (3,)]),
            "lora_magnitude_vector": st.sampled_from([weight[:1], (5,)]),
            "diff_b": st.just(weight[:1]),
            "lora_B.bias": st.just(weight[:1]),
            "lokr_t1": st.just((1, 1)),
            "odd": st.just((1,)),
            "oft_blocks": st.just((1, 2, 2)),
        }
        for name in (
            () if draw(mostly()) else draw(st.lists(st.sampled_from([*beside]), max_size=2))
        ):
            shapes = shapes | {name: draw(beside[name])}
        shapes = shapes if draw(mostly()) else draw(faulty(shapes))
        prefix = draw(
            st.sampled_from(
                [
                    f"{FLAT[network]}_{layer.replace('.', '_')}",
                    f"{network}.{layer}",
                    f"{COMFY[network]}.{layer}",
                    *([f"base_model.model.{layer}"] if network == "unet" else []),
                ]
            )
        )
        for role, shape in shapes.items():
            kind = torch.float32 if role == "alpha" else dtype
            tensors[f"{prefix}.{role}"] = (torch.rand(shape) + 0.5).to(kind)
    if draw(st.booleans()):
        tensors["bundle_emb.word.clip_l"] = torch.ones(2, 32)
    if tensors and not draw(mostly()) and dtype.is_floating_point:
        name = draw(st.sampled_from([*tensors]))
        spoilt = tensors[name].float().flatten()
        if spoilt.numel():
            spoilt[-1] = torch.nan
            tensors[name] = spoilt.reshape(tensors[name].shape).to(tensors[name].dtype)
    adapter = draw(st.sampled_from([*['{"unet.lora_alpha": 3, "unet.r": 2}', "{}", ""] * 4, "["]))
    return tensors, {"lora_adapter_metadata": adapter} if adapter else {}


@st.composite
def faulty(draw: st.DrawFn, shapes: dict[str, Shape]) -> dict[str, Shape]:
    """With one shape taken away, or changed."""
    fault = draw(st.sampled_from(["missing", "longer", "flat", "empty"]))
    role = draw(st.sampled_from([*shapes]))
    shape = shapes[role]
    if fault == "missing":
        return {name: value for name, value in shapes.items() if name != role}
    changed = {
        "longer": (*shape[:-1], shape[-1] + 1) if shape else (2,),
        "flat": shape[:1],
        "empty": (0, *shape[1:]),
    }
    return shapes | {role: changed[fault]}


def refused_by_header(path: Path) -> bool:
    try:
        return layers_of(str(small_model())).misfit(read_lora(path)) is not None
    except ModelError:
        return True


def refused_by_loader(model: HotshotModel, path: Path) -> bool:
    try:
        model.loras.apply([Lora(str(path))])
    except ModelError:
        return True
    return False


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_loader_does_what_the_check_says(
    small: HotshotModel, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    tensors, metadata = data.draw(files(Model(small)))
    path = tmp_path_factory.mktemp("lora") / "one.safetensors"
    save_file(tensors, path, metadata)
    small.loras.remove()
    try:
        assert refused_by_loader(small, path) == refused_by_header(path)
    finally:
        small.loras.remove()
        small.loras.clear_cache()


@pytest.mark.parametrize("is_right", [True, False])
def test_inspect_says_so_too(
    small: HotshotModel, tmp_path: Path, capsys: pytest.CaptureFixture[str], is_right: bool
) -> None:
    name, wide = "lora_unet_conv_in", 4 if is_right else 5
    out = Model(small).weight("unet", "conv_in")[0]
    path = tmp_path / "one.safetensors"
    down, up = torch.ones(2, wide, 3, 3), torch.ones(out, 2, 1, 1)
    save_file({f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}, path)
    assert main(["inspect", str(path), "--json", "--pretrained-path", str(small_model())]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert bool(facts["fits"]) == is_right
    assert ("misfit" in facts) != is_right
    assert refused_by_loader(small, path) != is_right
    small.loras.remove()
