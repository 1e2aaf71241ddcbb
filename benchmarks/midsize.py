"""A model of middle size, random weights: a whole GIF beside plain diffusers, and peak memory.

Plain diffusers is its AnimateDiff pipeline for SDXL with the very same weights, text encoders, VAE
and sampler. The pictures are noise; what they cost is not.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AnimateDiffSDXLPipeline, AutoencoderKL, ControlNetModel, UNetMotionModel
from safetensors.torch import save_file
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

from generator.checkpoints import unet_conversion
from generator.contract.messages import Control, Request
from generator.inference.pipeline import HotshotPipeline
from generator.model.controlnet_loading import config_for
from generator.model.loading import HotshotModel, load_model
from generator.model.schedulers import make_scheduler
from generator.model.unet import HotshotUNet
from tools.nano import text, unet

UNET: dict[str, Any] = {
    "_class_name": unet_conversion.CLASS_NAME,
    "act_fn": "silu",
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 64,
    "attention_head_dim": [2, 4, 8],
    "block_out_channels": [128, 256, 512],
    "cross_attention_dim": 512,
    "down_block_types": ["DownBlock3D", "CrossAttnDownBlock3D", "CrossAttnDownBlock3D"],
    "in_channels": 4,
    "layers_per_block": 2,
    "mid_block_type": "UNetMidBlock3DCrossAttn",
    "norm_eps": 1e-5,
    "norm_num_groups": 32,
    "out_channels": 4,
    "projection_class_embeddings_input_dim": 6 * 64 + 256,
    "sample_size": 32,
    "transformer_layers_per_block": [1, 1, 2],
    "up_block_types": ["CrossAttnUpBlock3D", "CrossAttnUpBlock3D", "UpBlock3D"],
    "use_linear_projection": True,
}
REQUEST = Request(
    prompt="a red ball bouncing on a black background",
    seed=1,
    width=256,
    height=256,
    steps=4,
    guidance_scale=5.0,
    video_length=8,
)
_CONTROL = Control("canny")
PRECISIONS = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


def write(directory: Path) -> None:
    """Leaves a model directory in the published layout."""
    torch.manual_seed(0)
    text.save_tokenizers(directory, 0)
    network = HotshotUNet(UNET)
    _save(directory / "unet", network.published_state_dict(), network.published_config)
    ControlNetModel.from_config(config_for(UNET)).save_pretrained(
        directory / "controlnet" / _CONTROL.kind
    )
    _vae().save_pretrained(directory / "vae")
    vocabulary = len(text.load_tokenizers(directory)[0])
    CLIPTextModel(_text_config(vocabulary)).save_pretrained(directory / "text_encoder")
    CLIPTextModelWithProjection(_text_config(vocabulary)).save_pretrained(
        directory / "text_encoder_2"
    )
    _write_json(directory / "scheduler" / "scheduler_config.json", unet.SCHEDULER_CONFIG)


def make(directory: Path, precision: str = "f32", *, low_vram: bool = False) -> HotshotPipeline:
    """Ours."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = PRECISIONS[precision]
    model = load_model(str(directory), device=device, dtype=dtype, low_vram=low_vram)
    return HotshotPipeline(model)


def make_plain(model: HotshotModel) -> Any:
    """diffusers' pipeline with the same networks; its UNet has its own norms, of the same cost."""
    network = UNetMotionModel(**unet_conversion.arguments(UNET))
    network.load_state_dict(model.unet.state_dict())
    first, second = model.text.tokenizers
    directory = first.directory.parent
    plain = AnimateDiffSDXLPipeline(
        vae=model.vae,
        text_encoder=_plain_encoder(CLIPTextModel, directory / "text_encoder", model),
        text_encoder_2=_plain_encoder(
            CLIPTextModelWithProjection, directory / "text_encoder_2", model
        ),
        tokenizer=CLIPTokenizer.from_pretrained(first.directory),
        tokenizer_2=CLIPTokenizer.from_pretrained(second.directory),
        unet=network.eval().to(model.device, model.dtype),
        motion_adapter=None,
        scheduler=make_scheduler("euler_a", model.scheduler_config, REQUEST.steps),
    )
    plain.set_progress_bar_config(disable=True)
    return plain


def _plain_encoder(kind: Any, directory: Path, model: HotshotModel) -> Any:
    return kind.from_pretrained(directory).eval().to(model.device, model.dtype)


def generate(pipeline: HotshotPipeline) -> object:
    return pipeline(REQUEST, report=lambda *_: None)


def generate_controlled(pipeline: HotshotPipeline) -> object:
    """With a ControlNet, which is shown noise."""
    request = replace(REQUEST, controls=(_CONTROL,), control_source="noise")
    shape = (request.video_length, request.height, request.width, 3)
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return pipeline(request, report=lambda *_: None, condition_images=[noise])


def generate_plain(pipeline: Any) -> object:
    made: object = pipeline(
        prompt=REQUEST.prompt,
        num_frames=REQUEST.video_length,
        width=REQUEST.width,
        height=REQUEST.height,
        num_inference_steps=REQUEST.steps,
        guidance_scale=REQUEST.guidance_scale,
        generator=torch.Generator().manual_seed(REQUEST.seed),
        original_size=REQUEST.original_size,
        target_size=REQUEST.target_size,
        output_type="np",
    )
    return made


def peak(directory: Path, precision: str, *, low_vram: bool, controlled: bool) -> float:
    """MB that one GIF takes, in a process of its own: of the GPU where there is one."""
    command = [sys.executable, "-m", "benchmarks.midsize", str(directory), precision]
    command += ["low"] * low_vram + ["controlled"] * controlled
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - fixed
    return float(done.stdout)


def _peak_of_this_process() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage tells there may be the parent's
        line = next(line for line in status.read_text().splitlines() if "VmHWM" in line)
        return int(line.split()[1]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(64, 128, 128, 128),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=4,
        scaling_factor=0.13025,
    )


def _text_config(vocabulary: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=256,
        intermediate_size=512,
        projection_dim=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=1,
    )


def _save(directory: Path, tensors: dict[str, torch.Tensor], config: dict[str, Any]) -> None:
    _write_json(directory / "config.json", config)
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, directory / "diffusion_pytorch_model.safetensors")


def _write_json(path: Path, values: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


if __name__ == "__main__":
    made = make(Path(sys.argv[1]), sys.argv[2], low_vram="low" in sys.argv)
    (generate_controlled if "controlled" in sys.argv else generate)(made)
    print(_peak_of_this_process())
