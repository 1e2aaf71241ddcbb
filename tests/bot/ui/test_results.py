"""What stands under a result fits Discord's limits, with the master's button as well."""

from __future__ import annotations

import pytest

from bot.commands import ACTIONS
from bot.ui.results import EDITS, result_view
from generator.media import edits


@pytest.mark.parametrize("offers_master", [True, False])
async def test_the_rows(offers_master: bool) -> None:
    rows = result_view("a" * 32, offers_master=offers_master).to_components()
    assert [len(row["components"]) for row in rows] == [5, 5, 1, *[1] * offers_master]
    custom_ids = [part["custom_id"] for row in rows for part in row["components"]]
    assert len(set(custom_ids)) == len(custom_ids)
    actions = {name.split(":")[1] for name in custom_ids if not name.startswith("master:")}
    assert actions <= set(ACTIONS)


def test_every_edit_can_be_done() -> None:
    assert set(EDITS) == set(edits.EDITS)
