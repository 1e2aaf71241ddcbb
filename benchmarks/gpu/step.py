"""Times one guided UNet step, and the VAE, of a model made by ``benchmarks.gpu.make_model``.

``python -m benchmarks.gpu.step MODEL [--variant NAME] …``. The variants are ways to run the same
weights: ``hotshot`` (as the worker does), ``channels-last``, ``compiled`` (block by block),
``cuda-graph`` (a card only), and ``plain``, diffusers' own class, whose norms differ.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNetMotionModel
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu.timing import forget_peak, median_ms, peak_gib, wait_for_device
from benchmarks.midsize import PRECISIONS
from generator.checkpoints import unet_conversion, weights
from generator.model.unet import HotshotUNet, TemporalTransformer

VARIANTS = ("hotshot", "channels-last", "compiled", "cuda-graph", "plain")
_TIMESTEP = 500
_LATENT = 8  # pixels
_TOKENS = 77
_TOP_KERNELS = 14
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
        return PRECISIONS[self.precision]

    @property
    def config(self) -> Mapping[str, Any]:
        return weights.read_config(self.model / "unet" / "config.json")


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
        step = _step(plan)
        began = time.perf_counter()
        step()
        wait_for_device()
        figures["first_s"] = round(time.perf_counter() - began, 2)
        forget_peak()
        figures["step_ms"] = median_ms(step, repeats=plan.repeats, warm_up=2)
    figures["peak_gib"] = peak_gib()
    if is_profiled:
        figures |= _profile(step)
    return figures


@torch.inference_mode()
def difference_from_f32(plan: StepPlan) -> float:
    """How far a step's result is from that in float32, as a share of the latter's length."""
    exact = _step(StepPlan(plan.model, "hotshot", "f32", plan.frames, plan.size))().float()
    made = _step(plan)().float()
    return round(float((made - exact).norm() / exact.norm()), 6)


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
    network = _hotshot(plan)
    sample, text, added = _inputs(plan)
    if plan.variant == "channels-last":
        network.to(memory_format=torch.channels_last)
    elif plan.variant == "compiled":
        _compile_blocks(network)

    def step(timestep: Tensor | float = _TIMESTEP) -> Tensor:
        result: Tensor = network(
            sample, timestep, text, added_cond_kwargs=added, return_dict=False
        )[0]
        return result

    return _graph_of(step, plan.device) if plan.variant == "cuda-graph" else step


def _hotshot(plan: StepPlan) -> HotshotUNet:
    with torch.device("meta"):
        network = HotshotUNet(plan.config)
    folder = plan.model / "unet"
    files = weights.find_weights(folder, "diffusion_pytorch_model")
    tensors = unet_conversion.from_published(weights.read_weights(files))
    weights.assign(network, tensors, source=folder, device=plan.device, dtype=plan.dtype)
    network.eval().requires_grad_(requires_grad=False)
    return network


def _plain_step(plan: StepPlan) -> Step:
    """diffusers' class, with weights of its own: they cost what others do."""
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


def _graph_of(step: Callable[[Tensor], Tensor], device: torch.device) -> Step:
    """The step's kernels, recorded once and replayed as one."""
    timesteps = torch.tensor([_TIMESTEP] * 2, device=device)
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step(timesteps)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = step(timesteps)

    def replay() -> Tensor:
        graph.replay()
        return result

    return replay


def _profile(step: Step) -> dict[str, Any]:
    """TFLOP of a step; on a card also its kernels, and what matrix products alone can reach."""
    with FlopCounterMode(display=False) as counter:
        step()
    figures: dict[str, Any] = {"tflop": round(counter.get_total_flops() / 1e12, 3)}
    if not torch.cuda.is_available():
        return figures
    square = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    took = median_ms(lambda: square @ square, repeats=10) / 1000
    with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as profiled:
        step()
        wait_for_device()
    kernels = [each for each in profiled.key_averages() if each.self_device_time_total > 0]
    kernels.sort(key=lambda each: -each.self_device_time_total)
    return figures | {
        "matmul_tflops": round(2 * 8192**3 / took / 1e12),
        "kernels": sum(each.count for each in kernels),
        "busy_ms": round(sum(each.self_device_time_total for each in kernels) / 1000, 1),
        "top": [
            [each.key[:80], each.count, round(each.self_device_time_total / 1000, 2)]
            for each in kernels[:_TOP_KERNELS]
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu.step", description=__doc__.partition("\n")[0]
    )
    default = "bf16" if torch.cuda.is_available() else "f32"
    parser.add_argument("model", type=Path, metavar="MODEL", help="what make_model wrote")
    parser.add_argument("--variant", choices=VARIANTS, default=VARIANTS[0])
    parser.add_argument("--precision", choices=tuple(PRECISIONS), default=default)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--size", type=int, default=512, help="a frame's edge in pixels")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--profile", action="store_true", help="TFLOP, and a card's kernels")
    parser.add_argument("--compare", action="store_true", help="how far it is from float32")
    parser.add_argument("--decode", action="store_true", help="time the VAE too")
    chosen = parser.parse_args()
    if chosen.variant == "cuda-graph" and not torch.cuda.is_available():
        parser.error("cuda-graph needs a card with CUDA")
    plan = StepPlan(
        chosen.model,
        chosen.variant,
        chosen.precision,
        chosen.frames,
        chosen.size,
        chosen.repeats,
    )
    figures = measure_step(plan, is_profiled=chosen.profile)
    if chosen.compare:
        figures["from_f32"] = difference_from_f32(plan)
    if chosen.decode:
        figures |= measure_decoding(plan)
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
