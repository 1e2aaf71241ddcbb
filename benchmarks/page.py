"""``python -m benchmarks.page``: the sandbox's page in a real browser, with 1,000 messages.

Tasks are those of Chromium's own trace, on the page's main thread: by the clock, and by the CPU
time that they took, which a busy machine doesn't lengthen. An empty page of the same process stands
beside the first paint.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import io
import json
import statistics
import time
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from benchmarks.bot import milliseconds
from benchmarks.table import print_table
from bot.sandbox import Sandbox
from bot.sandbox.messages import Body, Draft, edit, post
from bot.sandbox.model import COMPONENTS_V2, Message, Upload
from bot.sandbox.page.server import PageServer

_CHROMIUM = "/usr/bin/chromium"
_QUIET, _IDLE = 3.0, 10.0  # seconds
_COSTED = 400  # messages
_SCREENFUL, _BETWEEN = 2000.0, 0.1  # pixels and seconds of somebody who reads up fast
_WITHIN = 120_000.0  # ms
_CATEGORIES = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
_TASK = "ThreadControllerImpl::RunTask"
_EMPTY = '<!doctype html><html lang="en"><title>Empty</title><p>Nothing.</p></html>'
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"

Act = Callable[[Page], Awaitable[None]]


@dataclass(frozen=True)
class Tasks:
    """The longest task while something was done, in seconds."""

    clock: float
    cpu: float


class World:
    """A sandbox with a page, and a bot's messages in it without a bot."""

    def __init__(self, discord: Sandbox) -> None:
        self.discord = discord
        self._gif = _gif()
        self._count = 0

    def post(self) -> Message:
        """Post what a result looks like."""
        self._count += 1
        payload = {"flags": COMPONENTS_V2, "components": _result(self._count)}
        upload = Upload("result.gif", self._gif, "image/gif")
        body = Body(payload=payload, uploads={0: upload})
        world = self.discord.world
        return post(world, Draft(channel=self.discord.channel, author=world.bot, body=body))

    @property
    def first(self) -> Message:
        """The first message that is there."""
        return next(iter(self.discord.world.messages.values()))

    def edit(self, message: Message) -> None:
        payload = {"components": _result(self._count), "attachments": [{"id": "0"}]}
        upload = Upload("result.gif", self._gif, "image/gif")
        edit(self.discord.world, message, Body(payload=payload, uploads={0: upload}))


def _result(number: int) -> list[dict[str, Any]]:
    labels = ("Again", "Vary a little", "Motion of this", "Edit", "More")
    buttons = [
        {"type": 2, "style": 2, "label": label, "custom_id": f"{label}:{number}"}
        for label in labels
    ]
    parts = [
        {"type": 12, "items": [{"media": {"url": "attachment://result.gif"}}]},
        {"type": 10, "content": f"> a red ball, number {number}\n-# 8 frames · seed `{number}`"},
        {"type": 1, "components": buttons},
    ]
    return [{"type": 17, "accent_color": 0x2ECC71, "components": parts}]


def _gif() -> bytes:
    frames = [Image.new("RGB", (128, 128), (20 * number, 40, 90)) for number in range(8)]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=125, loop=0)
    return file.getvalue()


async def main_tasks(browser: Browser, page: Page, act: Callable[[], Awaitable[Any]]) -> Tasks:
    """Return the longest tasks of the page's main thread while ``act`` is done."""
    await browser.start_tracing(page=page, categories=_CATEGORIES)
    await act()
    await asyncio.sleep(1)  # what is still drawn
    events = json.loads(await browser.stop_tracing())["traceEvents"]
    # Chromium's own window is made of pages too
    others = {each["pid"] for each in events if "chrome://" in str(each.get("args"))}
    mains = {
        (each["pid"], each["tid"])
        for each in events
        if each["name"] == "thread_name"
        and each["args"]["name"] == "CrRendererMain"
        and each["pid"] not in others
    }
    on_main = [each for each in events if each["ph"] == "X" and (each["pid"], each["tid"]) in mains]
    # what Playwright itself does in the page is none of its own
    driven = sorted(each["ts"] for each in on_main if "DevToolsSession" in str(each.get("args")))
    tasks = [
        each
        for each in on_main
        if each["name"] == _TASK and not _has_any(driven, each["ts"], each["ts"] + each["dur"])
    ]
    if not tasks:
        raise RuntimeError("Chromium's trace has no tasks; is it another version?")
    clock = max(each["dur"] for each in tasks)
    return Tasks(clock / 1e6, max(each.get("tdur", 0) for each in tasks) / 1e6)


def _has_any(moments: list[float], first: float, last: float) -> bool:
    return bisect_left(moments, first) < bisect_right(moments, last)


