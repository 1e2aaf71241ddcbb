"""Times one guided UNet step, and the VAE, of a model made by ``benchmarks.gpu.make_model``.

``python -m benchmarks.gpu.step MODEL [--variant NAME] …``. The variants are ways to run the same
weights: ``hotshot`` (as it is written), ``channels-last``, ``compiled`` (block by block), ``fused``
(the same step by ``generator.model.fused``), ``fused-kernels`` (as the worker does on a card), and
``plain``, diffusers' own class, whose norms differ. Each but the last can end in ``-graph``:
recorded once and replayed, on a card only. The order is theirs: ``fused`` moves weights.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNetMotionModel
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu.make_model import SIZES, drawn
from benchmarks.gpu.original import OriginalStep
from benchmarks.gpu.timing import forget_peak, median_ms, peak_gib, wait_for_device
from benchmarks.midsize import PRECISIONS, UNET
from generator.checkpoints import unet_conversion, weights
from generator.model.devices import FP8
from generator.model.fp8_products import multiply_in_fp8
from generator.model.fused.compilation import Kernels
from generator.model.fused.graphs import StepGraph
from generator.model.fused.network import Functions, FusedUNet
from generator.model.unet import HotshotUNet, TemporalTransformer

_GRAPH = "-graph"
_WAYS = ("hotshot", "channels-last", "compiled", "fused", "fused-kernels")
_PLAIN_WAYS = ("hotshot", "channels-last", "fused", "plain")
VARIANTS = (*_WAYS, *(f"{way}{_GRAPH}" for way in _WAYS), "plain")
_TIMESTEP = 500
_LATENT = 8  # pixels
_TOKENS = 77
_TOP_KERNELS = 40
_KINDS = {
    "attention": "flash|fmha|sdpa|attention",
    "layout": "nchwtonhwc|nhwctonchw|transpose",
    "convolution": "fprop|conv|implicit|xmma",
    "product": "gemm|nvjet|cutlass|splitk|_mm_",
    "fused reduction": "triton_(red|per)",
    "fused": "triton_",
    "norm": "norm",
    "elementwise": "elementwise|copy|cat",
}
_BLOCKS = (BasicTransformerBlock, ResnetBlock2D, TemporalTransformer)

Step = Callable[[], Tensor]


@dataclass(frozen=True, slots=True)
class StepPlan:
    """What to time. ``size`` is a frame's edge in pixels."""

    model: Path
    variant: str = "hotshot"
    precision: str = "f32"
    frames: int = 8
    size: int = 512
    repeats: int = 10

    @property
    def device(self) -> torch.device:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def dtype(self) -> torch.dtype:
        return torch.bfloat16 if self.is_fp8 else PRECISIONS[self.precision]

    @property
    def is_fp8(self) -> bool:
        return self.precision == FP8

    @property
    def config(self) -> Mapping[str, Any]:
        size = SIZES.get(str(self.model))
        return {**UNET, **size.unet} if size else read_unet_config(self.model)


def read_unet_config(model: Path) -> Mapping[str, Any]:
    return weights.read_config(model / "unet" / "config.json")


@torch.inference_mode()
def measure_step(plan: StepPlan, *, is_profiled: bool = False) -> dict[str, Any]:
    """The figures of one step: milliseconds, GiB at the most, TFLOP; see ``--profile``."""
    figures: dict[str, Any] = {
        "variant": plan.variant,
        "precision": plan.precision,
        "frames": plan.frames,
        "size": plan.size,
    }
    with _compiling_many():
        began = time.perf_counter()
        step = _step(plan)
        step()
        wait_for_device()
        figures["first_s"] = round(time.perf_counter() - began, 2)
        forget_peak()
        figures["step_ms"] = median_ms(step, repeats=plan.repeats, warm_up=2)
    figures["peak_gib"] = peak_gib()
    if is_profiled:
        # nothing is seen of what a compiler or a recording hides
        figures |= _flops(step) if plan.variant in _PLAIN_WAYS else {}
        figures |= _kernels(step) if torch.cuda.is_available() else {}
    return figures


@torch.inference_mode()
def difference_from_f32(plan: StepPlan) -> float:
    """How far a step's result is from that in float32, as a share of the latter's length."""
    exact = _exact(plan.model, plan.frames, plan.size)
    made = _step(plan)().float()
    return round(float((made - exact).norm() / exact.norm()), 6)


@lru_cache(maxsize=1)
def _exact(model: Path, frames: int, size: int) -> Tensor:
    return _step(StepPlan(model, "hotshot", "f32", frames, size))().float()


