"""How LoRA files name their tensors: diffusers old and new, kohya, PEFT, LyCORIS, ComfyUI.

Takes a tensor's name apart into the network it changes, the layer in it, and what the tensor is to
that layer. Knows no network: whether there is such a layer is for others to find out. Names are
looked up, not searched, since a file may have hundreds of thousands of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from generator.contract.text import Text

UNET, TEXT, TEXT_2 = "unet", "text_encoder", "text_encoder_2"


@dataclass(frozen=True, slots=True)
class Part:
    """What a tensor's name says: which network and layer it changes, and what it is to it.

    ``layer`` is flat: its path with underscores for dots, as kohya writes it.

    ``role`` is what the tensor is: down, up, up_b (what comes up has a bias), mid, alpha, dora,
    diff, diff_b, or the name that LyCORIS gives it (dora_scale, hada_w1_a, lokr_w2, ...).
    """

    network: str
    layer: str
    role: str


LYCORIS = (
    *(f"hada_{name}" for name in ("w1_a", "w1_b", "w2_a", "w2_b", "t1", "t2")),
    *(f"lokr_{name}" for name in ("w1", "w1_a", "w1_b", "w2", "w2_a", "w2_b", "t1", "t2")),
)
# The end of a tensor's name, from a dot on, whether ".weight" follows or not.
_ENDS = {
    **{f".{name}": name for name in LYCORIS},
    ".lora_down": "down",
    ".lora_up": "up",
    ".lora.down": "down",
    ".lora.up": "up",
    "_lora.down": "down",
    "_lora.up": "up",
    ".lora_linear_layer.down": "down",
    ".lora_linear_layer.up": "up",
    ".lora_A": "down",
    ".lora_B": "up",
    ".lora_mid": "mid",
    ".lora_magnitude_vector": "dora",
    ".dora_scale": "dora_scale",
    ".alpha": "alpha",
    ".lora.alpha": "alpha",
    ".diff": "diff",
    ".diff_b": "diff_b",
    ".w_norm": "diff",
    ".b_norm": "diff_b",
}
_NAMED_BY_PEFT = {".lora_A", ".lora_B", ".lora_magnitude_vector"}  # an adapter's name may follow
_UNDERSCORED = ("_lora_down", "_lora_up")
_WITH_BIAS = {".lora_B", ".lora_up", ".lora.up", "_lora.up", ".lora_linear_layer.up"}

PEFT_PREFIX = "base_model.model."
# How the network is said, the most particular first.
_NETWORKS = (
    ("lora_unet_", UNET),
    ("lycoris_unet_", UNET),
    ("lycoris_text_encoder_2_", TEXT_2),
    ("lycoris_text_encoder_", TEXT),
    ("unet.", UNET),
    ("model.diffusion_model.", UNET),
    ("diffusion_model.", UNET),
    ("lora_te1_", TEXT),
    ("lora_te2_", TEXT_2),
    ("lora_te_", TEXT),
    ("lycoris_te1_", TEXT),
    ("lycoris_te2_", TEXT_2),
    ("lycoris_te_", TEXT),
    ("lycoris_", UNET),
    ("lora_unet.", UNET),  # OneTrainer's own way of keeping one
    ("lora_te1.", TEXT),
    ("lora_te2.", TEXT_2),
    ("text_encoder_2.", TEXT_2),
    ("text_encoder.", TEXT),
    ("text_encoders.clip_l.transformer.", TEXT),
    ("text_encoders.clip_g.transformer.", TEXT_2),
    ("clip_l.transformer.", TEXT),
    ("clip_g.transformer.", TEXT_2),
    ("clip_l.", TEXT),
    ("clip_g.", TEXT_2),
    ("conditioner.embedders.0.transformer.", TEXT),
)
# diffusers once named the attention's own LoRA layers instead of those they belong to.
_ATTENTION = (
    (re.compile(r"\.processor(?=\.)"), ""),
    (re.compile(r"(attn\d)\.to_out$"), r"\1.to_out.0"),
    (re.compile(r"self_attn\.to_([qkv])$"), r"self_attn.\1_proj"),
    (re.compile(r"self_attn\.to_out$"), "self_attn.out_proj"),
)

# Ways of adapting that nothing here reads, by what gives them away.
_UNREADABLE = (
    (re.compile(r"\.(oft_blocks|oft_diag|oft_R)"), "OFT"),
    (re.compile(r"\.boft_"), "BOFT"),
    (re.compile(r"\.on_input$"), "IA3"),
    (re.compile(r"\.ia3_"), "IA3"),
    (re.compile(r"\.[ab][12]\.weight$"), "GLoRA"),
    (re.compile(r"\.glora_"), "GLoRA"),
    (re.compile(r"\.(q_layer\.weight|p_layer\.weight|lambda_layer)$"), "T-LoRA"),
    (re.compile(r"\.vera_"), "VeRA"),
    (re.compile(r"\.vblora_"), "VB-LoRA"),
    (re.compile(r"\.hra_"), "HRA"),
    (re.compile(r"\.hira_"), "HiRA"),
    (re.compile(r"\.fourierft_"), "FourierFT"),
    (re.compile(r"\.(bone_|miss_)"), "MiSS"),
    (re.compile(r"\.delora_"), "DeLoRA"),
    (re.compile(r"\.randlora_"), "RandLoRA"),
    (re.compile(r"\.road_"), "RoAd"),
    (re.compile(r"\.shira_"), "SHiRA"),
    (re.compile(r"\.c3a_"), "C3A"),
    (re.compile(r"\.waveft_"), "WaveFT"),
    (re.compile(r"\.gralora_"), "GraLoRA"),
    (re.compile(r"\.lora_E(?:\.|$)"), "AdaLoRA"),
    (re.compile(r"hypernet|^768\.\d"), Text("a hypernetwork")),
)
# Words that a trainer puts beside a LoRA: OneTrainer, and what others call an embedding's tensors.
_EMBEDDINGS = ("bundle_emb.", "emb_params", "string_to_param", "string_to_token")
_SDXL_EMBEDDING = frozenset({"clip_l", "clip_g"})


def part_of(name: str) -> Part | None:
    """Return what a tensor of this name is; None where it is of no LoRA that can be read."""
    found = _role_of(name)
    if found is None:
        return None
    path, role = found
    network, layer = _network_of(path)
    if ".processor" in layer or ".self_attn.to_" in layer or layer.endswith(".to_out"):
        for old, new in _ATTENTION:
            layer = old.sub(new, layer)
    return Part(network, layer.replace(".", "_"), role)


def peft_path(name: str) -> str:
    """Return the layer's path as PEFT's patterns have it: with dots, without any prefix."""
    found = _role_of(name)
    path = (found[0] if found else name).removeprefix(PEFT_PREFIX)
    for prefix in ("unet.", "text_encoder_2.", "text_encoder."):
        if path.startswith(prefix):
            return path.removeprefix(prefix)
    return path


def is_embedding(name: str) -> bool:
    """Return whether a tensor is a word's embedding, which some trainers put into a LoRA's file."""
    return name.startswith(_EMBEDDINGS) or name in _SDXL_EMBEDDING


def embedded_word(name: str) -> str:
    """Return the word that an embedding's tensor is of, as far as its name says."""
    parts = name.split(".")
    return parts[1] if parts[0] == "bundle_emb" and len(parts) > 1 else parts[0]


