"""One real Chromium that a test drives: Debian's, by Playwright; no other browser is downloaded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Request, async_playwright

from tests.patience import PATIENCE
from tests.programs import need_program

_SERIOUS = ("serious", "critical")


class Tab:
    """A page, and all that went wrong in it: errors that it wrote, and what it asked elsewhere."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self._address = address
        self.troubles: list[str] = []
        self.expected: list[str] = []  # beginnings of what a test provokes
        self._home = urlsplit(address)[:2]
        self._watch(page)

    def _watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("console", self._note)
        page.on("request", self._check)

    async def another(self) -> Page:
        """Open the address once more, beside the first."""
        page = await self.page.context.new_page()
        self._watch(page)
        await page.goto(self._address)
        return page

    def _note(self, message: Any) -> None:
        is_expected = any(message.text.startswith(each) for each in self.expected)
        if message.type in ("error", "warning") and not is_expected:
            self.troubles.append(message.text)

    def _check(self, request: Request) -> None:
        if urlsplit(request.url)[:2] != self._home and not request.url.startswith("blob:"):
            self.troubles.append(f"asked {request.url}")

    async def check_access(self, page: Page | None = None) -> None:
        """Let axe look at the page, or another. Raises AssertionError for what is serious."""
        found = await Axe().run(page or self.page)
        bad = [
            f"{each['id']}: {node['html'][:200]}"
            for each in found.response["violations"]
            if each["impact"] in _SERIOUS
            for node in each["nodes"]
        ]
        assert bad == []


@asynccontextmanager
async def opened(address: str, **context: Any) -> AsyncIterator[Tab]:
    """Open an address. Skips the test where there is no Chromium."""
    program = need_program("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            page = await (await browser.new_context(**context)).new_page()
            page.set_default_timeout(PATIENCE * 1000)
            tab = Tab(page, address)
            await page.goto(address)
            assert tab.troubles == []  # nothing of a script that can't be read is worth waiting for
            yield tab
            assert tab.troubles == []
        finally:
            await browser.close()
