"""Tells a link from a path. Standard library only."""

from __future__ import annotations


def is_link(text: str) -> bool:
    """Whether this is to be fetched rather than opened."""
    return text.lower().startswith(("http://", "https://"))
