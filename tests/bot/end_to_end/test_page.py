"""The page as people use it, in a real browser, with the real bot."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from bot.sandbox import Sandbox
from bot.sandbox.page.server import PageServer
from tests import browser
from tests.bot import files
from tests.bot.end_to_end.process import Setup, running
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

_PROMPT = "<b>a red ball</b> & **bold**"


@pytest.fixture(autouse=True)
def patient() -> None:
    expect.set_options(timeout=PATIENCE * 1000)


async def test_everything_can_be_tried_in_a_browser(
    setup: Setup, discord: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.engine = "tests.bot.engines.shows:create"
    go = setup.directory / "go"
    monkeypatch.setenv("TESTS_GO_FILE", str(go))
    async with PageServer(discord) as server, running(setup.write(), discord):
        await discord.commands_registered()
        view = {"width": 1100, "height": 800}
        async with browser.opened(server.url, viewport=view, color_scheme="dark") as tab:
            await _make_a_gif_by_keyboard(tab, go)
            await _press_and_fill_in(tab)
            await _upload_a_control_gif(tab, setup.directory)
            await _be_somebody_else_in_german(tab)


async def _make_a_gif_by_keyboard(tab: browser.Tab, go: Path) -> None:
    page, keyboard = tab.page, tab.page.keyboard
    await page.locator("#composer-text").wait_for()
    await tab.check_access()
    await keyboard.press("Tab")
    await keyboard.press("Enter")  # the link to the message box
    await expect(page.locator("#composer-text")).to_be_focused()
    await keyboard.type("/gi")
    await expect(_offers(page).first).to_contain_text("/gif")
    await tab.check_access()
    await keyboard.press("Enter")
    await expect(page.get_by_label("prompt", exact=True)).to_be_focused()
    await keyboard.type(_PROMPT)
    await keyboard.press("Enter")
    message = page.get_by_role("article").last
    await expect(message.get_by_role("img")).to_be_visible()  # the preview
    await expect(message.get_by_role("button", name="Cancel")).to_be_visible()
    await tab.check_access()
    await _picture(page, "preview")
    go.touch()  # noqa: ASYNC240 - at once
    await expect(message.get_by_role("button", name="Vary a little")).to_be_visible()
    await expect(message).to_contain_text(_PROMPT)  # as it was typed
    await expect(message.locator("b", has_text="red")).to_have_count(0)
    await tab.check_access()
    await _picture(page, "result")


async def _press_and_fill_in(tab: browser.Tab) -> None:
    page = tab.page
    first = page.get_by_role("article").first
    await first.get_by_role("button", name="Vary a little").click()
    await expect(page.get_by_role("button", name="Vary a little")).to_have_count(2)
    await first.get_by_role("button", name="Edit").click()
    panel = page.get_by_role("article").filter(has_text="Only you can see this").last
    await panel.get_by_role("button", name="Words", exact=True).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_be_visible()
    await tab.check_access()
    await _picture(page, "form")
    await dialog.get_by_label("Prompt", exact=False).first.fill("a blue square")
    await page.keyboard.press("Tab")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog).to_have_count(0)
    await expect(panel).to_contain_text("a blue square")
    await _picture(page, "panel")


async def _upload_a_control_gif(tab: browser.Tab, directory: Path) -> None:
    page = tab.page
    dance = directory / "dance.gif"
    dance.write_bytes(files.gif(frames=12))
    await page.locator("#composer-text").fill("/gif a robot")  # as it is pasted
    await expect(page.get_by_label("prompt", exact=True)).to_have_value("a robot")
    await page.get_by_role("button", name=re.compile("Add control_gif")).click()
    await page.get_by_label("control_gif", exact=True).set_input_files(dance)
    await tab.check_access()
    await page.get_by_role("button", name="Send /gif").click()
    sheet = page.get_by_role("article").last
    await expect(sheet.get_by_role("button", name="Go")).to_be_visible()
    await expect(sheet.get_by_role("img")).to_be_visible()
    await tab.check_access()
    await _picture(page, "contact-sheet")
    await sheet.get_by_role("button", name="Go").click()
    await expect(page.get_by_role("button", name="Vary a little")).to_have_count(3)


async def _be_somebody_else_in_german(tab: browser.Tab) -> None:
    page = tab.page
    await page.get_by_label("You are").select_option("Sam")
    await expect(page.get_by_text("Only you can see this")).to_have_count(0)
    await page.get_by_label("Language").select_option("Deutsch")
    await page.get_by_label("Colours").select_option("Light")
    await page.set_viewport_size({"width": 390, "height": 760})
    await page.locator("#composer-text").press_sequentially("/gif")
    await expect(_offers(page).first).to_contain_text("Macht ein GIF")
    await tab.check_access()
    await _picture(page, "german-light-narrow")


async def _picture(page: Page, name: str) -> None:
    """Keep a picture in the directory of TESTS_PICTURES, if there is one."""
    if directory := os.environ.get("TESTS_PICTURES"):
        await page.screenshot(path=Path(directory) / f"page-{name}.png")


def _offers(page: Page) -> Locator:
    """The commands that are offered while one is typed."""
    return page.locator(".suggestions:not([hidden])").get_by_role("option")
