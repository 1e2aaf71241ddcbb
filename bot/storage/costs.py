"""Queries on ``costs``: what was learnt of a model's pace on a device. The sums are opaque here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from bot.storage.tables import costs

# made once, since building them takes longer than running them
_FORGET = delete(costs).where(
    costs.c.model == bindparam("its_model"), costs.c.device == bindparam("its_device")
)
_KEEP = insert(costs)


def load(connection: Connection, model: str) -> dict[str, Any]:
    """Return what is known of ``model``, by device."""
    query = select(costs.c.device, costs.c.sums).where(costs.c.model == model)
    return {row.device: row.sums for row in connection.execute(query)}


def save(connection: Connection, model: str, device: str, sums: Any) -> None:
    """Replace what was known of a model on a device."""
    connection.execute(_FORGET, {"its_model": model, "its_device": device})
    connection.execute(_KEEP, {"model": model, "device": device, "sums": sums})