@torch.inference_mode()
def compare_with_original(plan: StepPlan) -> dict[str, Any]:
    """Whether a step as it is written has the original's bits, with biases that aren't zero."""
    network, (sample, text, added) = _hotshot(plan), _inputs(plan)
    drawn = torch.Generator(plan.device).manual_seed(2)
    for name, value in network.named_parameters():
        if name.endswith("bias"):
            noise = torch.randn(value.shape, generator=drawn, device=plan.device)
            value.data.copy_(noise / 8)
    ours = _network_step(plan, "hotshot")().float()
    theirs = OriginalStep(network)(sample, _TIMESTEP, text, added).float()
    return {
        "variant": "original",
        "precision": plan.precision,
        "frames": plan.frames,
        "is_equal": torch.equal(ours, theirs),
        "difference": float((ours - theirs).norm() / theirs.norm()),
    }


@torch.inference_mode()
def measure_decoding(plan: StepPlan) -> dict[str, float]:
    """Milliseconds for the VAE to decode the clip, frame by frame and at once, by precision."""
    folder = plan.model / "vae"
    vae = AutoencoderKL.from_config(dict(weights.read_config(folder / "config.json")))
    files = weights.find_weights(folder, "diffusion_pytorch_model")
    vae.load_state_dict(weights.read_weights(files))
    edge = plan.size // _LATENT
    latents = torch.randn(plan.frames, 4, edge, edge, device=plan.device) / 2
    figures = {}
    for name in ("f32", "bf16"):
        vae.to(plan.device, PRECISIONS[name])
        clip = latents.to(PRECISIONS[name])

        def decode(at_once: int, clip: Tensor = clip) -> None:
            for chunk in torch.split(clip, at_once):
                vae.decode(chunk, return_dict=False)

        for label, at_once in (("one_by_one", 1), ("at_once", plan.frames)):
            took = median_ms(lambda at_once=at_once: decode(at_once), repeats=3)  # type: ignore[misc]
            figures[f"decode_{label}_{name}_ms"] = took
    return figures


def _step(plan: StepPlan) -> Step:
    """A call that does one step of the plan's variant, always with the same input."""
    if plan.variant == "plain":
        return _plain_step(plan)
    way = plan.variant.removesuffix(_GRAPH)
    step = _fused_step(plan, way) if way.startswith("fused") else _network_step(plan, way)
    if way == plan.variant:
        return step
    timesteps = torch.tensor([_TIMESTEP] * 2, device=plan.device)
    graph = StepGraph.record(lambda inputs, _: step(*inputs), [timesteps], [])
    return lambda: graph([timesteps], graph.known)


def _network_step(plan: StepPlan, way: str) -> Callable[..., Tensor]:
    network = _hotshot(plan)
    sample, text, added = _inputs(plan)
    if way == "channels-last":
        network.to(memory_format=torch.channels_last)
    elif way == "compiled":
        _compile_blocks(network)

    def step(timestep: Tensor | float = _TIMESTEP) -> Tensor:
        result: Tensor = network(
            sample, timestep, text, added_cond_kwargs=added, return_dict=False
        )[0]
        return result

    return step


def _fused_step(plan: StepPlan, way: str) -> Callable[..., Tensor]:
    sample, text, added = _inputs(plan)
    functions = Functions() if way == "fused" else _compiled(plan)
    network = FusedUNet.of(_hotshot(plan), functions)
    told = network.tell(text, added)
    timesteps = torch.tensor([_TIMESTEP] * 2, device=plan.device)
    return lambda timestep=timesteps: network(sample, timestep, told)


def _compiled(plan: StepPlan) -> Functions:
    """The functions whose kernels are kept where the worker's are."""
    kernels = Kernels.of(plan.device)
    if kernels is None:
        raise OSError("no kernels can be kept")
    return kernels.functions


def _hotshot(plan: StepPlan) -> HotshotUNet:
    return _network(plan.model, plan.device, plan.dtype, plan.is_fp8)


@lru_cache(maxsize=2)
@torch.inference_mode(mode=False)  # or what is drawn couldn't be a weight
def _network(model: Path, device: torch.device, dtype: torch.dtype, is_fp8: bool) -> HotshotUNet:
    """The network of a model that was made, or one of a size, whose weights are drawn here."""
    size = SIZES.get(str(model))
    with torch.device("meta"):
        network = HotshotUNet({**UNET, **size.unet} if size else read_unet_config(model))
    network.eval()
    if size is not None:
        generator = torch.Generator(device).manual_seed(0)
        shapes = {name: value.shape for name, value in network.state_dict().items()}
        made = {name: drawn(name, shape, generator) for name, shape in shapes.items()}
    else:
        files = weights.find_weights(model / "unet", "diffusion_pytorch_model")
        made = unet_conversion.from_published(weights.read_weights(files))
    weights.assign(network, made, source=model, device=device, dtype=dtype)
    network.requires_grad_(requires_grad=False)
    if is_fp8:
        multiply_in_fp8(network, device, dtype)
    return network


def _plain_step(plan: StepPlan) -> Step:
    """diffusers' class, with weights of its own: they cost what others do."""
    with plan.device:  # where drawing so many weights takes no time
        network = UNetMotionModel(**unet_conversion.arguments(plan.config))
    network.to(plan.device, plan.dtype).eval()
    sample, text, added = _inputs(plan)
    each = text.repeat_interleave(plan.frames, dim=0)  # it is told frame by frame

    def step() -> Tensor:
        result: Tensor = network(
            sample, _TIMESTEP, each, added_cond_kwargs=added, return_dict=False
        )[0]
        return result

    return step


