"""The pictures of README and docs/discord.md: the page in a browser, the bot, and nano's GIFs.

``TESTS_PICTURES=docs/discord`` takes them anew; without it there is nothing to do here.
"""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Locator, Page, expect

from bot.sandbox import Sandbox
from bot.sandbox.page.server import PageServer
from generator.contract.limits import NANO
from generator.contract.worker_settings import HOTSHOT_ENGINE
from tests import browser
from tests.bot.end_to_end.process import Setup, running
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

_BALL = "a red ball bouncing on a black background"
_STARS = "a yellow star rising on a navy background"


async def test_the_pictures_are_taken(setup: Setup, discord: Sandbox) -> None:
    directory = os.environ.get("TESTS_PICTURES")
    if not directory:
        pytest.skip("TESTS_PICTURES names no directory for them")
    expect.set_options(timeout=PATIENCE * 1000)
    config = setup.write(generator={"model": NANO, "engine": HOTSHOT_ENGINE})
    view = {"width": 1000, "height": 1180}
    async with PageServer(discord) as server, running(config, discord):
        await discord.commands_registered()
        async with browser.opened(server.url, viewport=view, color_scheme="dark") as tab:
            await _take(tab.page, Path(directory))


async def _take(page: Page, directory: Path) -> None:
    await _ask(page, _STARS, seed="3", count="4")
    stars = page.get_by_role("article").last
    await expect(stars.get_by_role("img")).to_have_count(4)
    await expect(stars.get_by_role("button", name="Cancel")).to_have_count(0)
    await _keep(page.locator("#app"), directory / "page.webp")
    await _keep(stars.locator(".container"), directory / "variations.webp")

    await _ask(page, _BALL, seed="7")
    result = page.get_by_role("article").filter(has_text=_BALL).last
    await expect(result.get_by_role("button", name="Vary a little")).to_be_visible()
    await _keep(result.locator(".container"), directory / "result.webp")
    await result.get_by_role("button", name="More", exact=True).click()
    await _keep(await _private(page, 1), directory / "more.webp")
    await result.get_by_role("button", name="Edit", exact=True).click()
    await _keep(await _private(page, 2), directory / "panel.webp")


async def _ask(page: Page, prompt: str, **options: str) -> None:
    await page.locator("#composer-text").fill(f"/gif {prompt}")
    for name, value in options.items():
        await page.get_by_role("button", name=re.compile(f"Add {name}:")).click()
        await page.get_by_label(name, exact=True).fill(value)
    await page.keyboard.press("Enter")
    await expect(page.locator("#composer-text")).to_be_focused()


async def _private(page: Page, count: int) -> Locator:
    """Wait for the next answer that nobody else sees."""
    answers = page.get_by_role("article").filter(has_text="Only you can see this")
    await expect(answers).to_have_count(count)
    return answers.last.locator(".container")


async def _keep(part: Locator, file: Path) -> None:
    """Draw a part of the page into a small file."""
    with Image.open(io.BytesIO(await part.screenshot())) as picture:
        picture.convert("RGB").save(file, quality=80, method=6)
