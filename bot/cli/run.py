"""``hotshot-bot run``: the bot, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse

from bot import app, machine
from bot.cli import settings_with_logs


def execute(chosen: argparse.Namespace) -> int:
    machine.run(app.run(settings_with_logs(chosen.config)))
    return 0