def unreadable_format(names: Iterable[str]) -> str | Text | None:
    """Return the first known format that can't be read and that one of these names is of."""
    for name in names:
        for pattern, known_as in _UNREADABLE:
            if pattern.search(name):
                return known_as
    return None


def format_of(roles: Iterable[str]) -> str:
    """Return what people call a file whose tensors play these roles."""
    seen = set(roles)
    for known_as, signs in (("LoHa", "hada_"), ("LoKr", "lokr_")):
        if any(role.startswith(signs) for role in seen):
            return known_as
    if seen & {"dora", "dora_scale"}:
        return "DoRA"
    return "LoRA" if seen & {"down", "up"} else "full difference"


def _role_of(name: str) -> tuple[str, str] | None:
    """Return the layer's path and the role."""
    head, dot, tail = name.rpartition(".")
    if tail == "weight":
        return _ending(head) or _ending_in_a_name(head)
    if tail == "bias":
        found = _ending(head, _WITH_BIAS) or _ending_in_a_name(head)
        return (found[0], "up_b") if found and found[1] == "up" else None
    return _ending(name) or _ending_in_a_name(name) if dot else None


def _ending(name: str, among: Iterable[str] = _ENDS) -> tuple[str, str] | None:
    head, dot, tail = name.rpartition(".")
    if not dot or not head:
        return None
    end = f".{tail}"
    if tail in {"down", "up", "alpha"}:  # of two words, the first of which may hang on the layer
        before, other, word = head.rpartition(".")
        if word in {"lora", "lora_linear_layer"} and before:
            head, end = before, f"{other}{word}.{tail}"
        elif word.endswith("_lora") and tail != "alpha":
            head, end = head.removesuffix("_lora"), f"_lora.{tail}"
    elif tail.endswith(_UNDERSCORED):
        head, end = name.rpartition("_lora_")[0], f".lora_{tail.rpartition('_')[2]}"
    return (head, _ENDS[end]) if end in _ENDS and end in among else None


def _ending_in_a_name(name: str) -> tuple[str, str] | None:
    """Return path and role of a name such as ``.lora_A.default``, which says the adapter."""
    found = _ending(name.rpartition(".")[0], _NAMED_BY_PEFT)
    return found if found and found[0] else None


def _network_of(path: str) -> tuple[str, str]:
    path = path.removeprefix(PEFT_PREFIX)
    for prefix, network in _NETWORKS:
        if path.startswith(prefix):
            # PEFT's own prefix may stand before, or after, the network's.
            return network, path.removeprefix(prefix).removeprefix(PEFT_PREFIX)
    return UNET, path
