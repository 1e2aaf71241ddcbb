"""CLIP's tokenizer, from the files that a model directory has: vocabulary, merges, markers.

The byte-level BPE is that of the library ``tokenizers``; what is set up around it is what
transformers' ``CLIPTokenizer`` sets up, whose import takes longer than a small GIF.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE

from generator.checkpoints.weights import read_config

_WORDS = Regex(
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)
_NO_LIMIT = 10**9
_DEFAULTS = {
    "bos_token": "<|startoftext|>",
    "eos_token": "<|endoftext|>",
    "unk_token": "<|endoftext|>",
    "pad_token": "<|endoftext|>",
}


@dataclass(frozen=True, slots=True)
class ClipTokenizer:
    """Turns text into the numbers of its tokens, a marker at each end.

    ``directory`` is where it was read; ``model_max_length`` how many tokens its encoder takes.
    """

    directory: Path
    tokenizer: Tokenizer
    model_max_length: int
    pad_token_id: int

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Read a directory. Raises whatever its files make the library raise; ModelError for JSON.

        A file that says nothing of a marker leaves it CLIP's own.
        """
        config = _optional_config(directory / "tokenizer_config.json")
        special = _optional_config(directory / "special_tokens_map.json") | config
        markers = {
            name: _token(special.get(name) or default) for name, default in _DEFAULTS.items()
        }
        tokenizer = _bpe(directory, str(markers["unk_token"].content))
        added = config.get("added_tokens_decoder") or {}
        tokenizer.add_tokens([_token(added[number]) for number in sorted(added, key=int)])
        # Where a text spells a marker, it is that marker.
        tokenizer.add_special_tokens(list(markers.values()))
        numbers = tokenizer.get_vocab(with_added_tokens=True)
        ends, begins = markers["eos_token"].content, markers["bos_token"].content
        tokenizer.post_processor = processors.RobertaProcessing(
            (ends, numbers[ends]),
            (begins, numbers[begins]),
            trim_offsets=False,
            add_prefix_space=False,
        )
        length = int(min(config.get("model_max_length") or _NO_LIMIT, _NO_LIMIT))
        return cls(directory, tokenizer, length, numbers[markers["pad_token"].content])

    def __len__(self) -> int:
        return int(self.tokenizer.get_vocab_size(with_added_tokens=True))

    def encode(self, text: str) -> list[int]:
        """Return the numbers of a text's tokens, its two markers among them, however many."""
        ids: list[int] = self.tokenizer.encode(text).ids
        return ids

    def encode_padded(self, text: str, length: int) -> list[int]:
        """Return exactly ``length`` numbers: a long text loses words, not its last marker."""
        ids = self.encode(text)
        if len(ids) > length:
            ids = [*ids[: length - 1], ids[-1]]
        return ids + [self.pad_token_id] * (length - len(ids))


def _bpe(directory: Path, unknown: str) -> Tokenizer:
    tokenizer = Tokenizer(
        BPE.from_file(
            str(directory / "vocab.json"),
            str(directory / "merges.txt"),
            unk_token=unknown,
            continuing_subword_prefix="",
            end_of_word_suffix="</w>",
            fuse_unk=False,
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(_WORDS, behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return tokenizer


def _token(said: str | Mapping[str, Any]) -> AddedToken:
    """Return a token that is no word, as a file says it: its text, or how it is found as well."""
    if isinstance(said, str):
        return AddedToken(said, special=True, normalized=False)
    known = ("single_word", "lstrip", "rstrip", "normalized", "special")
    return AddedToken(said["content"], **{name: said[name] for name in known if name in said})


def _optional_config(path: Path) -> dict[str, Any]:
    return read_config(path) if path.is_file() else {}
