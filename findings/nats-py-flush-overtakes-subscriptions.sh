#!/usr/bin/env bash
# nats-py: flush() asks the server before it tells of the subscriptions that were made ahead of it.
#
# subscribe() and publish() put their line into a list that a task of the client writes later. flush()
# writes its PING to the socket at once, ahead of that list (Client._send_ping, since that is how pings
# of the interval go out as well). So the server answers before it knows the subscription, and what
# others publish from then on, until the list is written, is lost: "subscribe, flush, tell the others
# to begin" has a hole. What helps is to have the list written first, as generator/link/client.py does.
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

heard = []


async def answer(reader, writer):
    """A NATS server that notes what a client says, in order, and answers its pings."""
    writer.write(b'INFO {"server_id":"x","version":"2.9.0","max_payload":1048576,"proto":1}\r\n')
    with contextlib.suppress(asyncio.CancelledError):
        while line := await reader.readline():
            heard.append(line.split()[0].decode())
            if line.startswith(b"PING"):
                writer.write(b"PONG\r\n")


async def main():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = await nats.connect(f"nats://127.0.0.1:{port}", allow_reconnect=False)
    heard.clear()
    await client.subscribe("subject")
    await client.flush()
    await asyncio.sleep(1)
    print(f"Python {sys.version.split()[0]}, nats-py {version('nats-py')}")
    print(f"after subscribe() and flush() the server heard, in this order: {heard}")
    server.close()
    return heard == ["PING", "SUB"]


overtaken = asyncio.run(asyncio.wait_for(main(), 60))
print("as described above" if overtaken else "CHANGED: the subscription comes first")
sys.exit(0 if overtaken else 1)
PYTHON
