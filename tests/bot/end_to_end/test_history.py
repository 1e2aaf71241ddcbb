"""/history and /show: thumbnails, words, filters, favourites, lineage; one's own alone."""

from __future__ import annotations

import io

from PIL import Image

from bot.sandbox import Person, Sandbox
from tests.bot.end_to_end.process import Setup, running
from tests.bot.end_to_end.sheets import sheet_of
from tests.bot.end_to_end.test_buttons import posted, said


async def test_pages_words_filters_and_lineage(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    async with running(setup.write(), discord):
        prompts = ["Red fox", "red_dog", "100% cat", *(f"tree {number}" for number in range(4))]
        made = [await posted(await ada.slash("gif", prompt=prompt)) for prompt in prompts]
        await posted(await bob.press(made[0], "Again"))
        await setup.all_over()
        await said(await bob.press(await sheet_of(bob, made[2]), "Favourite"))
        shown = await ada.slash("history")
        page = await shown.message()
        assert "7 in all" in page.text
        with Image.open(io.BytesIO(page.files[0].data)) as picture:
            assert picture.width > 5 * 128
        await ada.press(page, "Older ▶")
        older = await shown.message(lambda message: "Page 2 of 2" in message.text)
        assert "Red fox" in older.text
        for search, count in (("red", 2), ("RED dog", 0), ("d_d", 1), ("0%", 1), ("%", 1)):
            words = await said(await ada.slash("history", search=search))
            assert (f"{count} in all" in words) is bool(count), (search, words)
        favourites = await said(await bob.slash("history", only="favourites"))
        assert "100% cat" in favourites
        assert "1 in all" in favourites
        assert "None of your GIFs match" in await said(await bob.slash("history", only="failed"))
        picked = await ada.choose(older, "pick:history_pick", "2. Red fox")
        whole = await picked.message()
        assert "1 GIF was made from it" in whole.text
        assert whole.results
        assert whole.ephemeral
        [choice] = await bob.autocomplete("show", "id", "fox")
        about = await said(await bob.slash("show", id=choice["value"]))
        assert "(made again)" in about
        assert "have no such GIF" in await said(await ada.slash("show", id=choice["value"]))
        for wrong in ("", "%" * 12, "0" * 12, "' OR 1=1 --"):
            answer = await said(await ada.careless().slash("show", id=wrong or " "))
            assert "no such GIF" in answer
