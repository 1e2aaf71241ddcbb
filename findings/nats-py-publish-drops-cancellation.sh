#!/usr/bin/env bash
# nats-py: a task that is cancelled while publish() waits for a slow server isn't cancelled.
#
# publish() waits for the socket once 2 MB are pending, inside `except asyncio.CancelledError: pass`
# (Client._flush_pending). A cancellation that comes at that moment is swallowed: publish() returns as if
# all were well, and the task goes on. So asyncio.timeout(), TaskGroup and wait_for() around it don't do
# what they say: the block is left without TimeoutError, or never. Whoever sends in a task has to ask
# something else than its cancellation whether to end, as generator/link/lasting.py does.
#
# Needs python3.11 or newer with venv, and the network for pip; makes everything in a temporary folder.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet --disable-pip-version-check nats-py==2.16.0
"$folder/env/bin/python" - <<'PYTHON'
import asyncio
import contextlib
import sys
from importlib.metadata import version

import nats


async def answer(reader, writer):
    """A NATS server that connects a client and then reads nothing more: a slow one."""
    writer.write(b'INFO {"server_id":"x","version":"2.9.0","max_payload":1048576,"proto":1}\r\n')
    while not (await reader.readline()).startswith(b"PING"):
        pass
    writer.write(b"PONG\r\n")
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.Event().wait()


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=1024)
    port = server.sockets[0].getsockname()[1]
    client = await nats.connect(f"nats://127.0.0.1:{port}", allow_reconnect=False)
    ended = []

    async def publish():
        for number in range(100):
            try:
                await client.publish("subject", bytes(1_000_000))
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise
        ended.append("published all")

    task = asyncio.create_task(publish())
    await asyncio.sleep(2)
    assert not task.done(), "the server isn't slow enough"
    cancelled = 0
    while not task.done() and cancelled < 100:
        task.cancel()
        cancelled += 1
        await asyncio.sleep(0.05)
    print(f"Python {sys.version.split()[0]}, nats-py {version('nats-py')}")
    print(f"cancel() was called {cancelled} times; the task: {ended or 'goes on'}, "
          f"task.cancelled() is {task.cancelled()}")
    server.close()
    return cancelled > 1 and "cancelled" not in ended


swallowed = asyncio.run(asyncio.wait_for(main(), 60))
print("as described above" if swallowed else "CHANGED: a cancellation ends the task")
sys.exit(0 if swallowed else 1)
PYTHON
