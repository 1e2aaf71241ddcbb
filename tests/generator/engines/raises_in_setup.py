"""Can't load its model: with a sentence for a person, or with a bug."""

from __future__ import annotations

from generator.contract.errors import ModelError
from generator.worker.engine import Engine


def create(*, model: str, device: str, precision: str) -> Engine:
    raise ModelError(f"There is no model at {model}; give a directory.")


def create_with_bug(*, model: str, device: str, precision: str) -> Engine:
    raise KeyError("down_blocks")
