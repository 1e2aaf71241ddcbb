"""Writes what fine-tuning leaves: a file of the temporal layers, and a whole model directory.

Both have the names of the published layout. The directory is the model that was trained from, file
by file, with the new temporal layers in its UNet.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from generator.checkpoints import unet_conversion, weights
from generator.checkpoints.file_selection import DIFFUSERS_STEM, FOLDERS
from generator.checkpoints.inspect.temporal_names import is_temporal
from generator.contract import prompt_words
from generator.contract.errors import ModelError, TrainingError
from generator.model.unet import HotshotUNet
from generator.training.run_directory import write_directory, write_json

TEMPORAL = "temporal_layers.safetensors"
_FINGERPRINT = "spatial_fingerprint"
_ROOT_FILES = ("model_index.json", "generation_config.json", prompt_words.FILE)


def temporal_layers(unet: HotshotUNet) -> dict[str, Tensor]:
    """Return all temporal tensors under their published names, on the CPU."""
    return {
        name: value.detach().cpu().contiguous()
        for name, value in unet.published_state_dict().items()
        if is_temporal(name)
    }


def save_temporal_layers(unet: HotshotUNet, path: Path, *, fingerprint: str) -> None:
    """Write the temporal layers; ``fingerprint`` is that of the UNet they were trained in."""
    save_file(temporal_layers(unet), path, metadata={"format": "pt", _FINGERPRINT: fingerprint})


def load_temporal_layers(unet: HotshotUNet, directory: Path, *, fingerprint: str) -> None:
    """Load a checkpoint's or a model directory's. Raises TrainingError for another model's."""
    path = directory / TEMPORAL
    try:
        if path.is_file():
            tensors = weights.read_weights([path])
            _check_fingerprint(path, fingerprint)
        else:
            inner = directory / "unet" if (directory / "unet").is_dir() else directory
            files = weights.find_weights(inner, DIFFUSERS_STEM)
            tensors = weights.read_weights(files, keep=is_temporal)
        weights.check_fit(temporal_layers(unet), tensors, directory)
    except ModelError as error:
        raise TrainingError(
            f"{directory} can't be resumed from: it is of another model, or damaged ({error})"
        ) from error
    state = unet.state_dict()
    with torch.no_grad():
        for name, value in unet_conversion.from_published(tensors).items():
            state[name].copy_(value)


def compute_fingerprint(unet: HotshotUNet) -> str:
    """Return what tells a model's spatial layers from others: of names, shapes and some values."""
    digest = hashlib.sha256()
    for name, value in unet.named_parameters():
        if is_temporal(name):
            continue
        digest.update(f"{name} {tuple(value.shape)}".encode())
        if name.endswith("conv1.bias") or name.startswith("conv_in"):
            digest.update(value.detach().half().cpu().numpy().tobytes())
    return digest.hexdigest()[:32]


def save_model(unet: HotshotUNet, source: Path, output: Path) -> None:
    """Write the model of ``source`` to ``output``, with the temporal layers of ``unet``.

    Every tensor has the precision that it has there. Raises TrainingError.
    """
    hint = "make room and resume with --unet-resume-path latest, which does only this."
    for folder in FOLDERS[1:]:
        if (source / folder).is_dir():
            _copy_folder(output / folder, source / folder, hint)
    write_directory(output / "unet", lambda scratch: _write_unet(scratch, unet, source), hint=hint)
    for name in _ROOT_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, output / name)


def _write_unet(scratch: Path, unet: HotshotUNet, source: Path) -> None:
    files = weights.find_weights(source / "unet", DIFFUSERS_STEM)
    tensors = weights.read_weights(files)
    tensors |= {
        name: value.to(tensors[name].dtype) for name, value in temporal_layers(unet).items()
    }
    save_file(tensors, scratch / "diffusion_pytorch_model.safetensors", metadata={"format": "pt"})
    write_json(scratch / "config.json", unet.published_config)


def _copy_folder(path: Path, source: Path, hint: str) -> None:
    def copy(scratch: Path) -> None:
        shutil.copytree(source, scratch, dirs_exist_ok=True)

    write_directory(path, copy, hint=hint)


def _check_fingerprint(path: Path, fingerprint: str) -> None:
    try:
        with safe_open(path, framework="pt") as opened:
            found = (opened.metadata() or {}).get(_FINGERPRINT, fingerprint)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} can't be read ({error})") from error
    if found != fingerprint:
        raise ModelError(f"{path} was trained with other spatial layers")
