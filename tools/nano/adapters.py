"""LoRAs beside nano's UNet: added to learn, switched off to ask the UNet alone, written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file

from generator.model.unet import HotshotUNet

RANK = 8
# The layers of resnets and of attention, spatial and temporal alike.
TARGETS = ["conv1", "conv2", "to_q", "to_k", "to_v", "to_out.0"]


def add_adapter(network: HotshotUNet) -> None:
    """Add layers of rank 8 beside those named in TARGETS; nothing else will learn."""
    config = LoraConfig(r=RANK, lora_alpha=RANK, target_modules=TARGETS)
    inject_adapter_in_model(config, network)


@contextmanager
def without_adapter(network: HotshotUNet) -> Iterator[None]:
    """Have the network answer as it did before a LoRA was added."""
    layers = [layer for layer in network.modules() if isinstance(layer, BaseTunerLayer)]
    for layer in layers:
        layer._disable_adapters = True  # enable_adapters() also stops gradients, and needs a search
    try:
        yield
    finally:
        for layer in layers:
            layer._disable_adapters = False


def save_adapter(network: HotshotUNet, output: Path, metadata: Mapping[str, str]) -> None:
    """Write the LoRA in diffusers' naming, as float16 safetensors.

    ``metadata`` has one entry: safetensors would shuffle several.
    """
    tensors = {
        f"unet.{name}": tensor.cpu().half().contiguous()
        for name, tensor in get_peft_model_state_dict(network, adapter_name="default").items()
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, output, dict(metadata))
