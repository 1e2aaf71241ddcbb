"""Queries on ``costs``: what was learnt of a model's pace on a device. The sums are opaque here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select

from bot.storage.tables import costs


def load(connection: Connection, model: str) -> dict[str, Any]:
    """Return what is known of ``model``, by device."""
    query = select(costs.c.device, costs.c.sums).where(costs.c.model == model)
    return {row.device: row.sums for row in connection.execute(query)}


def save(connection: Connection, model: str, device: str, sums: Any) -> None:
    """Replace what was known of a model on a device."""
    mine = (costs.c.model == model) & (costs.c.device == device)
    connection.execute(delete(costs).where(mine))
    connection.execute(insert(costs).values(model=model, device=device, sums=sums))
