"""What a LoRA file says of itself: for whom it was made, how large it is, what words wake it.

Reads no tensor for it but what the check itself looks at. A maker's words are data from
strangers: they are cleaned of control characters and cut before anybody sees them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from generator.checkpoints.inspect import lora_names
from generator.checkpoints.inspect.lora_base import base_model
from generator.checkpoints.inspect.lora_file import LoraFile
from generator.checkpoints.inspect.lora_shapes import rank_of
from generator.contract.few_steps import FewSteps, recognise
from generator.contract.json_text import JsonError, parse_json
from generator.contract.text import Text

_MAX_WORDS = 40
_MAX_LENGTH = 120  # characters of one word, tag or title


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraFacts:
    """What people want to know of a LoRA before they use it.

    ``base_model`` is None where neither words nor shapes tell; ``ranks`` are all that occur.

    ``format`` is LoRA, DoRA, LoHa, LoKr or full difference; ``networks`` those that it changes;
    ``trigger_words`` are what the maker says to write, ``tags`` the captions' most frequent ones.
    ``left_aside`` are words whose embeddings are in the file, too; those aren't used.
    ``has_magnitudes`` says that it is a DoRA, of whatever format; ``lacks_alpha`` that PEFT wrote
    it, and what it wrote beside it isn't there. ``few_steps`` is what a distilled one is called
    (``generator.contract.few_steps``), by its file's name and metadata; "" for any other.
    """

    title: str
    base_model: str | None
    format: str
    ranks: tuple[int, ...]
    networks: tuple[str, ...]
    trigger_words: tuple[str, ...]
    tags: tuple[str, ...]
    layers: int
    left_aside: tuple[str, ...]
    has_magnitudes: bool
    lacks_alpha: bool
    size_bytes: int
    sha256: str
    few_steps: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as plain JSON values."""
        return asdict(self)

    @property
    def notes(self) -> tuple[Text, ...]:
        """Return what whoever uses it should know, a sentence each."""
        return notes_of(self.to_dict())


def notes_of(facts: Mapping[str, Any]) -> tuple[Text, ...]:
    """Return the sentences that facts deserve, which may have been kept by an earlier version."""
    notes: list[Text] = []
    if facts.get("has_magnitudes"):
        notes.append(
            Text(
                "This is a DoRA: at strength 1 it works as it was trained; other strengths "
                "scale its whole effect, and 0 turns it off."
            )
        )
    if left := facts.get("left_aside"):
        notes.append(
            Text(
                "It also contains embeddings ({words}), which aren't used; only the LoRA is.",
                words=", ".join(map(str, left)),
            )
        )
    if few := few_steps_in(facts):
        notes.append(
            Text(
                "This is a distilled LoRA ({name}): unless you choose otherwise, GIFs with it take "
                "{steps} steps of the sampler {sampler}.",
                name=few.name,
                steps=few.steps_at(None),
                sampler=few.scheduler,
            )
        )
    if facts.get("lacks_alpha"):
        notes.append(
            Text(
                "PEFT stores its alpha in adapter_config.json, which is missing, so it may act too "
                "strongly or too weakly."
            )
        )
    return tuple(notes)


def few_steps_in(facts: Mapping[str, Any], *names: str) -> FewSteps | None:
    """Return what a distilled LoRA brings, by its facts, or else by ``names``; None for others."""
    said = str(facts.get("few_steps") or "")
    with suppress(ValueError):  # another version's word
        if said:
            return FewSteps.named(said)
    return recognise([*names, str(facts.get("title") or "")])


def facts_of(lora: LoraFile, called: str = "") -> LoraFacts:
    """Return the facts of a file that was read and checked; ``called`` is its name elsewhere.

    Its hash takes another look at all of it.
    """
    metadata = lora.header.metadata
    roles = {role for layer in lora.layers.values() for role in layer.shapes}
    ranks = {rank for layer in lora.layers.values() if (rank := rank_of(layer.shapes))}
    titles = titles_of(metadata)
    few = recognise([called or lora.path.stem, *titles], metadata)
    return LoraFacts(
        title=titles[0] if titles else _clean(lora.path.stem),
        base_model=base_model(lora),
        format=lora_names.format_of(roles),
        ranks=tuple(sorted(ranks)),
        networks=tuple(sorted({network for network, _ in lora.layers})),
        trigger_words=_trigger_words(metadata),
        tags=_tags(metadata),
        layers=len(lora.layers),
        left_aside=_words(lora.embeddings),
        has_magnitudes=bool(roles & {"dora", "dora_scale"}),
        lacks_alpha=lora.lacks_alpha,
        size_bytes=lora.path.stat().st_size,
        sha256=_sha256(lora.path),
        few_steps=few.name if few else "",
    )


def titles_of(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a file's maker calls it."""
    keys = ("modelspec.title", "ss_output_name")
    return tuple(_clean(metadata[key]) for key in keys if metadata.get(key, "").strip())


def _trigger_words(metadata: Mapping[str, str]) -> tuple[str, ...]:
    said = _first(metadata, "modelspec.trigger_phrase", "trigger_words", "instance_prompt")
    if said is None:
        return ()
    words = _loaded(said)
    listed = words if isinstance(words, list) else said.split(",")
    return _words(str(word) for word in listed if isinstance(word, str))


def _tags(metadata: Mapping[str, str]) -> tuple[str, ...]:
    """Return the most frequent tags, by kohya's count of each data set's captions."""
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
        return parse_json(text)
    except JsonError:
        return None


def _first(metadata: Mapping[str, str], *keys: str) -> str | None:
    return next((metadata[key] for key in keys if metadata.get(key, "").strip()), None)


def _clean(text: str) -> str:
    """Return one line of visible characters."""
    visible = "".join(letter if letter.isprintable() else " " for letter in text[:1000])
    return " ".join(visible.split())[:_MAX_LENGTH]


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
