"""What Alembic runs for every command: connects to the given address and runs the revisions.

The address comes from the caller (``config.attributes["url"]``), since Alembic's own ini file
would be a second place for it.
"""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection

from bot.storage.database import create_engine
from bot.storage.tables import metadata


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,  # SQLite can't alter most of a table in place
        transactional_ddl=True,  # killed half-way, a migration leaves nothing behind
    )
    with context.begin_transaction():
        context.run_migrations()


async def _upgrade() -> None:
    engine = create_engine(context.config.attributes["url"])
    async with engine.begin() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


asyncio.run(_upgrade())
