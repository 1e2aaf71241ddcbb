"""A path that is there, or something else that somebody typed. Standard library only."""

from __future__ import annotations

from pathlib import Path


def existing(text: str) -> Path | None:
    """The file or directory of that name; None where there is none, or no path can be so called."""
    try:
        path = Path(text).expanduser()
        return path if path.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long, of an unknown home, with a null in it
        return None
