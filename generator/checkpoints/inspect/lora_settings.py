"""What PEFT writes beside a LoRA's tensors, or diffusers into their metadata: alpha, and the kind.

``alpha_pattern`` gives layers an alpha of their own, by names or regular expressions. They come
from strangers, so Python's own matcher never sees them. Standard library only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generator.checkpoints.inspect.header import Header, printable
from generator.checkpoints.inspect.lora_names import PEFT_PREFIX
from generator.checkpoints.inspect.lora_patterns import Budget, Expression, PatternError
from generator.contract.errors import ModelError
from generator.contract.json_text import JsonError, parse_json

_METADATA = "lora_adapter_metadata"  # diffusers
PEFT_NAME, PEFT_SETTINGS = "adapter_model.safetensors", "adapter_config.json"

_MOST_BYTES = 16_000_000
_MOST_EXPRESSIONS = 50
_LONGEST_EXPRESSION = 200
_READABLE = ("LORA", "LOHA", "LOKR")
_KNOWN_AS = {"OLORA": "OLoRA", "PISSA": "PiSSA", "CORDA": "CorDA", "LOFTQ": "LoftQ", "MICA": "MiCA"}
_PLAIN = re.compile(r"\^?(?:[\w.-]|\\\.)+\$?")
# Settings that make a LoRA more than its two matrices, by what they are called.
_MORE_THAN_LORA = {
    "use_qalora": "QA-LoRA",
    "use_bdlora": "BD-LoRA",
    "alora_invocation_tokens": "aLoRA",
    "arrow_config": "Arrow",
    "kasa_config": "KaSA",
    "monteclora_config": "MonteCLoRA",
    "layer_replication": "a LoRA with replicated layers",
}
_CHANGES_THE_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga", "mica")


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """The settings that came with a LoRA, by network; '' is for all."""

    by_network: Mapping[str, _Settings]

    def scale(self, network: str, path: str, rank: int | None) -> float:
        """Return alpha through rank of the layer at ``path``, where no tensor gives alpha.

        ``rank`` is None where the tensors don't say it.
        """
        found = self.by_network.get(network) or self.by_network.get("")
        return found.scale(path, rank) if found else 1.0


@dataclass(frozen=True, slots=True)
class _Settings:
    """What one network's settings say of alpha and rank; None where they don't."""

    alpha: float | None
    rank: float | None
    alphas: _Pattern
    ranks: _Pattern
    is_rank_stabilized: bool

    def scale(self, path: str, rank: int | None) -> float:
        alpha = self.alphas.value(path, self.alpha)
        divisor = float(rank) if rank else self.ranks.value(path, self.rank)
        if alpha is None or not divisor:
            return 1.0
        return alpha / math.sqrt(divisor) if self.is_rank_stabilized else alpha / divisor


@dataclass(frozen=True, slots=True)
class _Pattern:
    """Values by a layer's name or the end of it, and by expressions; the first that fits counts.

    A name that begins with "^" stands for the whole path alone.
    """

    file: Path
    plain: Mapping[str, tuple[int, float]]
    expressions: tuple[tuple[int, Expression, float], ...]
    _known: dict[str, float | None] = field(default_factory=dict)

    def value(self, path: str, default: float | None) -> float | None:
        """Return a layer's value. Raises ModelError where matching takes too long."""
        if path not in self._known:
            self._known[path] = self._looked_up(path)
        found = self._known[path]
        return default if found is None else found

    def _looked_up(self, path: str) -> float | None:
        names = (f"^{path}", *_ends_of(path))
        fitting = [self.plain[name] for name in names if name in self.plain]
        for order, expression, value in self.expressions:
            try:
                if expression.fits(path):
                    fitting.append((order, value))
            except PatternError as error:
                raise _too_much(self.file, expression.text) from error
        return min(fitting)[1] if fitting else None


