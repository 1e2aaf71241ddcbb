"""A step of ``test_page``: more messages than stand in the page are read, back to the first."""

from __future__ import annotations

from playwright.async_api import expect

from bot.sandbox import Sandbox
from bot.sandbox.messages import Body, Draft, post
from tests import browser
from tests.patience import PATIENCE

_MANY, _MOST_SHOWN = 90, 75  # messages
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
    for number in range(_MANY):
        body = Body(payload={"content": f"number {number}"})
        post(world, Draft(channel=channel, author=world.bot, body=body))
    messages = page.get_by_role("article")
    await expect(messages.last).to_contain_text(f"number {_MANY - 1}")
    shown = await page.locator("#timeline").evaluate(_READ_UP, PATIENCE * 1000)
    assert shown <= _MOST_SHOWN
    await expect(messages.first).to_contain_text("number 0")
    await expect(messages.filter(has_text=f"number {_MANY - 1}")).to_have_count(0)
    await page.get_by_role("button", name="To the newest message").click()
    await expect(messages.last).to_be_in_viewport()
    await expect(messages.last).to_contain_text(f"number {_MANY - 1}")
    await page.get_by_role("button", name="# gifs").click()
