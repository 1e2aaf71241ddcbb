"""Tells from how a bot's token looks that it can't be one, before it is sent anywhere."""

from __future__ import annotations

import base64
import binascii
import re

DEVELOPERS = "https://discord.com/developers/applications"
_TOKEN_PART = re.compile(r"[\w-]+", re.ASCII)


def token_defect(token: str) -> str:
    """Return what is wrong with how a token looks, or nothing.

    It has three parts, the first of which holds the bot's id.
    """
    if token.lower().startswith(("bot ", "bearer ")):
        return 'begins with a word that isn\'t part of it (leave out "Bot")'
    if token.isdigit():
        return "is a number, perhaps the application's id"
    parts = token.split(".")
    if len(parts) != 3 or not all(map(_TOKEN_PART.fullmatch, parts)):
        return "doesn't look like one (three parts of letters and digits, with dots between them)"
    try:
        is_number = base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)).isdigit()
    except (binascii.Error, ValueError):
        is_number = False
    return "" if is_number else "doesn't look like one (its first part isn't a bot's id)"
