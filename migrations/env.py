"""What Alembic runs for every command: connects to the given address and runs the revisions.

The address comes from the caller (``config.attributes["url"]``), since Alembic's own ini file
would be a second place for it.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from bot.storage.database import create_engine
from bot.storage.postgresql import UPGRADING
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


engine = create_engine(context.config.attributes["url"], UPGRADING)
with engine.begin() as connection:
    _run(connection)
engine.dispose()
