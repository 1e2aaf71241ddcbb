"""A depth model that is small enough for tests."""

from __future__ import annotations

from pathlib import Path

import torch
import transformers


def make_depth_model(directory: Path) -> Path:
    """Writes a Depth Anything of 40,000 random weights, as transformers saves it."""
    torch.manual_seed(0)
    backbone = transformers.Dinov2Config(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        mlp_ratio=2,
        image_size=70,
        patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=16,
        patch_size=14,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        head_hidden_size=8,
    )
    model = transformers.DepthAnythingForDepthEstimation(config)
    torch.nn.init.normal_(model.head.conv3.weight, std=100)  # or everything is equally far
    torch.nn.init.constant_(model.head.conv3.bias, 5)
    model.save_pretrained(directory)
    size = {"height": 70, "width": 70}
    transformers.DPTImageProcessorPil(
        size=size, ensure_multiple_of=14, keep_aspect_ratio=True
    ).save_pretrained(directory)
    return directory
