"""What people bring instead of a safetensors file, told by its first bytes or its name.

Each is called what it is, with what to do about it. Standard library only; nothing is unpacked.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from generator.contract.errors import ModelError
from generator.contract.text import Text

FOREIGN_BYTES = 1024  # how many of a file's first ones are wanted
PICKLE_SUFFIXES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")

_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_ZIP = b"PK\x03\x04"
# What torch.save calls the members of its ZIP files; one of them comes first.
_MEMBERS_OF_TORCH = (b"/data.pkl", b"/data/", b"/version", b"/byteorder", b"/.format_version")
_ARCHIVES = (b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"\xfd7zXZ", b"BZh", b"\x28\xb5\x2f\xfd")
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"\x1aE\xdf\xa3")
_UTF8_MARK = b"\xef\xbb\xbf"

_EMPTY = Text("{name} is empty; download it again.")
_PICKLE = Text(
    "{name} is a pickle, which could run code when read; get the .safetensors version of it, or "
    "convert it on a machine you don't mind losing."
)
_POINTER = Text(
    "{name} is only a Git LFS pointer, not the file that it points to; run `git lfs pull`, or use "
    "the download button on its page."
)
_PAGE = Text(
    "{name} is a web page, not a model, probably one that asks you to log in; log in there, "
    "download the file itself, and use that."
)
_MESSAGE = Text(
    "{name} is a message from a website ({beginning}), not a model; download the file itself, "
    "logged in if the site asks for it."
)
_GGUF = Text(
    "{name} is a GGUF file, made for llama.cpp and similar programs; get the .safetensors version "
    "of it."
)
_ARCHIVE = Text("{name} is an archive; unpack it, and use the .safetensors file inside.")
_PICTURE = Text("{name} is a picture or a video, not a model; choose the .safetensors file.")
_MESSAGES = (b'{"', b"[", b"error", b"not found", b"access denied", b"unauthorized", b"forbidden")
_BY_TEXT: tuple[tuple[tuple[bytes, ...], Text], ...] = (
    ((b"version https://git-lfs",), _POINTER),
    ((b"<!doctype", b"<html", b"<?xml", b"<head", b"<!--"), _PAGE),
)


def is_picture(start: bytes) -> bool:
    """Return whether a file that begins so is a picture or a film."""
    return start.startswith(_PICTURES) or start[4:8] == b"ftyp"


def refuse_foreign(path: Path, start: bytes) -> None:
    """Raise ModelError, naming what a file is that begins so, with FOREIGN_BYTES or less."""
    sentence = _sentence(path, start)
    if sentence is not None:
        beginning = " ".join(start[:60].decode("utf-8", "replace").split())
        raise ModelError(sentence.with_values(name=path.name, beginning=repr(beginning)))


def _sentence(path: Path, start: bytes) -> Text | None:
    text = start.removeprefix(_UTF8_MARK).lstrip().lower()
    by_text = next((words for signs, words in _BY_TEXT if text.startswith(signs)), None)
    if by_text is not None or start[8:9] == b"{":  # a header, whose length may look like anything
        return by_text
    return next((words for is_so, words in _signs(path, start, text) if is_so), None)


def _signs(path: Path, start: bytes, text: bytes) -> Iterator[tuple[bool, Text]]:
    is_zip = start.startswith(_ZIP)
    by_name = path.suffix.lower() in PICKLE_SUFFIXES
    is_from_torch = by_name or any(member in start for member in _MEMBERS_OF_TORCH)
    yield start.startswith(b"GGUF"), _GGUF
    yield is_zip and not is_from_torch, _ARCHIVE
    yield is_zip or start.startswith(_PICKLES) or by_name, _PICKLE
    yield start.startswith(_ARCHIVES), _ARCHIVE
    yield is_picture(start), _PICTURE
    yield text.startswith(_MESSAGES), _MESSAGE
    yield not start, _EMPTY
