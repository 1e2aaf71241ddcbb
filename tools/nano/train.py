"""Trains nano: text encoders, VAE, stills, then clips of all lengths and sizes.

It goes on from a version that is there, or begins with nothing. On the finished model its decoder
has a last lesson; then its ControlNets, a sample LoRA and a consistency LoRA are trained.

Every stage goes on from its last checkpoint, so it may be stopped at any time. The seeds are fixed.
"""

from __future__ import annotations

import copy
import functools
import shutil
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import torch
from diffusers import AutoencoderTiny
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import nn

from generator.contract.limits import ModelLimits
from generator.model.unet import HotshotUNet, TemporalTransformer
from tools.nano import (
    clips,
    consistency,
    controlnets,
    geometries,
    growth,
    leftovers,
    outlines,
    text,
    unet,
    vae,
)
from tools.nano.finished_model import load_finished
from tools.nano.geometries import Bucket
from tools.nano.machine import choose_training_device, make_executor
from tools.nano.parts import PartOverError
from tools.nano.published import NATIVE_EDGE, save, save_vae
from tools.nano.training_stage import TrainingStage, is_needed

SEED = 0
CAPTIONS = 24_000
TEXT_CAPTIONS = 60_000
VARIANTS = 12  # clips drawn of each shape and motion
LATENTS_IN_A_STEP = 128 * 16 * 16  # 128 frames of the native size
FIRST_RATES = {"learning_rate": 1e-3, "matrix_rate": 2e-3}
FURTHER_RATES = {"learning_rate": 4e-4, "matrix_rate": 1e-3}  # of weights that know much already


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSteps:
    """Steps of each stage, for a training that goes on from a version that is there."""

    text: int = 2000
    decoder: int = 0
    encoder: int = 0
    stills: int = 0
    clips: int = 4000
    leftovers: int = 3200
    depth: int = controlnets.FURTHER_STEPS["depth"]
    canny: int = controlnets.FURTHER_STEPS["canny"]
    outlines: int = outlines.STEPS
    consistency: int = consistency.STEPS

    @classmethod
    def from_nothing(cls) -> Self:
        """Return what a training needs that begins with nothing."""
        return cls(
            text=1500, decoder=2000, encoder=800, stills=1000, clips=7000, **controlnets.STEPS
        )

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
    """Return how often clips of each length and size are drawn, a few stills among them.

    Clips of the native size are learnt soonest, so more than half are of others.
    """
    edge = NATIVE_EDGE
    sizes = [(size.width, size.height) for size in ModelLimits(native_edge=edge).sizes]
    weights = {Bucket(8, width, height): 0.03 for width, height in sizes}
    wide, tall = sizes[-1], sizes[0]
    return weights | {
        Bucket(8, edge, edge): 0.27,
        Bucket(8, *wide): 0.05,
        Bucket(8, *tall): 0.05,
        Bucket(8, edge * 3 // 4, edge * 3 // 4): 0.03,
        Bucket(8, edge * 3 // 2, edge * 3 // 2): 0.05,
        Bucket(8, 2 * edge, 2 * edge): 0.10,
        Bucket(16, edge, edge): 0.12,
        Bucket(16, *wide): 0.02,
        Bucket(16, *tall): 0.02,
        Bucket(24, edge, edge): 0.10,
        Bucket(4, edge, edge): 0.02,
        Bucket(1, edge, edge): 0.06,
        Bucket(1, 2 * edge, 2 * edge): 0.02,
    }


def train(output: Path, runs: Path, lengths: StageSteps, base: Path | None = None) -> None:
    """Train a model of the published layout in ``output``, with checkpoints in ``runs``.

    It goes on from the model ``base``, if there is one. Raises PartOverError where it is to go on
    another time.
    """
    torch.manual_seed(SEED)
    kept = growth.keep_base(base, runs) if base else None
    with make_executor() as executor:
        try:
            train_model(output, runs, lengths, executor, kept)
            train_additions(output, runs, lengths, executor, kept)
        except PartOverError:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


def train_model(
    output: Path, runs: Path, lengths: StageSteps, executor: Executor, base: Path | None
) -> None:
    """Train the text encoders, the VAE and the UNet, and write the model."""
    device = choose_training_device()
    encoders, tokenizers = train_text(output, runs, lengths, base, device)
    autoencoder = train_vae(runs, lengths, base, device)

    @functools.cache  # not before they are needed
    def tables() -> clips.ClipTables:
        pool = clips.encode_captions(encoders, tokenizers, CAPTIONS, SEED, device)
        return clips.ClipTables(pool, SEED, device)

    network = growth.load_unet(base) if base else new_unet()
    network.to(device, memory_format=torch.channels_last)  # steps take 15 % less of a processor
    rates = FIRST_RATES if base is None else FURTHER_RATES
    # Shapes are learnt soonest from stills: 64 texts a step.
    for name, steps, weights in (
        ("stills", lengths.stills, buckets_of_stills()),
        ("clips", lengths.clips, buckets_of_clips()),
    ):
        stage = _make_stage(name, network, network, steps, runs, **rates)
        if stage.load_average() < steps:
            add_drawn(tables(), executor, weights, runs)
            stage.run_buckets(
                unet.ClipLoss(
                    network,
                    unet.noise_schedule(),
                    tables(),
                    weights,
                    LATENTS_IN_A_STEP,
                    pure=0.2,
                    middle=0.4,
                )
            )
    save(output, encoders, autoencoder, network)


def train_additions(
    output: Path, runs: Path, lengths: StageSteps, executor: Executor, base: Path | None
) -> None:
    """Train what learns on the model as it ships, and changes nothing of its UNet."""
    device = choose_training_device()
    finish_decoder(output, runs, lengths.leftovers, device)
    kinds = {"depth": lengths.depth, "canny": lengths.canny}
    sources = controlnets.Drawings.submit(executor, kinds, NATIVE_EDGE)
    controlnets.train(output, runs, kinds, sources, device=device, base=base)
    for taught, steps in ((outlines, lengths.outlines), (consistency, lengths.consistency)):
        drawn = taught.submit(executor, NATIVE_EDGE) if steps else []
        taught.train(output, output / taught.FILE, runs, steps, drawn=drawn, device=device)


def add_drawn(
    tables: clips.ClipTables, executor: Executor, buckets: Iterable[Bucket], runs: Path
) -> None:
    """Add the clips of buckets that aren't there yet, drawn once by a process for each core."""
    drawn = [
        geometries.submit(executor, bucket, VARIANTS, SEED, keep_in=runs / "drawn")
        for bucket in buckets
        if not tables.has(bucket)
    ]
    for each in drawn:
        tables.add(each.bucket, each.collect())


def train_text(
    output: Path, runs: Path, lengths: StageSteps, base: Path | None, device: torch.device
) -> tuple[text.TextEncoders, text.Tokenizers]:
    if not (runs / "tokenizer_2").exists():  # the second to be written
        text.save_tokenizers(runs, SEED, base)
    for name in ("tokenizer", "tokenizer_2"):
        shutil.copytree(runs / name, output / name, dirs_exist_ok=True)
    tokenizers = text.load_tokenizers(runs)
    vocabulary = tokenizers[0].get_vocab()
    grown = base and growth.load_encoders(base, vocabulary)
    encoders = (grown or text.TextEncoders(len(vocabulary))).to(device)
    rate = 1e-3 if base is None else 5e-4
    stage = _make_stage("text", encoders, encoders, lengths.text, runs, learning_rate=rate)
    at_first = copy.deepcopy(encoders)
    if stage.load_average() < lengths.text:
        pinned = base and growth.PinnedCaptions.of(at_first, tokenizers, base, SEED, device)
        data = text.CaptionBatches(tokenizers, TEXT_CAPTIONS, SEED, device)
        stage.run(growth.text_loss(encoders, data, pinned or None))
    return encoders.eval(), tokenizers


def train_vae(
    runs: Path, lengths: StageSteps, base: Path | None, device: torch.device
) -> AutoencoderTiny:
    autoencoder = growth.load_vae(base) if base else vae.build()
    autoencoder.to(device, memory_format=torch.channels_last)

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


def finish_decoder(output: Path, runs: Path, steps: int, device: torch.device) -> None:
    """Give the decoder of a finished model its last lesson."""
    if not is_needed(runs, "leftovers", steps):
        return
    autoencoder = growth.load_vae(output).to(device, memory_format=torch.channels_last)
    stage = _make_stage(
        "leftovers", autoencoder, autoencoder.decoder, steps, runs, learning_rate=1e-3
    )
    begun = stage.load_average()
    if begun < steps:
        made = leftovers.make(load_finished(output, device), runs, leftovers.CLIPS)
        stage.run(leftovers.LeftoverLoss(autoencoder, made, vae.StillBatches(SEED, device)))
    if begun or steps:
        save_vae(output, autoencoder)


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
