"""CLIP's text encoder (Radford et al. 2021), in PyTorch alone: a causal transformer over tokens.

Computes what transformers' ``CLIPTextModel`` and ``CLIPTextModelWithProjection`` do, bit for bit,
and has their tensors' names; importing those takes longer than a small model needs for a GIF.
Knows no tokenizers and no files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

# Configs that name this one were written before transformers took the marker's real number.
_EARLY_EOS = 2


def _quick_gelu(hidden: Tensor) -> Tensor:
    return hidden * torch.sigmoid(1.702 * hidden)


_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": gelu, "quick_gelu": _quick_gelu}


@dataclass(frozen=True, slots=True)
class ClipTextConfig:
    """What of a published ``config.json`` says how an encoder is built; defaults are CLIP's own."""

    vocab_size: int = 49408
    hidden_size: int = 512
    intermediate_size: int = 2048
    projection_dim: int = 512
    num_hidden_layers: int = 12
    num_attention_heads: int = 8
    max_position_embeddings: int = 77
    hidden_act: str = "quick_gelu"
    layer_norm_eps: float = 1e-5
    eos_token_id: int = 49407

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """Read a config. Raises ValueError for an encoder that can't be built."""
        known = {one.name: config[one.name] for one in fields(cls) if one.name in config}
        read = cls(**known)
        for one in fields(cls):
            value, default = getattr(read, one.name), one.default
            numeric = isinstance(default, float) and isinstance(value, int)
            if not (numeric or isinstance(value, type(default))):
                raise ValueError(f"{one.name} is {value!r}")
        if read.hidden_size % read.num_attention_heads:
            raise ValueError(
                f"{read.hidden_size} channels don't divide into {read.num_attention_heads} heads"
            )
        if read.hidden_act not in _ACTIVATIONS:
            raise ValueError(f"there is no activation {read.hidden_act!r}")
        return read


@dataclass(frozen=True, slots=True)
class ClipTextOutput:
    """What an encoder says of texts (b, t).

    ``hidden_states`` has the embeddings and what each layer made of them, (b, t, d), before the
    final norm; ``last_hidden_state`` is normed. ``text_embeds`` (b, p) is what stands at each
    text's end, projected where the encoder has a projection.
    """

    hidden_states: tuple[Tensor, ...]
    last_hidden_state: Tensor
    text_embeds: Tensor


class _Embeddings(nn.Module):
    position_ids: Tensor

    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embedding = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        positions = torch.arange(config.max_position_embeddings).unsqueeze(0)
        self.register_buffer("position_ids", positions, persistent=False)

    def forward(self, token_ids: Tensor) -> Tensor:
        positions = self.position_ids[:, : token_ids.shape[1]]
        embedded: Tensor = self.token_embedding(token_ids) + self.position_embedding(positions)
        return embedded


class _Attention(nn.Module):
    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        width = config.hidden_size
        self.heads = config.num_attention_heads
        self.k_proj, self.v_proj = nn.Linear(width, width), nn.Linear(width, width)
        self.q_proj, self.out_proj = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """Attend from (b, t, d) to itself, each token to those before it; ``mask`` says which."""
        query, key, value = (
            project(hidden).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        attended = scaled_dot_product_attention(query, key, value, mask, is_causal=mask is None)
        out: Tensor = self.out_proj(attended.transpose(1, 2).flatten(2))
        return out


class _Mlp(nn.Module):
    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.activation = _ACTIVATIONS[config.hidden_act]
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, hidden: Tensor) -> Tensor:
        mixed: Tensor = self.fc2(self.activation(self.fc1(hidden)))
        return mixed


class _Layer(nn.Module):
    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.self_attn = _Attention(config)
        self.layer_norm1 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.mlp = _Mlp(config)
        self.layer_norm2 = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        hidden = hidden + self.self_attn(self.layer_norm1(hidden), mask)
        mixed: Tensor = hidden + self.mlp(self.layer_norm2(hidden))
        return mixed


class _Encoder(nn.Module):
    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.num_hidden_layers))


class ClipEncoder(nn.Module):
    """What both kinds of encoder have in common."""

    config: ClipTextConfig

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype


class ClipText(ClipEncoder):
    """An encoder without a projection: SDXL's first."""

    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = _Embeddings(config)
        self.encoder = _Encoder(config)
        self.final_layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(
        self, token_ids: Tensor, attention_mask: Tensor | None = None, **_: object
    ) -> ClipTextOutput:
        """Encode tokens (b, t). Where the mask (b, t) is 0, a token is seen by none.

        Further arguments say what to return, for transformers' classes; here it is always all.
        """
        states = [self.embeddings(token_ids)]
        mask = _causal_mask(attention_mask)
        for layer in self.encoder.layers:
            states.append(layer(states[-1], mask))
        last = self.final_layer_norm(states[-1])
        rows = torch.arange(last.shape[0], device=last.device)
        return ClipTextOutput(tuple(states), last, last[rows, self._ends(token_ids)])

    def _ends(self, token_ids: Tensor) -> Tensor:
        """Return where each text ends: at its first end marker."""
        if self.config.eos_token_id == _EARLY_EOS:  # there it has the highest number of all
            return token_ids.int().argmax(dim=-1)
        return (token_ids == self.config.eos_token_id).int().argmax(dim=-1)


class ClipTextWithProjection(ClipEncoder):
    """An encoder whose text is projected to where CLIP compares it with pictures: SDXL's second."""

    def __init__(self, config: ClipTextConfig) -> None:
        super().__init__()
        self.config = config
        self.text_model = ClipText(config)
        self.text_projection = nn.Linear(config.hidden_size, config.projection_dim, bias=False)

    def forward(
        self, token_ids: Tensor, attention_mask: Tensor | None = None, **_: object
    ) -> ClipTextOutput:
        """Encode tokens (b, t) as ``ClipText`` does, and project."""
        said: ClipTextOutput = self.text_model(token_ids, attention_mask)
        projected = self.text_projection(said.text_embeds)
        return ClipTextOutput(said.hidden_states, said.last_hidden_state, projected)


def _causal_mask(attention_mask: Tensor | None) -> Tensor | None:
    """Return which token sees which (b, 1, t, t); None where each sees all before it."""
    if attention_mask is None or bool(attention_mask.all()):
        return None
    count = attention_mask.shape[-1]
    causal = torch.ones(count, count, dtype=torch.bool, device=attention_mask.device).tril()
    return causal & attention_mask.bool()[:, None, None, :]