@asynccontextmanager
async def empty_page() -> AsyncIterator[str]:
    """Serve an empty page, and yield its address."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=_EMPTY, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def _open(page: Page, address: str) -> None:
    """Open the page, and wait until it knows all that was said before."""
    told = 0

    def note(_: Any) -> None:
        nonlocal told
        told += 1

    page.on("websocket", lambda socket: socket.on("framereceived", note))
    await page.goto(address)
    await page.locator("article").first.wait_for(timeout=_WITHIN)
    before = 0
    while before != told:
        before = told
        await asyncio.sleep(_QUIET)


async def tasks_of_all(
    browser: Browser, page: Page, address: str, world: World
) -> dict[str, Tasks]:
    """The longest task of each thing that one does, with many messages there."""

    async def read_up() -> None:
        first = page.locator(f'[data-id="{world.first.id}"]')
        await page.locator("#timeline").hover()
        while not await first.count():
            await page.mouse.wheel(0, -_SCREENFUL)
            await asyncio.sleep(_BETWEEN)
        await page.get_by_role("button", name="To the newest message").click(timeout=_WITHIN)

    async def receive() -> None:
        message = world.post()
        await page.locator(f'[data-id="{message.id}"]').wait_for(timeout=_WITHIN)
        world.edit(message)

    async def type_command() -> None:
        await page.locator("#composer-text").press_sequentially("/gif a")

    async def become() -> None:
        await page.get_by_label("You are").select_option("Sam")

    found = {}
    found["opening it"] = await main_tasks(browser, page, lambda: _open(page, address))
    found["reading up to the first message, and back"] = await main_tasks(browser, page, read_up)
    found["a message comes and is edited"] = await main_tasks(browser, page, receive)
    found["typing"] = await main_tasks(browser, page, type_command)
    found["being somebody else"] = await main_tasks(browser, page, become)
    return found


async def first_paints(browser: Browser, addresses: list[str], rounds: int) -> list[float]:
    """The median seconds until something is seen, for each address; they take turns."""
    seen: list[list[float]] = [[] for _ in addresses]
    for _ in range(rounds):
        for address, times in zip(addresses, seen, strict=True):
            page = await browser.new_page()
            await page.goto(address)
            await page.wait_for_function(_PAINT, timeout=_WITHIN)
            times.append(await page.evaluate(_PAINT) / 1e3)
            await page.close()
    return [statistics.median(each) for each in seen]


async def idle_frames(page: Page, address: str) -> int:
    """How much an open page sends and is sent while nothing happens."""
    count = 0

    def note(_: Any) -> None:
        nonlocal count
        count += 1

    def watch(socket: Any) -> None:
        socket.on("framesent", note)
        socket.on("framereceived", note)

    page.on("websocket", watch)
    page.on("request", note)
    await _open(page, address)
    before = 0
    while before != count:  # its pictures come after that
        before = count
        await asyncio.sleep(_QUIET)
    await asyncio.sleep(_IDLE)
    return count - before


async def cost_of_message(world: World) -> float:
    """CPU seconds of this process for a message and its edit."""
    gc.collect()
    began = time.process_time()
    for _ in range(_COSTED):
        world.edit(world.post())
        await asyncio.sleep(0)
    return (time.process_time() - began) / _COSTED


async def measure(messages: int, rounds: int, chromium: str) -> None:
    """Measure all, and print it."""
    async with Sandbox() as discord, PageServer(discord) as server, empty_page() as empty:
        world = World(discord)
        alone = await cost_of_message(world)
        discord.world.messages.clear()
        for _ in range(messages):
            world.post()
        async with async_playwright() as playwright:
            arguments = ["--no-sandbox", "--disable-gpu"]
            browser = await playwright.chromium.launch(executable_path=chromium, args=arguments)
            paints = await first_paints(browser, [empty, server.url], rounds)
            nothing = await main_tasks(
                browser, blank := await browser.new_page(), lambda: blank.goto(empty)
            )
            await blank.close()
            page = await browser.new_page(viewport={"width": 1100, "height": 800})
            page.set_default_timeout(_WITHIN)
            tasks = await tasks_of_all(browser, page, server.url, world)
            await page.close()
            page = await browser.new_page()
            frames = await idle_frames(page, server.url)
            shown = await cost_of_message(world)
            await browser.close()
    _print_tasks(messages, nothing, tasks)
    _print_rest(paints, frames, alone, shown)


def _print_tasks(messages: int, nothing: Tasks, tasks: dict[str, Tasks]) -> None:
    every = {"an empty page": nothing, **tasks}
    print_table(
        f"The longest task of the sandbox's page, {messages:,} messages",
        ("", "CPU", "by the clock", "goal"),
        [
            (what, milliseconds(each.cpu), milliseconds(each.clock), "50 ms")
            for what, each in every.items()
        ],
    )


def _print_rest(paints: list[float], frames: int, alone: float, shown: float) -> None:
    print_table(
        "The sandbox's page",
        ("", "measured"),
        [
            ("first paint, median", milliseconds(paints[1])),
            ("the same, an empty page of the same process", milliseconds(paints[0])),
            (f"sent and received in {_IDLE:.0f} s of nothing", f"{frames} frames and requests"),
            ("a message and its edit, the sandbox's CPU, no page", f"{alone * 1e3:.2f} ms"),
            ("the same, one page open", f"{shown * 1e3:.2f} ms"),
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures; prints Markdown tables.")
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7, help="of first paints")
    parser.add_argument("--chromium", default=_CHROMIUM)
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.messages, chosen.rounds, chosen.chromium))


if __name__ == "__main__":
    main()
