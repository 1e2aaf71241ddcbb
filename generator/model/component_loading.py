"""The parts of a model directory beside the UNet: schedule, VAE, text encoders, tokenizers.

Each is built without memory and then handed its tensors. Knows nothing of where they come from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from generator.checkpoints import weights
from generator.checkpoints.component import Component
from generator.contract.bounds import SCHEDULERS
from generator.contract.errors import ModelError, RequestError
from generator.model.clip_text import ClipText, ClipTextConfig, ClipTextWithProjection
from generator.model.clip_tokenizer import ClipTokenizer
from generator.model.latents import LATENT_SCALE, unscale_latents
from generator.model.plain_diffusers import AutoencoderKL, AutoencoderTiny
from generator.model.schedulers import check_scheduler
from generator.model.text_encoding import TextEncoders

_VAES = {"AutoencoderKL": AutoencoderKL, "AutoencoderTiny": AutoencoderTiny}


def build(directory: Path, build: Callable[[], Any]) -> Any:
    """Build a network without memory; what its library says of a bad config becomes a sentence."""
    try:
        with _WeightsOnMeta():
            return build()
    except ModelError as error:  # says what, and not where
        raise ModelError(f"{directory}: {error}") from error
    except Exception as error:
        raise ModelError(
            "{path} doesn't describe a network that can be built ({reason}); download the "
            "model again.",
            path=directory / "config.json",
            reason=error,
        ) from error


_DRAWING = {nn.init.kaiming_uniform_, nn.init.normal_, nn.init.uniform_, nn.init.xavier_uniform_}


class _WeightsOnMeta(TorchFunctionMode):
    """Has weights made on meta, and nothing drawn for them.

    Whatever else a network counts out as it is built is small, and made where it is computed: on
    meta, PyTorch would load its compiler to divide two numbers.
    """

    def __torch_function__(
        self, function: Any, _types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        given = kwargs or {}
        if function in _DRAWING:
            return args[0] if args else given["tensor"]
        if function is torch.empty and given.get("device") is None:
            given = {**given, "device": "meta"}
        return function(*args, **given)


def load_scheduler_config(directory: Path) -> dict[str, Any]:
    """Return how the model was trained, checked by building every sampler from it."""
    path = directory / "scheduler_config.json"
    config = weights.read_config(path)
    check_schedule(config, path)
    return config


def check_schedule(config: Mapping[str, Any], path: Path) -> None:
    """Raise ModelError for a config, at ``path``, that some sampler can't be built from."""
    try:
        for name in SCHEDULERS:
            with suppress(RequestError):  # one that goes with other models
                check_scheduler(name, config)
    except Exception as error:
        raise ModelError(
            "{path} doesn't describe a schedule that can be used ({reason}); download the "
            "model again.",
            path=path,
            reason=error,
        ) from error


def load_vae(component: Component, *, device: torch.device, dtype: torch.dtype) -> Any:
    """Return an AutoencoderKL or AutoencoderTiny, as the config's class says.

    SDXL's own overflows in half precision and says so (``force_upcast``): it gets float32.
    """
    config = component.config
    kind = _VAES.get(str(config.get("_class_name")))
    if kind is None:
        found = config.get("_class_name", "of an unnamed class")
        raise ModelError(
            "The VAE in {path} is {found}; only {known} can be used.",
            path=component.described_in,
            found=found,
            known=", ".join(_VAES),
        )
    vae = build(component.described_in, lambda: _checked_vae(kind.from_config(config)))
    if dtype == torch.float16 and vae.config.force_upcast:
        dtype = torch.float32
    weights.assign(vae, component.read(), source=component.source, device=device, dtype=dtype)
    return vae.eval().requires_grad_(requires_grad=False)


def _checked_vae(vae: Any) -> Any:
    """Raise whatever its config's scaling would raise when the first pictures are decoded."""
    channels = int(vae.config.latent_channels)
    unscale_latents(torch.zeros(1, channels, 1, 1, 1), vae.config)
    edge = 2 ** (len(vae.config.decoder_block_out_channels if isinstance(vae, AutoencoderTiny)
                     else vae.config.block_out_channels) - 1)  # fmt: skip
    if edge != LATENT_SCALE:
        raise ValueError(f"a latent is {edge} pixels wide where {LATENT_SCALE} are wanted")
    return vae


def load_text_encoders(
    components: tuple[Component, Component],
    directory: Path,
    *,
    device: torch.device,
    dtype: torch.dtype,
) -> TextEncoders:
    """Return both CLIP text encoders, each with its tokenizer from the model's ``directory``."""
    first = _text_encoder(ClipText, components[0], device, dtype)
    second = _text_encoder(ClipTextWithProjection, components[1], device, dtype)
    return TextEncoders(
        tokenizers=(
            _tokenizer(directory / "tokenizer", first.config.vocab_size),
            _tokenizer(directory / "tokenizer_2", second.config.vocab_size),
        ),
        encoders=(first, second),
        force_zeros_for_empty_prompt=_force_zeros_for_empty_prompt(directory),
    )


def _text_encoder(kind: Any, component: Component, device: torch.device, dtype: torch.dtype) -> Any:
    config = component.config
    encoder = build(component.described_in, lambda: kind(ClipTextConfig.of(config)))
    named = _as_encoder_names(component.read(), encoder)
    weights.assign(encoder, named, source=component.source, device=device, dtype=dtype)
    return encoder.eval().requires_grad_(requires_grad=False)


def _as_encoder_names(
    tensors: Mapping[str, torch.Tensor], encoder: nn.Module
) -> dict[str, torch.Tensor]:
    """Return tensors under the encoder's names, with ``text_model.`` or, as some versions, without.

    So do files that such a version wrote. Old files also hold ``position_ids``, which is a count
    and no weight.
    """
    prefix = "text_model."
    wanted = encoder.state_dict().keys()
    bare = {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if not name.endswith(".position_ids")
    }
    return {
        nested if (nested := prefix + name) in wanted else name: value
        for name, value in bare.items()
    }


def _tokenizer(directory: Path, vocabulary: int) -> ClipTokenizer:
    for name in ("vocab.json", "merges.txt"):
        if not (directory / name).is_file():
            raise ModelError("{path} is missing; download the model again.", path=directory / name)
    try:
        tokenizer = ClipTokenizer.read(directory)
    except Exception as error:
        raise ModelError(
            "The tokenizer in {directory} can't be read ({reason}); download the model again.",
            directory=directory,
            reason=error,
        ) from error
    if len(tokenizer) > vocabulary:
        raise ModelError(
            "The tokenizer in {directory} has {number:,} words where its text encoder "
            "knows {vocabulary:,}; they belong to different models.",
            directory=directory,
            number=len(tokenizer),
            vocabulary=vocabulary,
        )
    return tokenizer


def _force_zeros_for_empty_prompt(directory: Path) -> bool:
    index = directory / "model_index.json"
    if not index.is_file():
        return True  # as Hotshot-XL and SDXL say where they say it
    return bool(weights.read_config(index).get("force_zeros_for_empty_prompt", True))
