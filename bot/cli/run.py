"""``hotshot-bot run``: the bot, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse

from bot.app import main
from bot.cli import settings_with_logs
from bot.core import machine


def execute(arguments: argparse.Namespace) -> int:
    machine.run_event_loop(main.run(settings_with_logs(arguments.config), arguments.config))
    return 0
