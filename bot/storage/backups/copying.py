"""Rows of one database copied into the same tables of another, of whatever kind.

Tables are taken as the databases have them, not as this version knows them: one of an earlier
revision is copied as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    Connection,
    Integer,
    MetaData,
    Table,
    event,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.exc import SQLAlchemyError

from bot.core.errors import BackupError
from bot.storage.migrate import reason_of

REVISION_TABLE = "alembic_version"
_AT_ONCE = 1000  # rows


def table_names(connection: Connection) -> list[str]:
    """Return which tables there are, in order."""
    return sorted(inspect(connection).get_table_names())


def copy_rows(source: Connection, target: Connection) -> dict[str, int]:
    """Copy every row into the empty tables of ``target``, which are of the same revision.

    Return how many each table has on both sides. Raises BackupError where these differ, or where
    a row isn't taken. Whether all of it is kept is for whoever commits.
    """
    old, new = _reflect(source), _reflect(target)
    for table in new.sorted_tables:
        if table.name == REVISION_TABLE:
            continue
        try:
            _copy_table(source, old.tables[table.name], target, table)
        except SQLAlchemyError as error:
            raise BackupError(
                f"A row of {table.name} can't be copied ({reason_of(error)}), so none were."
            ) from error
        except ValueError as error:  # a driver's, of a text that its database can't hold
            raise BackupError(
                f"A row of {table.name} can't be copied ({error}), so none were."
            ) from error
    names = [name for name in new.tables if name != REVISION_TABLE]
    before, after = count_rows(source, names), count_rows(target, names)
    if wrong := [name for name in names if before[name] != after[name]]:
        raise BackupError(
            f"{wrong[0]} had {before[wrong[0]]} rows and the copy has {after[wrong[0]]}, so "
            "nothing was copied; make sure that no other program uses these databases, then try "
            "again."
        )
    return after


def count_rows(connection: Connection, names: Sequence[str]) -> dict[str, int]:
    """Return how many rows each of these tables has."""
    return {
        name: connection.execute(
            select(func.count()).select_from(
                text(connection.dialect.identifier_preparer.quote(name))
            )
        ).scalar_one()
        for name in names
    }


def _reflect(connection: Connection) -> MetaData:
    metadata = MetaData()

    def note_column(_inspector: object, _table: object, column: Any) -> None:
        if isinstance(column["type"], JSON):
            column["type"] = JSON(none_as_null=True)  # NULL stays what it is

    event.listen(metadata, "column_reflect", note_column)
    metadata.reflect(connection)
    return metadata


def _copy_table(source: Connection, old: Table, target: Connection, new: Table) -> None:
    query = select(old).order_by(*old.primary_key).execution_options(yield_per=_AT_ONCE)
    for rows in source.execute(query).mappings().partitions():
        target.execute(insert(new), [dict(row) for row in rows])
    if target.dialect.name == "postgresql":
        for column in new.primary_key:
            if isinstance(column.type, Integer):
                _go_on_counting(target, new.name, column.name)


def _go_on_counting(target: Connection, table: str, column: str) -> None:
    """Have the next row that counts itself get the number after the last."""
    quote = target.dialect.identifier_preparer.quote
    target.execute(
        text(
            f"SELECT setval(sequence, greatest(last, 1), last > 0) FROM (SELECT "  # noqa: S608 - our own names
            f"pg_get_serial_sequence(:table, :column) AS sequence, "
            f"(SELECT coalesce(max({quote(column)}), 0) FROM {quote(table)}) AS last) AS found "
            f"WHERE sequence IS NOT NULL"
        ),
        {"table": quote(table), "column": column},
    )
