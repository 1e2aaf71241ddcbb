"""What lies behind *More* under a result."""

from __future__ import annotations

from bot.sandbox import Person
from bot.sandbox.model import Message


async def sheet_of(person: Person, message: Message) -> Message:
    """Return the sheet that More opens for this person alone."""
    sheet = await (await person.press(message, "More")).message()
    assert sheet.ephemeral
    assert sheet.is_v2, sheet.text
    return sheet
