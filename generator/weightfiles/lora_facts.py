"""What a LoRA file says of itself: for whom it was made, how large it is, what words wake it.

Reads the header and, for the hash, the bytes; never a tensor. A maker's words are data from
strangers: they are cleaned of control characters and cut before anybody sees them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from generator.errors import ModelError
from generator.weightfiles import lora_names
from generator.weightfiles.header import MAX_LORA_HEADER, Header, read_header
from generator.weightfiles.kinds import Kind, kind_of, text_width

_MAX_WORDS = 40
_MAX_LENGTH = 120  # characters of one word, tag or title

_BY_WIDTH = {768: "Stable Diffusion 1.x", 1024: "Stable Diffusion 2.x", 2048: "SDXL"}
# As the metadata of kohya's trainer and of ModelSpec spell it.
_BY_WORD = (
    ("sdxl", "SDXL"),
    ("stable-diffusion-xl", "SDXL"),
    ("sd_v1", "Stable Diffusion 1.x"),
    ("stable-diffusion-v1", "Stable Diffusion 1.x"),
    ("sd_v2", "Stable Diffusion 2.x"),
    ("stable-diffusion-v2", "Stable Diffusion 2.x"),
    ("stable-diffusion-3", "Stable Diffusion 3"),
    ("sd3", "Stable Diffusion 3"),
    ("flux", "Flux"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraFacts:
    """``base_model`` is None where neither words nor shapes tell; ``ranks`` are all that occur.

    ``format`` is LoRA, DoRA, LoHa, LoKr or full difference; ``networks`` those that it changes;
    ``trigger_words`` are what the maker says to write, ``tags`` the captions' most frequent ones.
    """

    title: str
    base_model: str | None
    format: str
    ranks: tuple[int, ...]
    networks: tuple[str, ...]
    trigger_words: tuple[str, ...]
    tags: tuple[str, ...]
    layers: int
    size_bytes: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def read_lora_facts(path: Path) -> LoraFacts:
    """Raises ModelError, one sentence, for a file that is no LoRA, or one that can't be read."""
    header = read_header(path, at_most=MAX_LORA_HEADER)
    check_is_lora(path.name, header)
    parts = {name: part for name in header.shapes if (part := lora_names.part_of(name))}
    return LoraFacts(
        title=_clean(_first(header.metadata, "modelspec.title", "ss_output_name") or path.stem),
        base_model=base_model(header),
        format=lora_names.format_of(part.role for part in parts.values()),
        ranks=_ranks(header, parts),
        networks=tuple(sorted({part.network for part in parts.values()})),
        trigger_words=_trigger_words(header.metadata),
        tags=_tags(header.metadata),
        layers=len({(part.network, part.layer) for part in parts.values()}),
        size_bytes=path.stat().st_size,
        sha256=_sha256(path),
    )


def check_is_lora(name: str, header: Header) -> None:
    """Raises ModelError, naming what the file called ``name`` is instead."""
    kind = kind_of(header.shapes)
    if kind is Kind.LORA:
        return
    if kind is Kind.UNREADABLE_LORA:
        known_as = lora_names.unreadable_format(header.shapes)
        raise ModelError(
            "{name} is {format}, which can't be read here; LoRA, DoRA, LoHa and LoKr can.",
            name=name,
            format=known_as,
        )
    raise ModelError(
        "{name} is no LoRA but {kind}; give a LoRA made for SDXL.", name=name, kind=kind.value
    )


def base_model(header: Header) -> str | None:
    """For which model a LoRA was made: by its shapes, which don't lie, else by its words."""
    known = _BY_WIDTH.get(text_width(header.shapes) or 0)
    if known:
        return known
    words = " ".join(
        header.metadata.get(key, "")
        for key in ("modelspec.architecture", "ss_base_model_version", "ss_sd_model_name")
    ).lower()
    return next((model for word, model in _BY_WORD if word in words), None)


def _ranks(header: Header, parts: Mapping[str, lora_names.Part]) -> tuple[int, ...]:
    roles = {"down": 0, "hada_w1_b": 0, "lokr_w1_b": 0, "lokr_w2_b": 0}
    found = {
        header.shapes[name][axis]
        for name, part in parts.items()
        if (axis := roles.get(part.role)) is not None and header.shapes[name]
    }
    return tuple(sorted(found))


def _trigger_words(metadata: Mapping[str, str]) -> tuple[str, ...]:
    said = _first(metadata, "modelspec.trigger_phrase", "trigger_words", "instance_prompt")
    if said is None:
        return ()
    words = _loaded(said)
    listed = words if isinstance(words, list) else said.split(",")
    return _words(str(word) for word in listed if isinstance(word, str))


def _tags(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Of kohya's count of each data set's captions, the most frequent."""
    counts: dict[str, int] = {}
    data_sets = _loaded(metadata.get("ss_tag_frequency", ""))
    for tags in data_sets.values() if isinstance(data_sets, dict) else ():
        for tag, count in tags.items() if isinstance(tags, dict) else ():
            if isinstance(count, int):
                counts[tag] = counts.get(tag, 0) + count
    return _words(sorted(counts, key=lambda tag: (-counts[tag], tag)))


def _words(found: Any) -> tuple[str, ...]:
    cleaned = dict.fromkeys(word for word in map(_clean, found) if word)
    return tuple(cleaned)[:_MAX_WORDS]


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _first(metadata: Mapping[str, str], *keys: str) -> str | None:
    return next((metadata[key] for key in keys if metadata.get(key, "").strip()), None)


def _clean(text: str) -> str:
    """One line of visible characters."""
    visible = "".join(letter if letter.isprintable() else " " for letter in text[:1000])
    return " ".join(visible.split())[:_MAX_LENGTH]


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
