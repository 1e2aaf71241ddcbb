"""/help: what the bot can do, and a picture of what each option does."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from bot.sandbox import Person, Sandbox
from bot.ui.guide import PAGES, Page
from tests.bot.end_to_end.process import Setup, running


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_has_a_small_picture_that_moves(page: Page) -> None:
    data = page.picture.read_bytes()
    assert len(data) < 250_000
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.n_frames > 4  # type: ignore[attr-defined]


async def test_pages_are_turned_in_one_message(setup: Setup, discord: Sandbox, ada: Person) -> None:
    async with running(setup.write(), discord):
        first = await (await ada.slash("help")).message()
    async with running(setup.write(), discord):
        for page in PAGES:
            turned = await ada.choose(first, "pick:help", page.name)
            await turned.acknowledged()
            assert first.embeds[0]["title"] == page.name
            assert str(page.words) in first.text
            names = [file.filename for file in first.files]
            assert names == [page.picture.name]
            assert all(file.description for file in first.files)
