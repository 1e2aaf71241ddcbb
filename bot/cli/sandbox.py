"""``hotshot-bot sandbox``: a Discord on this machine, until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import sys

from bot.errors import StartupError
from bot.sandbox import serve


def execute(chosen: argparse.Namespace) -> int:
    try:
        asyncio.run(serve(port=chosen.port, token=chosen.token, orders=sys.stdin))
    except KeyboardInterrupt:
        return 0  # the way it is meant to be stopped
    except (OSError, OverflowError) as error:
        raise StartupError(
            f"The sandbox can't listen on port {chosen.port} ({error}); choose another by --port."
        ) from error
    return 0
