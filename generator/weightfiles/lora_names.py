"""How LoRA files name their tensors: diffusers old and new, kohya, PEFT, LyCORIS.

Takes a tensor's name apart into the network it changes, the layer in it, and what the tensor is to
that layer. Knows no network: whether there is such a layer is for others to find out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from generator.words import Words

UNET, TEXT, TEXT_2 = "unet", "text_encoder", "text_encoder_2"


@dataclass(frozen=True, slots=True)
class Part:
    """``layer`` is flat: its path with underscores for dots, as kohya writes it.

    ``role`` is what the tensor is: down, up, mid, alpha, dora, diff, diff_b, or the name that
    LyCORIS gives it (dora_scale, hada_w1_a, lokr_w2, ...).
    """

    network: str
    layer: str
    role: str


# The first that fits decides; each is the end of a tensor's name.
_ROLES = (
    (r"[._]lora(?:_linear_layer)?[._]down(?:\.weight)?", "down"),
    (r"[._]lora(?:_linear_layer)?[._]up(?:\.weight)?", "up"),
    (r"\.lora_mid\.weight", "mid"),
    (r"\.lora_A(?:\.\w+)?\.weight", "down"),
    (r"\.lora_B(?:\.\w+)?\.weight", "up"),
    (r"\.lora_magnitude_vector(?:\.\w+)?(?:\.weight)?", "dora"),
    (r"\.dora_scale", "dora_scale"),
    (r"(?:\.lora)?\.alpha", "alpha"),
    (r"\.(hada_[wt]\d(?:_[ab])?)", None),
    (r"\.(lokr_[wt]\d(?:_[ab])?)", None),
    (r"\.(?:diff|w_norm)", "diff"),
    (r"\.(?:diff_b|b_norm)", "diff_b"),
)
_PATTERNS = tuple((re.compile(f"(?P<layer>.+?){end}$"), role) for end, role in _ROLES)

# How the network is said, the most particular first.
_NETWORKS = (
    ("base_model.model.", UNET),
    ("lora_unet_", UNET),
    ("lycoris_unet_", UNET),
    ("lycoris_", UNET),
    ("unet.", UNET),
    ("model.diffusion_model.", UNET),
    ("diffusion_model.", UNET),
    ("lora_te1_", TEXT),
    ("lora_te2_", TEXT_2),
    ("lora_te_", TEXT),
    ("text_encoder_2.", TEXT_2),
    ("text_encoder.", TEXT),
)
# diffusers once named the attention's own LoRA layers instead of those they belong to.
_ATTENTION = (
    (re.compile(r"\.processor(?=\.)"), ""),
    (re.compile(r"(attn\d)\.to_out$"), r"\1.to_out.0"),
    (re.compile(r"self_attn\.to_([qkv])$"), r"self_attn.\1_proj"),
    (re.compile(r"self_attn\.to_out$"), "self_attn.out_proj"),
)

# Ways of adapting that no library here reads, by what gives them away.
_UNREADABLE = (
    (re.compile(r"\.(oft_blocks|oft_diag|oft_R)"), "OFT"),
    (re.compile(r"\.boft_"), "BOFT"),
    (re.compile(r"\.on_input$"), "IA3"),
    (re.compile(r"\.ia3_"), "IA3"),
    (re.compile(r"\.[ab]1\.weight$"), "GLoRA"),
    (re.compile(r"\.vera_"), "VeRA"),
    (re.compile(r"^(bundle_emb|emb_params|string_to_param)"), Words("a textual inversion")),
    (re.compile(r"hypernet|^768\.\d"), Words("a hypernetwork")),
)


def part_of(name: str) -> Part | None:
    """What a tensor of this name is, or None where it belongs to no LoRA that can be read."""
    for pattern, role in _PATTERNS:
        if match := pattern.match(name):
            network, layer = _network_of(match["layer"])
            for old, new in _ATTENTION:
                layer = old.sub(new, layer)
            return Part(network, layer.replace(".", "_"), role or match[2])
    return None


def unreadable_format(names: Iterable[str]) -> str | Words | None:
    """The name of the first known format, among those that can't be read, that a name is of."""
    for name in names:
        for pattern, known_as in _UNREADABLE:
            if pattern.search(name):
                return known_as
    return None


def format_of(roles: Iterable[str]) -> str:
    """What people call a file whose tensors play these roles."""
    seen = set(roles)
    for known_as, signs in (("LoHa", "hada_"), ("LoKr", "lokr_")):
        if any(role.startswith(signs) for role in seen):
            return known_as
    if seen & {"dora", "dora_scale"}:
        return "DoRA"
    return "LoRA" if seen & {"down", "up"} else "full difference"


def _network_of(path: str) -> tuple[str, str]:
    for prefix, network in _NETWORKS:
        if path.startswith(prefix):
            rest = path.removeprefix(prefix)
            # PEFT's own prefix may stand before, or after, the network's.
            return _network_of(rest) if prefix == "base_model.model." else (network, rest)
    return UNET, path
