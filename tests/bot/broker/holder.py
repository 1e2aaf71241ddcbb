"""A process that holds a broker open until it is ended: ``python -m tests.bot.broker.holder``.

Takes the data directory and the address to listen on; prints the server's process number.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bot.broker.broker import open_broker
from bot.core.remote_settings import RemoteSettings


async def main(data_dir: str, listen: str) -> None:
    async with open_broker(RemoteSettings(listen=listen), Path(data_dir)) as broker:
        print(broker.server_pid, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