def read_settings(path: Path, header: Header) -> LoraSettings:
    """Return a LoRA file's settings. Raises ModelError for a kind that can't be read here."""
    found: dict[str, dict[str, Any]] = {}
    beside = path.parent / PEFT_SETTINGS
    is_from_peft = path.name == PEFT_NAME or any(
        name.startswith(PEFT_PREFIX) for name in list(header.tensors)[:1]
    )
    if is_from_peft and beside.is_file():
        with beside.open("rb") as opened:
            found[""] = _json(path, PEFT_SETTINGS, opened.read(_MOST_BYTES))
    for key, value in _json(path, _METADATA, header.metadata.get(_METADATA) or "{}").items():
        # A pipeline says the network before each setting, one network's save_lora_adapter doesn't.
        network, _, name = key.rpartition(".")
        found.setdefault(network, {})[name] = value
    return LoraSettings({name: _checked(path, values) for name, values in found.items()})


def _checked(path: Path, values: Mapping[str, Any]) -> _Settings:
    kind = str(values.get("peft_type") or "LORA").upper()
    if kind not in _READABLE:
        raise _unreadable(path, _KNOWN_AS.get(kind, kind))
    for name, known_as in _MORE_THAN_LORA.items():
        if values.get(name):
            raise _unreadable(path, known_as)
    init_method = str(values.get("init_lora_weights") or "").lower()
    if init_method.startswith(_CHANGES_THE_BASE):
        name = init_method.partition("_niter_")[0]
        raise ModelError(
            "{name} was trained with {format}, which also changes the base model, so the file "
            "alone isn't enough; convert it to a plain LoRA with PEFT "
            "(path_initial_model_for_weight_conversion), and use that.",
            name=path.name,
            format=_KNOWN_AS.get(name.upper(), name),
        )
    alpha = values.get("lora_alpha", values.get("alpha"))
    return _Settings(
        _number(alpha),
        _number(values.get("r")),
        _pattern(path, values.get("alpha_pattern")),
        _pattern(path, values.get("rank_pattern")),
        values.get("use_rslora") is True,
    )


def _pattern(path: Path, given: Any) -> _Pattern:
    plain: dict[str, tuple[int, float]] = {}
    expressions: list[tuple[int, Expression, float]] = []
    budget = Budget()
    for order, (key, value) in enumerate(given.items() if isinstance(given, dict) else ()):
        number = _number(value)
        if number is None:
            continue
        if _PLAIN.fullmatch(key):
            plain.setdefault(key.removesuffix("$").replace("\\", ""), (order, number))
            continue
        if len(key) > _LONGEST_EXPRESSION or len(expressions) == _MOST_EXPRESSIONS:
            raise _too_much(path, key)
        try:
            expressions.append((order, Expression(key, budget), number))
        except PatternError as error:
            raise _too_much(path, key) from error
    return _Pattern(path, plain, tuple(expressions))


def _too_much(path: Path, expression: str) -> ModelError:
    return ModelError(
        "{name} sets the alpha or rank of layers by the pattern {expression!r}, which can't be "
        "read here; name the layers instead.",
        name=path.name,
        expression=printable(expression),
    )


def _ends_of(path: str) -> Iterator[str]:
    """Return the path, and whatever follows one of its dots."""
    while path:
        yield path
        path = path.partition(".")[2]


def _number(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value) if math.isfinite(value) else None
        except OverflowError:
            return None
    return None


def _unreadable(path: Path, known_as: str) -> ModelError:
    return ModelError(
        "{name} is {format}, which can't be read here; LoRA, DoRA, LoHa, LoKr and full differences "
        "can.",
        name=path.name,
        format=printable(known_as),
    )


def _json(path: Path, where: str, text: str | bytes) -> dict[str, Any]:
    try:
        values = parse_json(text)
    except JsonError:
        values = None
    if not isinstance(values, dict):
        raise ModelError(
            "The settings that came with {name} ({settings}) can't be read, and its strength "
            "depends on them; download both again.",
            name=path.name,
            settings=where,
        )
    return values
