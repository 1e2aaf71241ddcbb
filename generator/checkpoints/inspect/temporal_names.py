"""The two names that a temporal layer's tensors have: the published layout's, and the network's.

Knows names alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_TO_OURS = (
    (".temporal_attentions.", ".motion_modules."),
    (".attention_blocks.0.pos_encoder.positional_encoding", ".pos_embed.pe"),
    (".attention_blocks.0.", ".attn1."),
    (".attention_blocks.1.", ".attn2."),
    (".norms.0.", ".norm1."),
    (".norms.1.", ".norm2."),
    (".ff_norm.", ".norm3."),
)
_TEMPORAL = re.compile(r"\.(temporal_attentions|motion_modules)\.")


def is_temporal(name: str) -> bool:
    """Return whether a tensor, by its published name or ours, belongs to the temporal layers."""
    return _TEMPORAL.search(name) is not None


def published_names(names: Iterable[str]) -> dict[str, str]:
    """Return the published name for each of ours, the first where the layout has two."""
    return {name: published_name(name) if is_temporal(name) else name for name in names}


def our_name(name: str) -> str:
    """Return our name of a temporal layer's tensor, from its published one."""
    for published, ours in _TO_OURS:
        name = name.replace(published, ours)
    return name


def published_name(name: str) -> str:
    """Return the published name of a temporal layer's tensor, from ours."""
    for published, ours in _TO_OURS:
        name = name.replace(ours, published)
    return name
