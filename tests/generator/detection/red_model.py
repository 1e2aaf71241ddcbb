"""A classifier that sees red, small enough for tests and set by hand: no score is luck."""

from __future__ import annotations

from pathlib import Path

EDGE = 64
# Of all the picture that is red, above which it is called so, and how sure it is from there on.
_LEAST, _STEEPNESS = 0.01, 1000.0


def make_red_model(directory: Path, *, is_trained: bool = True) -> Path:
    """Writes a ResNet of one layer, as transformers saves it; untrained, it has no classes yet."""
    import torch  # seconds, which whoever only collects the tests of the bot needn't wait
    import transformers

    config = transformers.ResNetConfig(
        embedding_size=1,
        hidden_sizes=[1],
        depths=[1],
        layer_type="basic",
        id2label={0: "other", 1: "red"},
        label2id={"other": 0, "red": 1},
    )
    model = transformers.ResNetForImageClassification(config)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "convolution" in name or "classifier" in name:
                weights.zero_()
        stem = model.resnet.embedder.embedder.convolution.weight
        stem[0, :, 3, 3] = torch.tensor([1.0, -1.0, -1.0])  # how much more red than all else
        model.classifier[1].weight[1, 0] = _STEEPNESS
        model.classifier[1].bias[1] = -_STEEPNESS * _LEAST
    (model if is_trained else model.resnet).save_pretrained(directory)
    transformers.ViTImageProcessorPil(
        size={"height": EDGE, "width": EDGE}, do_normalize=False
    ).save_pretrained(directory)
    return directory
