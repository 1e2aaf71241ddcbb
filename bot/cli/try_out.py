"""``hotshot-bot try``: the bot and a Discord on this machine, in a browser."""

from __future__ import annotations

import argparse

from bot.demo.try_out import serve_until_stopped


def execute(arguments: argparse.Namespace) -> int:
    return serve_until_stopped(arguments.model, arguments.port, arguments.log)
