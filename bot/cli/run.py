"""``hotshot-bot run``: the bot, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio

from bot import app
from bot.cli import settings_with_logs


def execute(chosen: argparse.Namespace) -> int:
    asyncio.run(app.run(settings_with_logs(chosen.config)))
    return 0