def _inputs(plan: StepPlan) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Two clips, since a step is guided: (2, 4, f, h, w), their text, and what is added to it."""
    config, edge = plan.config, plan.size // _LATENT
    pooled = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
    drawn = torch.Generator().manual_seed(1)
    placed: dict[str, Any] = {"device": plan.device, "dtype": plan.dtype}
    sample = torch.randn(2, 4, plan.frames, edge, edge, generator=drawn).to(**placed)
    text = torch.randn(2, _TOKENS, config["cross_attention_dim"], generator=drawn).to(**placed)
    added = {
        "text_embeds": torch.randn(2, pooled, generator=drawn).to(**placed),
        "time_ids": torch.tensor([[1920, 1080, 0, 0, plan.size, plan.size]] * 2).to(**placed),
    }
    return sample, text, added


def _compile_blocks(network: nn.Module) -> None:
    for block in network.modules():
        if isinstance(block, _BLOCKS):
            block.compile(dynamic=False)


@contextmanager
def _compiling_many() -> Iterator[None]:
    """With room for a compiled version of each of the network's blocks."""
    import torch._dynamo.config as limits

    before = limits.recompile_limit
    limits.recompile_limit = 128
    try:
        yield
    finally:
        limits.recompile_limit = before


def _flops(step: Step) -> dict[str, float]:
    with FlopCounterMode(display=False) as counter:
        step()
    return {"tflop": round(counter.get_total_flops() / 1e12, 3)}


def _kernels(step: Step) -> dict[str, Any]:
    """A card's kernels in a step, and what matrix products alone can reach on it."""
    square = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    took = median_ms(lambda: square @ square, repeats=10) / 1000
    with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as profiled:
        step()
        wait_for_device()
    kernels = [each for each in profiled.key_averages() if each.self_device_time_total > 0]
    kernels.sort(key=lambda each: -each.self_device_time_total)
    return {
        "matmul_tflops": round(2 * 8192**3 / took / 1e12),
        "kernels": sum(each.count for each in kernels),
        "busy_ms": round(sum(each.self_device_time_total for each in kernels) / 1000, 1),
        "kinds_ms": _by_kind(kernels),
        "top": [
            [each.key[:90], each.count, round(each.self_device_time_total / 1000, 2)]
            for each in kernels[:_TOP_KERNELS]
        ],
    }


def _by_kind(kernels: Sequence[Any]) -> dict[str, float]:
    """Milliseconds of each kind of kernel, told by names."""
    sums: Counter[str] = Counter()
    for each in kernels:
        named = (kind for kind, pattern in _KINDS.items() if re.search(pattern, each.key, re.I))
        sums[next(named, "other")] += each.self_device_time_total / 1000
    return {kind: round(took, 2) for kind, took in sums.most_common()}


def _figures(plan: StepPlan, chosen: argparse.Namespace) -> dict[str, Any]:
    try:
        figures = measure_step(plan, is_profiled=chosen.profile)
        if chosen.compare and plan.variant != "plain":  # whose weights are others
            figures["from_f32"] = difference_from_f32(plan)
    except Exception as error:  # noqa: BLE001 - the next variant may do
        said = "".join(traceback.format_exception(error))[-1500:]
        return {"variant": plan.variant, "frames": plan.frames, "error": said}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu.step", description=__doc__.partition("\n")[0]
    )
    default = "bf16" if torch.cuda.is_available() else "f32"
    parser.add_argument(
        "model", type=Path, metavar="MODEL", help="what make_model wrote, or full or mini alone"
    )
    parser.add_argument(
        "--variant", action="append", choices=VARIANTS, help="may be repeated (default: hotshot)"
    )
    parser.add_argument("--precision", choices=(*PRECISIONS, FP8), default=default)
    parser.add_argument("--frames", type=int, action="append", help="may be repeated (default: 8)")
    parser.add_argument("--size", type=int, default=512, help="a frame's edge in pixels")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--profile", action="store_true", help="TFLOP, and a card's kernels")
    parser.add_argument("--compare", action="store_true", help="how far it is from float32")
    parser.add_argument("--decode", action="store_true", help="time the VAE too")
    parser.add_argument("--original", action="store_true", help="only: has it the original's bits")
    chosen = parser.parse_args()
    wanted = itertools.product(chosen.frames or [8], chosen.variant or VARIANTS[:1])
    for frames, variant in wanted:
        plan = StepPlan(
            chosen.model, variant, chosen.precision, frames, chosen.size, chosen.repeats
        )
        figures = compare_with_original(plan) if chosen.original else _figures(plan, chosen)
        print(json.dumps(figures), flush=True)
    if chosen.decode:
        print(json.dumps({"variant": "decode"} | measure_decoding(plan)), flush=True)


if __name__ == "__main__":
    main()
