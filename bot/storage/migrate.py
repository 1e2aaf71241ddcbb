"""Brings a database to this version, and refuses one of a newer version.

Alembic takes most of a second to import, so it is only touched when there is something to upgrade:
the newest revision is read from the file names in ``migrations/versions``, the database's own from
its ``alembic_version`` table. A new database gets its tables as they are now, which is how the last
revision leaves them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import resources

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    inspect,
    text,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from bot.core.errors import DatabaseError
from bot.storage import tables

logger = logging.getLogger(__name__)


BeforeUpgrade = Callable[[str], str]
"""Called with the revision that is about to be left; returns what a failure has to say of it."""


def migrate(engine: Engine, before_upgrade: BeforeUpgrade | None = None) -> str | None:
    """Upgrade where needed; return the revision it came from, None for a new database.

    Raises DatabaseError where the file can't be used or is of a newer version, or where a migration
    fails; then all is as it was.
    """
    current = revision_of(engine)
    newest = known_revisions()[-1]
    if current is None:
        logger.info("making a new database, of revision %s", newest)
        create(engine)
    elif current != newest:
        hint = before_upgrade(current) if before_upgrade is not None else ""
        logger.info("bringing the database from revision %s to %s", current, newest)
        try:
            upgrade(engine.url)
        except (SQLAlchemyError, OSError) as error:
            raise DatabaseError(
                f"The database {name_of(engine.url)} couldn't be upgraded from revision {current} "
                f"to {newest} ({reason_of(error)}), and is as it was. Fix what that says and "
                f"start again, or continue with the version that was here before{hint}."
            ) from error
    return current


def create(engine: Engine) -> None:
    """Make a new database's tables, all or none. Raises DatabaseError."""
    try:
        with engine.execution_options(begins_to_write=True).begin() as connection:
            create_tables(connection)
    except (SQLAlchemyError, OSError) as error:
        raise unusable(engine.url, error) from error


def create_tables(connection: Connection) -> None:
    """Make this version's tables, within a transaction of the caller's."""
    metadata = _newest_metadata()
    metadata.create_all(connection, checkfirst=False)
    revision = metadata.tables["alembic_version"].insert()
    connection.execute(revision.values(version_num=known_revisions()[-1]))


def revision_of(engine: Engine) -> str | None:
    """Return the database's revision, None for a new one.

    Raises DatabaseError where the file can't be used or is of a newer version.
    """
    try:
        with engine.connect() as connection:
            current = _read_revision(connection)
            damage = _damage(connection)
    except (SQLAlchemyError, OSError) as error:
        raise unusable(engine.url, error) from error
    if damage:
        raise DatabaseError(
            f"The database {name_of(engine.url)} is damaged ({damage}); put back a copy of it, or "
            f"save what can be read with `sqlite3 {name_of(engine.url)} .recover`."
        )
    known = known_revisions()
    if current is not None and current not in known:
        raise DatabaseError(
            f"The database {name_of(engine.url)} is of a newer version (revision {current}, this "
            f"one knows up to {known[-1]}); update hotshot-bot, or name another database."
        )
    return current


def known_revisions() -> list[str]:
    """Return this version's revisions, oldest first: the numbers its files' names begin with."""
    names = (entry.name for entry in resources.files("migrations.versions").iterdir())
    return sorted(name.split("_")[0] for name in names if name[:1].isdigit())


def _read_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _damage(connection: Connection) -> str:
    """Return the first thing wrong with a SQLite file, if any; others look after themselves."""
    if connection.dialect.name != "sqlite":
        return ""
    verdict = str(connection.scalar(text("PRAGMA quick_check(1)")))
    return "" if verdict == "ok" else verdict.splitlines()[-1].strip()


def _newest_metadata() -> MetaData:
    """Return our tables and Alembic's own, as its documentation describes it."""
    metadata = MetaData()
    for table in tables.metadata.sorted_tables:
        table.to_metadata(metadata)
    Table(
        "alembic_version",
        metadata,
        Column("version_num", String(32), nullable=False),
        PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
    )
    return metadata


def upgrade(url: URL, revision: str = "head") -> None:
    """Run Alembic, imported here, where it is needed at last.

    All of it is one transaction. Raises SQLAlchemyError, OSError.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(resources.files("migrations")))
    config.attributes["url"] = url
    command.upgrade(config, revision)


def unusable(url: URL, error: Exception) -> DatabaseError:
    """Return what is said of a database that can't be opened."""
    if url.get_backend_name() != "sqlite":
        return DatabaseError(
            f"The database {name_of(url)} can't be used ({reason_of(error)}); check its address in "
            "storage.database_url, that its server runs, and that this user may write to it."
        )
    return DatabaseError(
        f"The database {name_of(url)} can't be used ({reason_of(error)}); check that it is a "
        "database of hotshot-bot, that its disk has room, and that this user may write to it."
    )


def reason_of(error: Exception) -> str:
    """Return the first line of what the driver says."""
    return str(getattr(error, "orig", None) or error).splitlines()[0].rstrip(".")


def name_of(url: URL) -> str:
    """Return a database's address as people may read it."""
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database
    return url.render_as_string(hide_password=True)
