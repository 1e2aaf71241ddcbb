"""``hotshot-bot sandbox``: a Discord on this machine, until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from bot.core.errors import StartupError
from bot.sandbox import serve


def execute(arguments: argparse.Namespace) -> int:
    try:
        asyncio.run(_until_stopped(arguments.port, arguments.token, arguments.files))
    except (OSError, OverflowError) as error:
        number = error.errno if isinstance(error, OSError) else None
        reason = os.strerror(number).lower() if number else "ports are from 0 to 65535"
        raise StartupError(
            f"The sandbox can't listen on port {arguments.port} ({reason}); choose another with "
            "--port."
        ) from error
    return 0


async def _until_stopped(port: int, token: str | None, files: Path) -> None:
    """Serve until Ctrl-C or SIGTERM, in a shell's background as well."""
    serving = asyncio.ensure_future(serve(port=port, token=token, commands=sys.stdin, files=files))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serving
