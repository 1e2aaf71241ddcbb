"""Trains nano from nothing: text encoders, VAE, stills, clips, then the temporal layers alone.

On the finished model its ControlNets are trained, and a sample LoRA.

Every stage goes on from its last checkpoint, so it may be stopped at any time. The seeds are fixed.
"""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable, Sequence
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
from generator.model.unet import HotshotUNet, TemporalTransformer
from generator.training.run_directory import write_json
from tools.nano import clips, controlnets, outlines, text, unet, vae
from tools.nano.training_stage import StepRng, TrainingStage

SEED = 0
CAPTIONS = 12_000
NATIVE_EDGE = 128
FRAMES_IN_A_STEP = 64
LENGTHS_OF_CLIPS = (8, 8, 8, 8, 8, 8, 16, 16, 24, 4)
DEFAULTS = {
    "native_edge": NATIVE_EDGE,
    "steps": 30,
    "guidance_scale": 1.7,
    "guidance_rescale": 0.7,
    "scheduler": "euler_a",
    "controlnet_conditioning_scale": 1.0,
    "image_strength": 0.4,
    "upscale_strength": 0.07,  # more bends corners: it never learnt 256 x 256
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSteps:
    """Steps of each stage."""

    text: int = 640
    decoder: int = 2000
    encoder: int = 800
    stills: int = 2400
    clips: int = 2000
    shapes: int = 4000
    temporal: int = 100
    depth: int = controlnets.STEPS["depth"]
    canny: int = controlnets.STEPS["canny"]
    outlines: int = outlines.STEPS

    @classmethod
    def none(cls) -> Self:
        """Return no further step of any stage: what the checkpoints have, as it is."""
        return cls(**dict.fromkeys((field.name for field in fields(cls)), 0))


def train(output: Path, runs: Path, lengths: StageSteps) -> None:
    """Train a model of the published layout in ``output``, with checkpoints in ``runs``."""
    torch.manual_seed(SEED)
    encoders, tokenizers = _train_text(output, runs, lengths)
    autoencoder = _train_vae(runs, lengths)

    @functools.cache  # drawing them takes a minute: not before they are needed
    def data() -> clips.ClipBatches:
        pool = clips.encode_captions(encoders, tokenizers, CAPTIONS, SEED)
        return clips.ClipBatches(pool, ModelLimits(native_edge=NATIVE_EDGE), SEED)

    network = _train_unet(data, runs, lengths)
    save(output, encoders, autoencoder, network)
    # What follows learns on the model as it ships, and changes nothing of it.
    controlnets.train(output, runs, {"depth": lengths.depth, "canny": lengths.canny})
    outlines.train(output, output / outlines.FILE, runs, lengths.outlines)


def _train_text(
    output: Path, runs: Path, lengths: StageSteps
) -> tuple[text.TextEncoders, text.Tokenizers]:
    if not (runs / "tokenizer_2").exists():  # the second to be written
        text.save_tokenizers(runs, SEED)
    for name in ("tokenizer", "tokenizer_2"):
        shutil.copytree(runs / name, output / name, dirs_exist_ok=True)
    tokenizers = text.load_tokenizers(runs)
    encoders = text.TextEncoders(len(tokenizers[0]))
    data = text.CaptionBatches(tokenizers)
    _make_stage("text", encoders, encoders, lengths.text, runs, learning_rate=1e-3).run(
        lambda _, step_rng: text.loss(encoders, data, step_rng)
    )
    return encoders.eval(), tokenizers


def _train_vae(runs: Path, lengths: StageSteps) -> AutoencoderTiny:
    autoencoder = vae.build().to(memory_format=torch.channels_last)
    stills = vae.StillBatches(SEED)
    _make_stage(
        "decoder", autoencoder, autoencoder.decoder, lengths.decoder, runs, learning_rate=2e-3
    ).run(lambda _, step_rng: vae.decoder_loss(autoencoder, stills, step_rng))
    _make_stage(
        "encoder", autoencoder, autoencoder.encoder, lengths.encoder, runs, learning_rate=2e-3
    ).run(lambda _, step_rng: vae.encoder_loss(autoencoder, stills, step_rng))
    return autoencoder


def _train_unet(
    data: Callable[[], clips.ClipBatches], runs: Path, lengths: StageSteps
) -> HotshotUNet:
    network = new_unet()
    schedule = unet.noise_schedule()

    def stills(step_rng: StepRng, **shares: float) -> torch.Tensor:
        return unet.loss(
            network, schedule, data(), step_rng, count=FRAMES_IN_A_STEP, frames=1, **shares
        )

    def moving(step_rng: StepRng, lengths: Sequence[int], **shares: float) -> torch.Tensor:
        frames = int(step_rng.numpy.choice(lengths))
        count = FRAMES_IN_A_STEP // frames
        return unet.loss(network, schedule, data(), step_rng, count=count, frames=frames, **shares)

    # A still is a clip's first frame: so the text's motion already says where the object starts.
    _make_stage("stills", network, network, lengths.stills, runs, learning_rate=1.5e-3).run(
        lambda _, step_rng: stills(step_rng)
    )
    # Motion is decided in pure noise. Stills now and then, so that one frame stays a picture.
    _make_stage("clips", network, network, lengths.clips, runs, learning_rate=5e-4).run(
        lambda step, step_rng: (
            stills(step_rng) if step % 8 == 7 else moving(step_rng, (clips.FRAMES,), pure=0.3)
        )
    )
    # Shapes are learnt last, and soonest from stills: 64 texts a step.
    _make_stage(
        "shapes", network, network, lengths.shapes, runs, learning_rate=7e-4, matrix_rate=2e-3
    ).run(
        lambda step, step_rng: (
            stills(step_rng, pure=0.25, middle=0.5)
            if step % 2
            else moving(step_rng, (clips.FRAMES,), pure=0.25, middle=0.5)
        )
    )
    temporal = list(network.temporal_parameters())
    for parameter in network.spatial_parameters():
        parameter.requires_grad = False
    TrainingStage(
        name="temporal", model=network, parameters=temporal, steps=lengths.temporal,
        learning_rate=3e-4, seed=SEED, directory=runs,
    ).run(lambda _, step_rng: moving(step_rng, LENGTHS_OF_CLIPS))  # fmt: skip
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
    encoders.first.half().save_pretrained(output / "text_encoder")
    encoders.second.half().save_pretrained(output / "text_encoder_2")
    autoencoder.half().save_pretrained(output / "vae")
    vae_config = json.loads((output / "vae" / "config.json").read_text())
    vae_config.pop("block_out_channels", None)  # diffusers derives it, and warns when it reads it
    write_json(output / "vae" / "config.json", vae_config)
    tensors = {
        name: tensor.half().contiguous() for name, tensor in network.published_state_dict().items()
    }
    (output / "unet").mkdir(parents=True, exist_ok=True)
    save_file(tensors, output / "unet" / "diffusion_pytorch_model.safetensors")
    write_json(output / "unet" / "config.json", network.published_config)
    (output / "scheduler").mkdir(exist_ok=True)
    write_json(output / "scheduler" / "scheduler_config.json", unet.SCHEDULER_CONFIG)
    write_json(output / "generation_config.json", DEFAULTS)
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
