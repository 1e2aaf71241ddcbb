"""A step of ``test_page``: more messages than stand in the page are read, back to the first.

What is read stays where it is, though it is edited or the connection breaks meanwhile.
"""

from __future__ import annotations

from playwright.async_api import Locator, expect

from bot.sandbox import Sandbox
from bot.sandbox.messages import Body, Draft, edit, post
from bot.sandbox.model import Message, Upload
from tests import browser
from tests.bot import files
from tests.patience import PATIENCE

_MANY, _MOST_SHOWN = 90, 60  # messages
_BREAK = "import('./state.js').then(({ state }) => state.connection.socket.close())"
_HALFWAY = """async (picture) => {
  picture.scrollIntoView(); // else it may be too far away to be loaded
  await picture.decode();
  const box = document.getElementById("timeline");
  const top = picture.getBoundingClientRect().top - box.getBoundingClientRect().top;
  box.scrollTop += top + picture.height / 2;
  for (let frames = 0; frames < 3; frames += 1) await new Promise(requestAnimationFrame);
}"""
_FOCUS = "(button) => button.focus({ preventScroll: true })"
_TOLD = """async ([text, patience]) => {
  const { state } = await import("./state.js");
  const until = performance.now() + patience;
  const isTold = () => state.messagesHere().at(-1).content === text && state.doubtful.size === 0;
  while (!isTold() && performance.now() < until) await new Promise(requestAnimationFrame);
  return isTold();
}"""
_BUTTON = [{"type": 1, "components": [{"type": 2, "style": 2, "label": "Go", "custom_id": "go"}]}]
_READ_UP = """async (box, patience) => {
  let most = 0;
  const messages = document.getElementById("messages");
  const until = performance.now() + patience;
  while (performance.now() < until && !messages.textContent.includes("number 0")) {
    box.scrollTop = -box.scrollHeight;
    await new Promise(requestAnimationFrame);
    most = Math.max(most, messages.children.length);
  }
  return most;
}"""


async def read_what_was_said_before(tab: browser.Tab, discord: Sandbox) -> None:
    """Few of many messages stand in the page, and all can be read; what is read stays in place."""
    page, world = tab.page, discord.world
    await page.get_by_role("button", name="@ hotshot").click()
    you = next(user for user in world.users.values() if user.username == "you")
    channel = world.dm_between(you, world.bot)

    picture = Upload("a.gif", files.gif(frames=1, width=64, height=320), "image/gif")

    def say(text: str) -> Message:
        uploads = {0: picture} if text == "number 0" else {}
        body = Body(payload={"content": text, "components": _BUTTON}, uploads=uploads)
        return post(world, Draft(channel=channel, author=world.bot, body=body))

    first, *_ = (say(f"number {number}") for number in range(_MANY))
    edit(world, first, Body(payload={"content": "number 0, edited"}))  # to be as high as later
    messages = page.get_by_role("article")
    await expect(messages.last).to_contain_text(f"number {_MANY - 1}")
    shown = await page.locator("#timeline").evaluate(_READ_UP, PATIENCE * 1000)
    assert shown <= _MOST_SHOWN
    await expect(messages.first).to_contain_text("number 0")
    await expect(messages.filter(has_text=f"number {_MANY - 1}")).to_have_count(0)
    await messages.first.get_by_role("img").evaluate(_HALFWAY)
    place = await _place_read(messages)
    await messages.first.get_by_role("button", name="Go").evaluate(_FOCUS)
    edit(world, first, Body(payload={"content": "number 0, edited again"}))
    await expect(messages.first).to_contain_text("again")
    await expect(messages.first.get_by_role("button", name="Go")).to_be_focused()
    assert await _place_read(messages) == place
    await page.evaluate(_BREAK)
    say("said meanwhile")
    assert await page.evaluate(_TOLD, ["said meanwhile", PATIENCE * 1000])
    assert await _place_read(messages) == place
    await page.get_by_role("button", name="To the newest message").click()
    await expect(messages.last).to_be_in_viewport()
    await expect(messages.last).to_contain_text("said meanwhile")
    await page.get_by_role("button", name="# gifs").click()


async def _place_read(messages: Locator) -> int:
    """How far down the window the second message begins, in pixels; the first one has a picture."""
    await messages.first.get_by_role("img").evaluate("(picture) => picture.decode()")
    box = await messages.nth(1).bounding_box()
    assert box is not None
    return round(box["y"])
