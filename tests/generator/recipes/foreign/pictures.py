"""Pictures as Automatic1111 and ComfyUI leave them behind, written here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

PROMPT = "a red ball (bouncing:1.2), on beige\nbest quality, <lora:pixels:0.8>"
NEGATIVE = "blurry, text\nwatermark"
PARAMETERS = (
    f"{PROMPT}\nNegative prompt: {NEGATIVE}\n"
    "Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 1234567890, "
    'Size: 832x1216, Model hash: 31e35c80fc, Model: "sd_xl, base", VAE: a.safetensors, '
    'Lora hashes: "pixels: aabbccdd, other: 11223344", Version: v1.10.1'
)
USER_COMMENT = 0x9286


def png(path: Path, **texts: str | tuple[str, str]) -> Path:
    """With these texts; a pair is (how, text): tEXt, zTXt or iTXt."""
    info = PngInfo()
    for name, given in texts.items():
        how, text = given if isinstance(given, tuple) else ("tEXt", given)
        if how == "iTXt":
            info.add_itxt(name, text, zip=True)
        else:
            info.add_text(name, text, zip=how == "zTXt")
    Image.new("RGB", (32, 32)).save(path, pnginfo=info)
    return path


def with_exif(path: Path, *, comment: bytes = b"", tags: dict[int, str] | None = None) -> Path:
    """A JPEG or WebP, by its name."""
    exif = Image.Exif()
    for tag, text in (tags or {}).items():
        exif[tag] = text
    if comment:
        exif.get_ifd(0x8769)[USER_COMMENT] = comment
    Image.new("RGB", (32, 32)).save(path, exif=exif)
    return path


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def simple_graph(**changes: Any) -> dict[str, Any]:
    """ComfyUI's first example, as its server runs it."""
    sampler = {
        "seed": 156680208700286,
        "steps": 20,
        "cfg": 8,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1,
        "model": ["4", 0],
        "positive": ["6", 0],
        "negative": ["7", 0],
        "latent_image": ["5", 0],
    }
    return {
        "3": node("KSampler", **(sampler | changes)),
        "4": node("CheckpointLoaderSimple", ckpt_name="sd_xl_base_1.0.safetensors"),
        "5": node("EmptyLatentImage", width=512, height=768, batch_size=1),
        "6": node("CLIPTextEncode", text="a red ball", clip=["4", 1]),
        "7": node("CLIPTextEncode", text="text, watermark", clip=["4", 1]),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", filename_prefix="ComfyUI", images=["8", 0]),
    }


def dumped(graph: object) -> str:
    return json.dumps(graph)
