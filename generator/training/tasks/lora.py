"""The task of training a LoRA: small additions to the spatial layers learn from pictures.

The layers are PEFT's. Only spatial ones are changed, so the subject moves as the temporal layers
make everything move. Files are written as diffusers names them, and as kohya does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import save_file
from torch import Tensor, nn

from generator.checkpoints import weights
from generator.checkpoints.inspect.ldm_names import ldm_names
from generator.checkpoints.inspect.lora_names import TEXT, TEXT_2, UNET
from generator.contract.errors import ModelError, TrainingError
from generator.model.loading import HotshotModel
from generator.model.text_encoding import EncodedText, TextEncoders
from generator.training.data.batches import Batches
from generator.training.data.latent_cache import TOKENS
from generator.training.data.sample_rng import SampleRng
from generator.training.settings import LoraSettings

DIFFUSERS, KOHYA = "pytorch_lora_weights.safetensors", "lora_kohya.safetensors"

_ATTENTION = r"attn\d\.(to_q|to_k|to_v|to_out\.0)"
# Names of layers in the UNet; those of the temporal layers begin with motion_modules.
_TARGETS = {
    "attention": rf".*\.attentions\.\d+\..*{_ATTENTION}",
    "all": rf".*\.attentions\.\d+\.(.*{_ATTENTION}|proj_in|proj_out|.*ff\.net\.(0\.proj|2))"
    r"|.*\.resnets\.\d+\.(conv1|conv2|conv_shortcut|time_emb_proj)",
}
_TEXT_TARGETS = ["q_proj", "k_proj", "v_proj", "out_proj"]
_KOHYA_NETWORKS = {UNET: "lora_unet_", TEXT: "lora_te1_", TEXT_2: "lora_te2_"}
_KOHYA_ROLES = {
    "lora_A.weight": "lora_down.weight",
    "lora_B.weight": "lora_up.weight",
    "lora_magnitude_vector": "dora_scale",
}


@dataclass(frozen=True, slots=True)
class LiveCaptionEncoder:
    """Encodes captions anew each time, with gradients: for text encoders that learn."""

    text: TextEncoders

    def encode(self, caption: str) -> EncodedText:
        encoded = self.text.encode([caption])
        return EncodedText(encoded.hidden[:, :TOKENS], encoded.pooled)

    def encode_dropped(self) -> EncodedText:
        encoded = self.encode("")
        return (
            EncodedText.zeros_like(encoded) if self.text.force_zeros_for_empty_prompt else encoded
        )


class Adapter:
    """The LoRA's layers in a model's networks; those of the text encoders only where asked for."""

    def __init__(self, model: HotshotModel, settings: LoraSettings, fingerprint: str) -> None:
        self._settings, self.fingerprint = settings, fingerprint
        unet_names = [name for name, _ in model.unet.named_parameters()]
        self._ldm = ldm_names(unet_names, model.unet.config.layers_per_block)
        self.networks: dict[str, nn.Module] = {UNET: model.unet}
        if settings.train_text_encoder:
            self.networks |= dict(zip((TEXT, TEXT_2), model.text.encoders, strict=True))
        self._configs = {name: self._config(name) for name in self.networks}
        torch.manual_seed(settings.run.seed)
        for name, network in self.networks.items():
            network.requires_grad_(requires_grad=False)
            inject_adapter_in_model(self._configs[name], network)
            _to_float32(network)

    def parameters(self, network: str) -> list[nn.Parameter]:
        """Return the parameters of a network that learn, in one order always."""
        return [value for value in self.networks[network].parameters() if value.requires_grad]

    def save(self, directory: Path) -> None:
        layers = {name: self._layers(name) for name in self.networks}
        metadata = {name: _json_values(config) for name, config in self._configs.items()}
        save_file(_named(layers), directory / DIFFUSERS, metadata=_diffusers_metadata(metadata))
        save_file(self._as_kohya(layers), directory / KOHYA, metadata=self._kohya_metadata())

    def load(self, directory: Path) -> None:
        """Load the layers. Raises TrainingError for a file that another adapter or model wrote."""
        try:
            found = weights.read_weights([directory / DIFFUSERS])
            for name, network in self.networks.items():
                wanted = self._layers(name)
                own = _strip_prefix(found, f"{name}.")
                weights.check_fit(wanted, own, directory)
                named = {_own_name(name, key, network): value for key, value in own.items()}
                set_peft_model_state_dict(network, named)
        except ModelError as error:
            raise TrainingError(
                f"{directory} can't be resumed from: its LoRA has other layers or ranks, or is of "
                f"another model ({error})"
            ) from error

    def _config(self, network: str) -> LoraConfig:
        settings = self._settings
        return LoraConfig(
            r=settings.rank,
            lora_alpha=settings.alpha or settings.rank,
            lora_dropout=settings.dropout,
            target_modules=_TARGETS[settings.target] if network == UNET else _TEXT_TARGETS,
            use_dora=settings.use_dora,
            use_rslora=settings.use_rslora,
        )

    def _layers(self, network: str) -> dict[str, Tensor]:
        """Return all tensors of one network's LoRA, on the CPU, by the names that files have."""
        found = get_peft_model_state_dict(self.networks[network])
        return {
            _file_name(network, name): value.detach().cpu().float().contiguous()
            for name, value in found.items()
        }

    def _as_kohya(self, layers: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = {}
        for network, found in layers.items():
            for name, value in found.items():
                layer, role = _split_name(name)
                flat = _KOHYA_NETWORKS[network] + self._kohya_layer(network, layer)
                # DoRA's sizes in the shape that readers compare with the layer's own weights
                axes = [1] * (found[f"{layer}.lora_A.weight"].ndim - 1)
                is_scale = role == "lora_magnitude_vector"
                shaped = value.reshape(-1, *axes) if is_scale else value
                tensors[f"{flat}.{_KOHYA_ROLES[role]}"] = shaped
                tensors[f"{flat}.alpha"] = torch.tensor(self._kohya_alpha())
        return tensors

    def _kohya_layer(self, network: str, layer: str) -> str:
        if network == UNET:
            layer = self._ldm[f"{layer}.weight"].removesuffix(".weight")
        return layer.replace(".", "_")

    def _kohya_alpha(self) -> float:
        """Return alpha for kohya, who always divides by the rank; so rsLoRA's is larger."""
        alpha = float(self._settings.alpha or self._settings.rank)
        return alpha * math.sqrt(self._settings.rank) if self._settings.use_rslora else alpha

    def _kohya_metadata(self) -> dict[str, str]:
        return {
            "format": "pt",
            "ss_base_model_version": "sdxl_base_v1-0",
            "ss_network_dim": str(self._settings.rank),
            "ss_network_alpha": str(self._kohya_alpha()),
            "ss_output_name": self._settings.run.output_dir.name,
            "modelspec.architecture": "stable-diffusion-xl-v1-base/lora",
            "modelspec.title": self._settings.run.output_dir.name,
            "modelspec.trigger_phrase": self._settings.trigger or "",
        }


class LoraTask:
    """A ``Task`` of ``generator.training.loop``.

    With ``class_batches`` each position also has a picture of the class, so that what the trigger
    word doesn't name stays as it was (Ruiz et al., "DreamBooth", 2023).
    """

    def __init__(
        self,
        model: HotshotModel,
        adapter: Adapter,
        batches: Batches,
        class_batches: Batches | None,
        settings: LoraSettings,
    ) -> None:
        self.model, self.adapter, self.fingerprint = model, adapter, adapter.fingerprint
        self.batches, self.class_batches, self.settings = batches, class_batches, settings

    def parameters(self) -> list[nn.Parameter]:
        return [value for name in self.adapter.networks for value in self.adapter.parameters(name)]

    def learning_rates(self, base_rate: float) -> list[float]:
        own = self.settings.text_encoder_lr or base_rate
        return [
            base_rate if name == UNET else own
            for name in self.adapter.networks
            for _ in self.adapter.parameters(name)
        ]

    def sample_names(self, step: int) -> list[str]:
        return self.batches.sample_names(step)

    def losses(self, step: int, positions: range) -> Tensor:
        if self.settings.dropout:  # PEFT draws from the process's own generator
            torch.manual_seed(SampleRng(self.settings.run.seed, step, positions.start).below(2**31))
        losses = self.batches.losses(self.model.unet, step, positions)
        if self.class_batches is None:
            return losses
        kept = self.class_batches.losses(self.model.unet, step, positions)
        return losses + self.settings.prior_loss_weight * kept

    def save(self, directory: Path) -> None:
        self.adapter.save(directory)

    def load(self, directory: Path) -> None:
        self.adapter.load(directory)


def _to_float32(network: nn.Module) -> None:
    for parameter in network.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def _file_name(network: str, name: str) -> str:
    """Return a tensor's name in files, which have transformers' older names of text encoders."""
    return f"text_model.{name}" if network != UNET and not name.startswith("text_model.") else name


def _own_name(network: str, name: str, module: nn.Module) -> str:
    nested = hasattr(module, "text_model")
    return name if network == UNET or nested else name.removeprefix("text_model.")


def _strip_prefix(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _split_name(name: str) -> tuple[str, str]:
    """Return a tensor's layer, and which of its LoRA's tensors it is."""
    for role in _KOHYA_ROLES:
        stem = role.removesuffix(".weight")
        layer, found, _ = name.partition(f".{stem}")
        if found:
            return layer, role
    raise ValueError(f"{name} is no tensor of a LoRA")


def _json_values(config: LoraConfig) -> dict[str, Any]:
    """Return PEFT's settings as JSON values."""
    return {
        name: sorted(value) if isinstance(value, set) else value
        for name, value in config.to_dict().items()
    }


def _named(layers: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return all networks' layers as diffusers names them in one file."""
    return {
        f"{network}.{name}": value.contiguous()
        for network, found in layers.items()
        for name, value in found.items()
    }


def _diffusers_metadata(configs: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return what PEFT builds the layers from, where diffusers looks for it in a file."""
    settings = {
        f"{network}.{name}": value
        for network, config in configs.items()
        for name, value in config.items()
    }
    said = json.dumps(settings, indent=2, sort_keys=True)
    return {"format": "pt", "lora_adapter_metadata": said}
