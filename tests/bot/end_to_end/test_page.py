"""The page as people use it, in a real browser, with the real bot."""

from __future__ import annotations

import os
import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from bot.sandbox import Sandbox
from bot.sandbox.messages import Body, Draft, post
from bot.sandbox.page.server import PageServer
from tests import browser
from tests.bot import files
from tests.bot.end_to_end.page_history import read_what_was_said_before
from tests.bot.end_to_end.process import Setup, running
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

_PROMPT = "<b>a red ball</b> & **bold**"
_MOVES = "the robot <i>waves</i>"
_PERSON_NAME = "<img src=x>"
_FILE_NAME = "<img src=x>\u202efig.exe.gif"
_GIF = "R0lGODlhAQABAPAAAP8AAAAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="  # one pixel
_FILES = f"""(name) => {{
  const bytes = Uint8Array.from(atob("{_GIF}"), (each) => each.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], name, {{ type: "image/gif" }}));
  return files;
}}"""
_DRAG = f"""(place, [kind, name]) => {{
  const dataTransfer = ({_FILES})(name);
  place.dispatchEvent(new DragEvent(kind, {{ dataTransfer, bubbles: true, cancelable: true }}));
}}"""
_PASTE = f"""(box, name) => {{
  const clipboardData = ({_FILES})(name);
  const about = {{ clipboardData, bubbles: true, cancelable: true }};
  box.dispatchEvent(new ClipboardEvent("paste", about));
}}"""

_OUTLINE = """
- link "To the message box"
- navigation "Channels and people":
  - region "Sandbox":
    - heading "Sandbox" [level=2]
    - list:
      - listitem:
        - button "# gifs"
  - region "Direct messages":
    - heading "Direct messages" [level=2]
  - text: You are
  - combobox "You are"
  - text: Language
  - combobox "Language"
  - text: Colours
  - combobox "Colours"
- main:
  - heading "# gifs" [level=1]
  - status
  - group "Messages":
    - log "Messages"
  - button "Attach files"
  - combobox "Message, or / for a command"
  - button "Send"
"""


@pytest.fixture(autouse=True)
def patient() -> None:
    expect.set_options(timeout=PATIENCE * 1000)


