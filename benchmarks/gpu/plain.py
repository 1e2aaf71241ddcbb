"""Times whole GIFs of diffusers' AnimateDiffSDXLPipeline and Pillow: the yardstick of ``gif``.

``python -m benchmarks.gpu.plain MODEL``, with a model made by ``benchmarks.gpu.make_model``. The
weights are the model's own, and so are prompt, size, steps and sampler; its UNet has norms of its
own, of the same cost. The second GIF counts, as ``warm`` does there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from diffusers import AnimateDiffSDXLPipeline, AutoencoderKL, UNetMotionModel
from PIL import Image
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from benchmarks.gpu.gif import requests
from benchmarks.gpu.step import read_unet_config
from benchmarks.gpu.timing import forget_peak, peak_gib, wait_for_device
from generator.checkpoints import unet_conversion, weights
from generator.contract.messages import Request
from generator.model.schedulers import make_scheduler


def load_plain(model: Path, device: torch.device, dtype: torch.dtype) -> Any:
    """diffusers' pipeline with all of a model on a device."""
    with torch.device("meta"):
        network = UNetMotionModel(**unet_conversion.arguments(read_unet_config(model)))
    files = weights.find_weights(model / "unet", "diffusion_pytorch_model")
    made = unet_conversion.from_published(weights.read_weights(files))
    weights.assign(network, made, source=model, device=device, dtype=dtype)
    config = json.loads((model / "scheduler" / "scheduler_config.json").read_text("utf-8"))

    def part(kind: Any, name: str) -> Any:
        return kind.from_pretrained(model / name, dtype=dtype).eval().to(device)

    plain = AnimateDiffSDXLPipeline(
        vae=AutoencoderKL.from_pretrained(model / "vae", torch_dtype=dtype).eval().to(device),
        text_encoder=part(CLIPTextModel, "text_encoder"),
        text_encoder_2=part(CLIPTextModelWithProjection, "text_encoder_2"),
        tokenizer=CLIPTokenizer.from_pretrained(model / "tokenizer"),
        tokenizer_2=CLIPTokenizer.from_pretrained(model / "tokenizer_2"),
        unet=network.eval(),
        motion_adapter=None,
        scheduler=make_scheduler("euler_a", config, 1),
    )
    plain.set_progress_bar_config(disable=True)
    return plain


def make_gif(plain: Any, request: Request, output: Path) -> dict[str, Any]:
    """Make a GIF as diffusers' examples do; return what it took."""
    forget_peak()
    wait_for_device()
    began = time.perf_counter()
    frames: list[Image.Image] = plain(
        prompt=request.prompt,
        num_frames=request.video_length,
        width=request.width,
        height=request.height,
        num_inference_steps=request.steps,
        guidance_scale=request.guidance_scale,
        generator=torch.Generator(plain.unet.device).manual_seed(request.seed),
        original_size=request.original_size,
        target_size=request.target_size,
        output_type="pil",
    ).frames[0]
    made = time.perf_counter()
    delay = request.video_duration // request.video_length
    frames[0].save(output, save_all=True, append_images=frames[1:], duration=delay, loop=0)
    ended = time.perf_counter()
    return {
        "total_s": round(ended - began, 2),
        "stages_s": {"pictures": round(made - began, 3), "file": round(ended - made, 3)},
        "peak_gib": peak_gib(),
        "kib": output.stat().st_size // 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu.plain", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="what make_model wrote")
    parser.add_argument("--size", type=int, default=512, help="a frame's edge in pixels")
    parser.add_argument("--steps", type=int, default=30)
    chosen = parser.parse_args()
    is_cuda = torch.cuda.is_available()
    device = torch.device("cuda" if is_cuda else "cpu")
    plain = load_plain(chosen.model, device, torch.bfloat16 if is_cuda else torch.float32)
    request = requests(chosen.size, chosen.steps)["warm"]
    with tempfile.TemporaryDirectory() as directory, torch.inference_mode():
        for case in ("cold", "warm"):
            figures = make_gif(plain, request, Path(directory) / f"{case}.gif")
            print(json.dumps({"case": f"plain {case}"} | figures), flush=True)


if __name__ == "__main__":
    main()
