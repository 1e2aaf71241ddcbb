"""No table, column or file of the data directory is forgotten by exports and erasures."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import JSON

from bot.storage.personal_data import TABLES
from bot.storage.personal_rows import Blank, Delete, Keep, TableData
from bot.storage.tables import metadata

ADVICE = "say in bot/storage/personal_data.py whose its rows are, and what becomes of them"
PEOPLE = (
    "user_id",
    "owner_id",
    "actor_id",
    "reporter_id",
    "author_id",
    "member_id",
    "target_id",
    "allowed_by",
    "decided_by",
)
FILES = ("blob", "output", "withheld")


def by_name(data: TableData) -> str:
    return data.table.name


def test_every_table_is_declared_once() -> None:
    declared = Counter(map(by_name, TABLES))
    assert set(declared) == set(metadata.tables), ADVICE
    assert set(declared.values()) == {1}


@pytest.mark.parametrize("data", TABLES, ids=by_name)
def test_every_column_is_exported_or_said_why_not(data: TableData) -> None:
    columns = {column.name for column in data.table.columns}
    if data.export is None:
        assert data.nobodys, ADVICE
        assert not data.exported
        return
    assert not data.nobodys
    assert {*data.exported, *data.unexported} == columns, ADVICE
    assert not set(data.exported) & set(data.unexported)


@pytest.mark.parametrize("data", TABLES, ids=by_name)
def test_whoever_is_named_is_found(data: TableData) -> None:
    """A column with a person's or a server's id means that there is something to erase there."""
    names = {column.name for column in data.table.columns}
    if names & set(PEOPLE) and not _is_server_setting(data):
        assert data.of_person, ADVICE
    if "guild_id" in names:
        assert data.of_server, ADVICE
    for erasure in (*data.of_person, *data.of_server):
        assert isinstance(erasure, Delete) or erasure.why
        if isinstance(erasure, Blank):
            assert set(erasure.values) <= names
    if any(isinstance(each, Delete | Blank | Keep) for each in data.of_person):
        assert data.export is not None, "what is a person's is theirs to have"


def _is_server_setting(data: TableData) -> bool:
    return not data.of_person and bool(data.nobodys)


def test_nobodys_tables_name_nobody() -> None:
    for data in TABLES:
        if data.nobodys:
            names = {column.name for column in data.table.columns}
            assert not names & set(PEOPLE), (data.table.name, ADVICE)


@pytest.mark.parametrize("data", TABLES, ids=by_name)
def test_every_file_that_a_row_names_is_erased_with_it(data: TableData) -> None:
    row: dict[str, Any] = {
        column.name: {"files": [{"blob": "inside"}]} if isinstance(column.type, JSON) else None
        for column in data.table.columns
    }
    named = {name: f"its {name}" for name in row if name in FILES}
    deletes = any(isinstance(each, Delete) for each in data.of_person)
    if not deletes:
        return
    found = {blob for blob in data.blobs(row | named) if blob}  # type: ignore[arg-type]
    assert found - {"inside"} == set(named.values()), ADVICE
