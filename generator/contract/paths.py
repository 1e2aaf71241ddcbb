"""What somebody typed: a path that is there, or a name on the hub. Standard library only."""

from __future__ import annotations

from pathlib import Path

_WEIGHTS = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")


def existing_path(text: str) -> Path | None:
    """Return the file or directory of that name; None where there is none, or can't be."""
    try:
        path = Path(text).expanduser()
    except (RuntimeError, ValueError):  # the home of somebody unknown, or of a name with a null
        return None
    try:
        return path if path.exists() else None
    except OSError:  # longer than any path, or in a directory that may not be searched
        return None


def without_directory(given: str) -> str:
    """Return a path's last part, for texts that strangers see; hub ids and links stay."""
    if given.lower().startswith(("http://", "https://")):
        return given
    is_path = existing_path(given) is not None or given.startswith(("/", "~", "."))
    return Path(given).name if is_path else given


def parse_hub_id(text: str) -> tuple[str, str] | None:
    """Return the repository (owner/name) that a hub id names, and the file in it, or "".

    None for what reads like a path: ``models/pixels.safetensors`` is a file that isn't there.
    """
    parts = text.split("/")
    if text.startswith((".", "/", "~")) or len(parts) < 2 or not all(parts):
        return None
    if len(parts) == 2 and text.lower().endswith(_WEIGHTS):
        return None
    return "/".join(parts[:2]), "/".join(parts[2:])


def split_strength(text: str) -> tuple[str, str | None]:
    """Return the two parts of ``PATH[:STRENGTH]``; a path may hold colons of its own."""
    path, colon, strength = text.rpartition(":")
    if not colon or "/" in strength or "\\" in strength or existing_path(text):
        return text, None
    return path, strength
