"""Trains nano from nothing: text encoders, VAE, stills, then clips of all lengths and sizes.

On the finished model its ControlNets are trained, and a sample LoRA.

Every stage goes on from its last checkpoint, so it may be stopped at any time. The seeds are fixed.
"""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import torch
from diffusers import AutoencoderTiny
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from safetensors.torch import save_file
from torch import nn

from generator.contract.limits import ModelLimits
from generator.contract.prompt_words import FILE
from generator.model.unet import HotshotUNet, TemporalTransformer
from generator.training.run_directory import write_json
from tools.nano import (
    clips,
    controlnets,
    geometries,
    outlines,
    prompt_words,
    text,
    unet,
    vae,
)
from tools.nano.geometries import Bucket
from tools.nano.machine import choose_training_device, make_executor
from tools.nano.training_stage import TrainingStage

SEED = 0
CAPTIONS = 24_000
TEXT_CAPTIONS = 60_000
NATIVE_EDGE = 128
VARIANTS = 12  # clips drawn of each shape and motion
LATENTS_IN_A_STEP = 128 * 16 * 16  # 128 frames of the native size
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSteps:
    """Steps of each stage."""

    text: int = 1500
    decoder: int = 2000
    encoder: int = 800
    stills: int = 1000
    clips: int = 7000
    depth: int = controlnets.STEPS["depth"]
    canny: int = controlnets.STEPS["canny"]
    outlines: int = outlines.STEPS

    @classmethod
    def none(cls) -> Self:
        """Return no further step of any stage: what the checkpoints have, as it is."""
        return cls(**dict.fromkeys((field.name for field in fields(cls)), 0))


