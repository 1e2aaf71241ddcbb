"""What may happen between opening a panel and Go; simcord drives the real client."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import RefusedError
from bot.gateway.message_media import file_names
from bot.storage import library
from bot.storage.preferences import SERVER
from tests.bot import files
from tests.bot.app.test_simcord import Place, placed


async def opened(place: Place) -> Any:
    """What /gif without a prompt was answered with, once the prompt was filled in."""
    shown = await place.ada.slash(place.channel, "gif", seed="5")
    form = await place.ada.click(shown.response, label="Words")
    await place.ada.submit_modal(form, {"prompt": "a cat"})
    assert "a cat" in said(shown)
    return shown


def said(shown: Any) -> str:
    """Everything in the panel, as it stands now."""
    return str(shown.response.components)


async def test_go_waits_for_a_file_that_is_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []

    async def refusing(*_: object) -> None:
        held.append(draft_id in place.context.panels_in_hand)
        raise RefusedError("It was too slow.")

    async with placed(tmp_path) as place:
        monkeypatch.setattr(place.context.source_intake, "take_picture", refusing)
        shown = await opened(place)
        found = re.search("do:panel_go:([0-9a-f]+)", said(shown))
        assert found is not None
        draft_id = found[1]
        form = await place.ada.click(shown.response, label="First picture")
        await place.ada.submit_modal(form, {"image": ("a.png", files.still())})
        assert held == [True]
        assert "too slow" in said(shown)
        with place.context.panels_in_hand.holding(draft_id):
            refused = await place.ada.click(shown.response, label="Go")
            assert "still being read" in refused.response.content
        assert (await place.ada.click(shown.response, label="Go")).deferred
        await place.make_file()
        assert [file_names(each) for each in place.results()]
        place.env.raise_errors()


async def test_a_right_that_was_taken_away_meanwhile(tmp_path: Path) -> None:
    """Nothing typed is lost: once it is given back, Go goes on."""
    async with placed(tmp_path) as place:
        shown, guild_id = await opened(place), place.env.guild.id
        preferences = place.context.preferences
        await preferences.change(SERVER, guild_id, {"channels": [1]})
        await place.ada.click(shown.response, label="Go")
        assert "GIFs are made in" in said(shown)
        assert "a cat" in said(shown)
        await preferences.change(SERVER, guild_id, {"channels": None})
        assert (await place.ada.click(shown.response, label="Go")).deferred
        place.env.raise_errors()


async def test_a_gif_that_was_deleted_meanwhile(tmp_path: Path) -> None:
    async with placed(tmp_path) as place:
        await place.ada.slash(place.channel, "gif", prompt="a cat", seed="5")
        await place.make_file()
        [result] = place.results()
        shown = await place.ada.click(result, label="Edit")
        [job] = await place.context.database.read(library.posted_as, result.id)
        assert await place.context.database.write(library.erase, job.id)
        await place.ada.click(shown.response, label="Go")
        assert "was deleted" in said(shown)
        await place.ada.click(shown.response, label="Cancel")
        assert "nothing was made" in said(shown)
        place.env.raise_errors()
