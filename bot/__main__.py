"""The command line: ``hotshot-bot run | sandbox | db upgrade | doctor``.

Every error that a person can mend is one line on standard error, and exit code 2. Each command's
module is imported when it is called: a worker process imports this file again when it starts, and
must not pay for what only the bot needs.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from bot.errors import BotError
from generator.errors import HotshotError

_USAGE_ERROR = 2
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        return int(importlib.import_module(chosen.module).execute(chosen))
    except (BotError, HotshotError) as error:
        print(f"hotshot-bot: {error}", file=sys.stderr)
        return _USAGE_ERROR
    except KeyboardInterrupt:
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hotshot-bot", description="A Discord bot that makes GIFs with Hotshot-XL."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run the bot until it is stopped")
    run.set_defaults(module="bot.cli.run")
    sandbox = commands.add_parser("sandbox", help="serve a Discord on this machine to try it with")
    sandbox.add_argument("--port", type=int, default=8787, help="where to listen (default: 8787)")
    sandbox.add_argument("--token", help="the token that the bot must bring (default: a new one)")
    sandbox.set_defaults(module="bot.cli.sandbox")
    database = commands.add_parser("db", help="look after the database")
    actions = database.add_subparsers(required=True, metavar="ACTION")
    upgrade = actions.add_parser("upgrade", help="bring the database to this version")
    upgrade.set_defaults(module="bot.cli.upgrade")
    doctor = commands.add_parser("doctor", help="check the set-up and say what to mend")
    doctor.set_defaults(module="bot.cli.doctor")
    for command in (run, upgrade, doctor):
        command.add_argument(
            "--config", type=Path, help="the config file (default: ./config.toml, if there is one)"
        )
    return parser


if __name__ == "__main__":
    sys.exit(main())