def buckets_of_stills() -> dict[Bucket, float]:
    """Return how often stills of each size are drawn."""
    edge = NATIVE_EDGE
    return {
        Bucket(1, edge, edge): 0.6,
        Bucket(1, edge * 3 // 4, edge * 3 // 4): 0.1,
        Bucket(1, 2 * edge, 2 * edge): 0.1,
        Bucket(1, edge * 3 // 2, edge * 5 // 8): 0.1,
        Bucket(1, edge * 5 // 8, edge * 3 // 2): 0.1,
    }


def buckets_of_clips() -> dict[Bucket, float]:
    """Return how often clips of each length and size are drawn, a few stills among them."""
    edge = NATIVE_EDGE
    sizes = [(size.width, size.height) for size in ModelLimits(native_edge=edge).sizes]
    weights = {Bucket(8, width, height): 0.025 for width, height in sizes}
    wide, tall = sizes[-1], sizes[0]
    return weights | {
        Bucket(8, edge, edge): 0.36,
        Bucket(8, edge * 3 // 4, edge * 3 // 4): 0.03,
        Bucket(8, edge * 3 // 2, edge * 3 // 2): 0.04,
        Bucket(8, 2 * edge, 2 * edge): 0.05,
        Bucket(16, edge, edge): 0.10,
        Bucket(16, *wide): 0.015,
        Bucket(16, *tall): 0.015,
        Bucket(24, edge, edge): 0.08,
        Bucket(4, edge, edge): 0.02,
        Bucket(1, edge, edge): 0.1,
        Bucket(1, 2 * edge, 2 * edge): 0.02,
    }


def train(output: Path, runs: Path, lengths: StageSteps) -> None:
    """Train a model of the published layout in ``output``, with checkpoints in ``runs``."""
    torch.manual_seed(SEED)
    device = choose_training_device()
    with make_executor() as executor:
        drawings = Drawings(executor, lengths)
        encoders, tokenizers = train_text(output, runs, lengths, device)
        autoencoder = train_vae(runs, lengths, device)

        @functools.cache  # not before they are needed
        def tables() -> clips.ClipTables:
            pool = clips.encode_captions(encoders, tokenizers, CAPTIONS, SEED, device)
            return clips.ClipTables(pool, SEED, device)

        network = train_unet(tables, drawings, runs, lengths, device)
        save(output, encoders, autoencoder, network)
        # What follows learns on the model as it ships, and changes nothing of it.
        kinds = {"depth": lengths.depth, "canny": lengths.canny}
        controlnets.train(output, runs, kinds, drawings.controls, device)
        hollow = drawings.outlines
        lora = output / outlines.FILE
        outlines.train(output, lora, runs, lengths.outlines, drawn=hollow, device=device)


class Drawings:
    """Has clips drawn by a process for each core, while the first stages train."""

    def __init__(self, executor: Executor, lengths: StageSteps) -> None:
        every = buckets_of_stills() | buckets_of_clips()
        wanted = list(every) if lengths.stills or lengths.clips else []
        self._clips = [geometries.submit(executor, bucket, VARIANTS, SEED) for bucket in wanted]
        kinds = {"depth": lengths.depth, "canny": lengths.canny}
        self.controls = controlnets.Drawings.submit(executor, kinds, NATIVE_EDGE)
        self.outlines = outlines.submit(executor, NATIVE_EDGE) if lengths.outlines else []

    def add_to(self, tables: clips.ClipTables, buckets: Iterable[Bucket]) -> None:
        """Add what is drawn of these buckets, and isn't there yet."""
        for drawn in self._clips:
            if drawn.bucket in buckets and not tables.has(drawn.bucket):
                tables.add(drawn.bucket, drawn.collect())


def train_text(
    output: Path, runs: Path, lengths: StageSteps, device: torch.device
) -> tuple[text.TextEncoders, text.Tokenizers]:
    if not (runs / "tokenizer_2").exists():  # the second to be written
        text.save_tokenizers(runs, SEED)
    for name in ("tokenizer", "tokenizer_2"):
        shutil.copytree(runs / name, output / name, dirs_exist_ok=True)
    tokenizers = text.load_tokenizers(runs)
    encoders = text.TextEncoders(len(tokenizers[0])).to(device)
    stage = _make_stage("text", encoders, encoders, lengths.text, runs, learning_rate=1e-3)
    if stage.load_average() < lengths.text:
        data = text.CaptionBatches(tokenizers, TEXT_CAPTIONS, SEED, device)
        stage.run(lambda _, step_rng: text.loss(encoders, data, step_rng))
    return encoders.eval(), tokenizers


def train_vae(runs: Path, lengths: StageSteps, device: torch.device) -> AutoencoderTiny:
    autoencoder = vae.build().to(device, memory_format=torch.channels_last)

    @functools.cache
    def stills() -> vae.StillBatches:
        return vae.StillBatches(SEED, device)

    _make_stage(
        "decoder", autoencoder, autoencoder.decoder, lengths.decoder, runs, learning_rate=2e-3
    ).run(lambda _, step_rng: vae.decoder_loss(autoencoder, stills(), step_rng))
    _make_stage(
        "encoder", autoencoder, autoencoder.encoder, lengths.encoder, runs, learning_rate=2e-3
    ).run(lambda _, step_rng: vae.encoder_loss(autoencoder, stills(), step_rng))
    return autoencoder


def train_unet(
    tables: Callable[[], clips.ClipTables],
    drawings: Drawings,
    runs: Path,
    lengths: StageSteps,
    device: torch.device,
) -> HotshotUNet:
    network: HotshotUNet = new_unet().to(device)
    schedule = unet.noise_schedule()
    # Shapes are learnt soonest from stills: 64 texts a step.
    for name, steps, weights in (
        ("stills", lengths.stills, buckets_of_stills()),
        ("clips", lengths.clips, buckets_of_clips()),
    ):
        stage = _make_stage(
            name, network, network, steps, runs, learning_rate=1e-3, matrix_rate=2e-3
        )
        if stage.load_average() < steps:
            drawings.add_to(tables(), weights)
            stage.run_buckets(
                unet.ClipLoss(
                    network, schedule, tables(), weights, LATENTS_IN_A_STEP, pure=0.2, middle=0.4
                )
            )
    return network


def new_unet() -> HotshotUNet:
    """Make an untrained UNet; every block starts as the identity, which trains faster."""
    network = HotshotUNet(unet.config())
    for module in network.modules():
        if isinstance(module, ResnetBlock2D):
            nn.init.zeros_(module.conv2.weight)
        if isinstance(module, Transformer2DModel):
            nn.init.zeros_(module.proj_out.weight)
        if isinstance(module, TemporalTransformer):
            _init_frames_apart(module)
    nn.init.zeros_(network.conv_out.weight)
    return network


def _init_frames_apart(temporal: TemporalTransformer) -> None:
    """Let each frame start by passing on its own position.

    From the usual start every frame sees the same mixture of all; and since neither the position
    alone nor the text alone says where the object is, nothing pulls them apart for very long.
    """
    for block in temporal.transformer_blocks:
        attention = block.attn1
        for projection in (attention.to_q, attention.to_k, attention.to_v, attention.to_out[0]):
            nn.init.eye_(projection.weight)
        nn.init.zeros_(attention.to_out[0].bias)
        for projection in (attention.to_q, attention.to_k):
            projection.weight.data *= 1.5
    temporal.proj_in.weight.data *= 0.3
    nn.init.eye_(temporal.proj_out.weight)
    temporal.proj_out.weight.data *= 0.3


def save(
    output: Path, encoders: text.TextEncoders, autoencoder: AutoencoderTiny, network: HotshotUNet
) -> None:
    """Write the published layout, weights as float16 safetensors."""
    encoders.first.cpu().half().save_pretrained(output / "text_encoder")
    encoders.second.cpu().half().save_pretrained(output / "text_encoder_2")
    autoencoder.cpu().half().save_pretrained(output / "vae")
    vae_config = json.loads((output / "vae" / "config.json").read_text())
    vae_config.pop("block_out_channels", None)  # diffusers derives it, and warns when it reads it
    write_json(output / "vae" / "config.json", vae_config)
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


def _make_stage(
    name: str,
    model: nn.Module,
    part: nn.Module,
    steps: int,
    runs: Path,
    *,
    learning_rate: float,
    matrix_rate: float = 0.0,
) -> TrainingStage:
    return TrainingStage(
        name=name, model=model, parameters=list(part.parameters()), steps=steps,
        learning_rate=learning_rate, matrix_rate=matrix_rate, seed=SEED, directory=runs,
    )  # fmt: skip
