"""Writes nano in the published layout, and says what it is asked with by default."""

from __future__ import annotations

import json
from pathlib import Path

from diffusers import AutoencoderTiny
from safetensors.torch import save_file

from generator.contract.prompt_words import FILE
from generator.model.unet import HotshotUNet
from generator.training.run_directory import write_json
from tools.nano import prompt_words, text, unet

NATIVE_EDGE = 128
DEFAULTS = {
    "native_edge": NATIVE_EDGE,
    "steps": 7,
    "guidance_scale": 1.7,
    "guidance_rescale": 0.7,
    "scheduler": "unipc",
    "controlnet_conditioning_scale": 1.0,
    "image_strength": 0.55,  # four steps: three leave holes
    "upscale_strength": 0.07,  # more bends corners: it never learnt 256 x 256
    "upscale_steps": 30,  # of which two are made
    "upscale_scheduler": "unipc",
}
_MODEL_INDEX = {
    "_class_name": "HotshotXLPipeline",
    "force_zeros_for_empty_prompt": True,
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"],
    "unet": ["hotshot_xl.models.unet", "UNet3DConditionModel"],
    "vae": ["diffusers", "AutoencoderTiny"],
}


def save(
    output: Path, encoders: text.TextEncoders, autoencoder: AutoencoderTiny, network: HotshotUNet
) -> None:
    """Write the published layout, weights as float16 safetensors."""
    encoders.first.cpu().half().save_pretrained(output / "text_encoder")
    encoders.second.cpu().half().save_pretrained(output / "text_encoder_2")
    save_vae(output, autoencoder)
    tensors = {
        name: tensor.cpu().half().contiguous()
        for name, tensor in network.published_state_dict().items()
    }
    (output / "unet").mkdir(parents=True, exist_ok=True)
    save_file(tensors, output / "unet" / "diffusion_pytorch_model.safetensors")
    write_json(output / "unet" / "config.json", network.published_config)
    (output / "scheduler").mkdir(exist_ok=True)
    write_json(output / "scheduler" / "scheduler_config.json", unet.SCHEDULER_CONFIG)
    write_json(output / "generation_config.json", DEFAULTS)
    write_json(output / FILE, prompt_words.prompt_words())
    write_json(output / "model_index.json", _MODEL_INDEX)


def save_vae(output: Path, autoencoder: AutoencoderTiny) -> None:
    """Write a VAE alone; it is float16 afterwards."""
    autoencoder.cpu().half().save_pretrained(output / "vae")
    vae_config = json.loads((output / "vae" / "config.json").read_text())
    vae_config.pop("_name_or_path", None)  # where it was loaded from
    vae_config.pop("block_out_channels", None)  # diffusers derives it, and warns when it reads it
    write_json(output / "vae" / "config.json", vae_config)