async def test_everything_can_be_tried_in_a_browser(
    setup: Setup, discord: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.engine = "tests.bot.engines.shows:create"
    go = setup.directory / "go"
    monkeypatch.setenv("TESTS_GO_FILE", str(go))
    config, kept = setup.write(), setup.directory / "page.json"
    view = {"width": 1100, "height": 800}
    async with PageServer(discord, kept=kept) as server, AsyncExitStack() as later:
        tab = await later.enter_async_context(
            browser.opened(server.url, viewport=view, color_scheme="dark")
        )
        async with running(config, discord):
            await discord.commands_registered()
            await _make_a_gif_by_keyboard(tab, go)
            await _press_and_fill_in(tab)
            await _upload_a_control_gif(tab, setup.directory)
            await _attach_files(tab, setup.directory)
            await _make_trouble(tab)
            await _choose_among_things(tab, discord)
            await read_what_was_said_before(tab, discord)
            await _open_a_form_by_a_messages_menu(tab)
        await _submit_where_no_bot_is(tab)
        async with running(config, discord):
            await _submit_once_more(tab)
            await _lose_the_sandbox(tab, server)
            await later.enter_async_context(PageServer(discord, kept=kept))
            await _find_it_again(tab)
            await _use_two_pages(tab)
            await _be_somebody_else_in_german(tab)


async def _make_a_gif_by_keyboard(tab: browser.Tab, go: Path) -> None:
    page, keyboard = tab.page, tab.page.keyboard
    await page.locator("#composer-text").wait_for()
    await tab.check_access()
    await expect(page.locator("body")).to_match_aria_snapshot(_OUTLINE)
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
    await _picture(page, "preview")
    go.touch()  # noqa: ASYNC240 - at once
    await expect(message.get_by_role("button", name="Vary a little")).to_be_visible()
    await expect(message).to_contain_text(_PROMPT)  # as it was typed
    await expect(message.locator("b", has_text="red")).to_have_count(0)
    await expect(page.locator("#said p").last).to_contain_text(_PROMPT)
    await expect(page.locator("#said p").last).to_contain_text("Buttons: Again, Vary a little")
    # its steps are seen, and not said
    assert await page.locator("#said p").count() <= 3
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
    await expect(panel.get_by_role("button", name="Words", exact=True)).to_be_focused()
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
    await sheet.get_by_role("button", name=re.compile("strength 1$")).click()
    await expect(page.get_by_role("menu")).to_be_visible()
    await tab.check_access()
    await page.keyboard.press("End")
    await page.keyboard.press("Enter")
    await expect(sheet.get_by_role("button", name=re.compile("strength 1$"))).to_have_count(0)
    await expect(sheet.get_by_role("button", name=re.compile("strength"))).to_be_focused()
    await sheet.get_by_role("button", name="Go").click()
    await expect(page.get_by_role("button", name="Vary a little")).to_have_count(3)


async def _attach_files(tab: browser.Tab, directory: Path) -> None:
    """By drag, by paste, and one that is far too large; their names are a stranger's."""
    page = tab.page
    await page.locator("#place").evaluate(_DRAG, ["dragover", _FILE_NAME])
    await expect(page.get_by_text("Drop files to attach them")).to_be_visible()
    await _picture(page, "drag")
    await page.locator("#place").evaluate(_DRAG, ["drop", _FILE_NAME])
    await page.locator("#composer-text").evaluate(_PASTE, "pasted.gif")
    tray = page.get_by_role("list", name="Attached files").get_by_role("listitem")
    await expect(tray).to_have_count(2)
    await expect(tray.first).to_contain_text(_FILE_NAME)
    large = directory / "large.mp4"
    with large.open("wb") as file:
        file.truncate(2 * 1024**3)  # bytes that nobody has to write
    await page.get_by_label("Attach files").and_(page.locator("input")).set_input_files(large)
    await expect(page.get_by_role("alert")).to_contain_text("2,048 MB, and 10 MB can be uploaded")
    await tab.check_access()
    await page.get_by_role("alert").get_by_role("button", name="Close").click()
    await page.locator("#composer-text").fill("two files")
    await page.keyboard.press("Enter")
    message = page.get_by_role("article").last
    await expect(message).to_contain_text("two files")
    await expect(message.get_by_role("img")).to_have_count(2)


async def _make_trouble(tab: browser.Tab) -> None:
    page = tab.page
    await page.get_by_text("Cause trouble").click()
    order = page.get_by_label("An order for the sandbox")
    await order.fill("explode")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("explode")
    await order.fill("refuse PATCH /webhooks/* 500 times=1")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Done: refuse")
    await tab.check_access()
    await order.fill("clear")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Done: clear")


async def _choose_among_things(tab: browser.Tab, discord: Sandbox) -> None:
    """Menus of people and channels offer what fits, and show who was chosen before."""
    page, world = tab.page, discord.world
    you = next(user for user in world.users.values() if user.username == "you")
    before = [{"id": str(you.id), "type": "user"}]
    rows = [
        {"type": 5, "custom_id": "who", "placeholder": "Who", "default_values": before},
        {"type": 8, "custom_id": "text", "placeholder": "Where", "channel_types": [0]},
        {"type": 8, "custom_id": "voice", "placeholder": "Voice", "channel_types": [2]},
    ]
    components = [{"type": 1, "components": [row]} for row in rows]
    body = Body(payload={"content": "Choose", "components": components})
    post(world, Draft(channel=discord.channel, author=world.bot, body=body))
    message = page.get_by_role("article").filter(has_text="Choose").last
    await expect(message.get_by_role("button", name="Who: You")).to_be_visible()
    await message.get_by_role("button", name="Where").click()
    await expect(page.get_by_role("menuitemradio")).to_have_text(["#gifs"])
    await page.keyboard.press("Escape")
    await message.get_by_role("button", name="Voice").click()
    await expect(page.get_by_role("alert")).to_contain_text("nothing to choose")


async def _open_a_form_by_a_messages_menu(tab: browser.Tab) -> None:
    page = tab.page
    result = page.get_by_role("article").filter(has_text="a robot").last
    await result.get_by_role("button", name="Apps for the message of hotshot").click()
    await expect(page.get_by_role("menu", name="Apps")).to_be_visible()
    await tab.check_access()
    await _picture(page, "menu")
    await page.get_by_role("menuitem", name="Animate this").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("has to be filled in")
    await expect(dialog.get_by_label("What should move")).to_be_focused()
    await expect(dialog.get_by_label("What should move")).to_have_attribute("aria-invalid", "true")
    await tab.check_access()
    await dialog.get_by_label("What should move").fill(_MOVES)


async def _submit_where_no_bot_is(tab: browser.Tab) -> None:
    await expect(tab.page.get_by_role("status")).to_contain_text("No bot is connected")
    await _submit(tab, "No bot is connected to the sandbox.")
    await tab.check_access()
    await _picture(tab.page, "no-bot")


async def _submit_once_more(tab: browser.Tab) -> None:
    """What was typed is still there, and the bot that came back takes it."""
    page = tab.page
    await expect(page.get_by_role("status")).to_be_empty()
    await expect(page.get_by_role("dialog").get_by_label("What should move")).to_have_value(_MOVES)
    await _submit(tab, None)
    made = page.get_by_role("article").filter(has_text=_MOVES).last
    await expect(made.get_by_role("button", name="Vary a little")).to_be_visible()


async def _submit(tab: browser.Tab, problem: str | None) -> None:
    dialog = tab.page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Submit").click()
    if problem is None:
        await expect(dialog).to_have_count(0)
    else:
        await expect(dialog.get_by_role("alert")).to_have_text(problem)


async def _lose_the_sandbox(tab: browser.Tab, server: PageServer) -> None:
    page = tab.page
    tab.expected.append("WebSocket connection to")
    await page.locator("#composer-text").fill("are you there?")
    await server.stop()
    await expect(page.get_by_role("status")).to_contain_text("The sandbox can't be reached.")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("the page is waiting for it")
    await expect(page.locator("#composer-text")).to_have_value("are you there?")
    await tab.check_access()
    await _picture(page, "lost")


async def _find_it_again(tab: browser.Tab) -> None:
    """The page that was open goes on by itself, and what was typed is sent."""
    page = tab.page
    await expect(page.get_by_role("status")).to_be_empty()
    await page.locator("#composer-text").press("Enter")
    await expect(page.get_by_role("article").last).to_contain_text("are you there?")


async def _use_two_pages(tab: browser.Tab) -> None:
    """Somebody else in another page, with a name that isn't HTML there either."""
    page, other = tab.page, await tab.another()
    await other.get_by_label("You are").select_option("Somebody new…")
    dialog = other.get_by_role("dialog")
    await expect(dialog.get_by_label("Name of the new person")).to_be_focused()
    await dialog.get_by_label("Name of the new person").fill("you")
    await dialog.get_by_role("button", name="Add").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("There is a you already")
    await tab.check_access(other)
    await dialog.get_by_label("Name of the new person").fill(_PERSON_NAME)
    await dialog.get_by_role("button", name="Add").click()
    await expect(dialog).to_have_count(0)
    await other.locator("#composer-text").fill(f"hello from {_PERSON_NAME}")
    await other.keyboard.press("Enter")
    said = page.get_by_role("article").last
    await expect(said).to_contain_text(f"hello from {_PERSON_NAME}")
    await expect(said.locator(".author")).to_have_text(_PERSON_NAME.title())
    await expect(said.get_by_role("img")).to_have_count(0)
    await expect(other.get_by_text("Only you can see this")).to_have_count(0)
    await expect(page.locator("#said p").last).to_contain_text(f"hello from {_PERSON_NAME}")
    await tab.check_access()
    await tab.check_access(other)
    await other.close()


async def _be_somebody_else_in_german(tab: browser.Tab) -> None:
    page = tab.page
    await page.get_by_label("You are").select_option("Sam")
    await expect(page.get_by_text("Only you can see this")).to_have_count(0)
    await page.get_by_label("Language").select_option("Deutsch")
    await page.get_by_label("Farben").select_option("Hell")
    await page.set_viewport_size({"width": 390, "height": 760})
    await page.get_by_role("button", name="Kanäle und Personen").click()
    await expect(page.get_by_label("Du bist")).to_be_visible()
    await tab.check_access()
    await _picture(page, "german-light-narrow-places")
    await page.mouse.click(370, 300)  # beside it
    await expect(page.get_by_label("Du bist")).to_be_hidden()
    await _open_a_menu_and_a_form_in_german(tab)
    await page.locator("#composer-text").press_sequentially("/gif")
    await expect(_offers(page).first).to_contain_text("Macht ein GIF")
    await tab.check_access()
    await _picture(page, "german-light-narrow")


async def _open_a_menu_and_a_form_in_german(tab: browser.Tab) -> None:
    page = tab.page
    result = page.get_by_role("article").filter(has_text="a robot").last
    apps = result.get_by_role("button", name="Apps für die Nachricht von hotshot")
    await apps.click()
    await expect(page.get_by_role("menu")).to_be_visible()
    await tab.check_access()
    await page.get_by_role("menuitem", name="animieren").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await tab.check_access()
    await _picture(page, "german-light-narrow-form")
    await page.keyboard.press("Escape")
    await expect(apps).to_be_focused()


async def _picture(page: Page, name: str) -> None:
    """Keep a picture in the directory of TESTS_PICTURES, if there is one."""
    if directory := os.environ.get("TESTS_PICTURES"):
        await page.screenshot(path=Path(directory) / f"page-{name}.png")


def _offers(page: Page) -> Locator:
    """The commands that are offered while one is typed."""
    return page.locator(".suggestions:not([hidden])").get_by_role("option")
