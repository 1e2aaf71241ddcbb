#!/usr/bin/env bash
# nats-server: who is between TCP and CONNECT while the configuration is reloaded is refused, key or not.
#
# A reload (SIGHUP) that changes the users checks all clients against the new list, those too that have
# yet to send their CONNECT. These have named no key so far, so they get "Authorization Violation", as if
# theirs weren't in the list, though it stood there before and after. So a client can't take one refusal
# for "the key was removed": a machine that starts while another is being added would give up. What helps
# is to try a second time, as generator/link/client.py does.
#
# Needs Debian 12 with apt-get and dpkg-deb, python3.11 with venv, and the network for both; makes
# everything in a temporary folder.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq nats-server=2.9.10-1+b3
dpkg-deb -x nats-server_*.deb server
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check nkeys==0.2.1
SERVER=$(find server -name nats-server -type f -perm -u+x | head -1) env/bin/python - <<'PYTHON'
import asyncio
import base64
import contextlib
import json
import os
import signal
import socket
import sys

import nkeys


def new_key():
    return nkeys.from_seed(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER))


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return opened.getsockname()[1]


PORT = free_port()
OURS = new_key()


def write_users(*more):
    users = ", ".join("{nkey: %s}" % key.public_key.decode() for key in (OURS, *more))
    with open("server.conf", "w") as file:
        file.write('listen: "127.0.0.1:%d"\nauthorization { users = [%s] }\n' % (PORT, users))


async def said(server, words):
    while words not in (line := (await server.stderr.readline()).decode()):
        if not line:
            sys.exit("nats-server has ended")


async def come(between):
    """Connect with our key, and do something before CONNECT; return the server's answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    info = json.loads((await reader.readline()).removeprefix(b"INFO "))
    await between()
    signature = base64.urlsafe_b64encode(OURS.sign(info["nonce"].encode())).decode().rstrip("=")
    words = {"nkey": OURS.public_key.decode(), "sig": signature, "verbose": False, "protocol": 1}
    with contextlib.suppress(ConnectionError):
        writer.write(f"CONNECT {json.dumps(words)}\r\nPING\r\n".encode())
        await writer.drain()
    answer = (await reader.readline()).decode().strip()
    writer.close()
    return answer


async def main():
    write_users()
    server = await asyncio.create_subprocess_exec(
        os.environ["SERVER"], "-c", "server.conf", stderr=asyncio.subprocess.PIPE
    )
    await said(server, "Server is ready")

    async def nothing():
        pass

    async def add_another():
        write_users(new_key())
        server.send_signal(signal.SIGHUP)
        await said(server, "Reloaded server configuration")

    answers = [await come(nothing), await come(add_another), await come(nothing)]
    server.terminate()
    await server.wait()
    print(f"nats-server 2.9.10, Python {sys.version.split()[0]}")
    for when, answer in zip(("before", "another key added in mid-connect", "after"), answers):
        print(f"{when}: {answer}")
    return answers == ["PONG", "-ERR 'Authorization Violation'", "PONG"]


as_described = asyncio.run(asyncio.wait_for(main(), 60))
print("as described above" if as_described else "CHANGED: it is let in, or refused otherwise")
sys.exit(0 if as_described else 1)
PYTHON
