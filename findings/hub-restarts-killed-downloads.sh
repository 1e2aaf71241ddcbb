#!/usr/bin/env bash
# A killed download begins again from nothing since huggingface_hub 1.18.
#
# Up to 1.17.0 the bytes of a file went to "blobs/ETAG.incomplete", and the next process went on where
# that ends, by a Range. Since 1.18.0 each process writes to a name of its own,
# "blobs/ETAG.HEX.incomplete", so that file systems without working locks can't mix two downloads.
# With 2.4.0,
#   - after SIGKILL (a power cut, the kernel's memory killer) the next process asks for the whole file
#     again, and the bytes that were there stay in the cache, used by nobody;
#   - after SIGINT (Ctrl-C) it asks for the whole file again too; the library has deleted the bytes.
# This holds for hf_hub_download and snapshot_download, and with HF_HUB_DISABLE_XET=1 as well. (What is
# served here is plain HTTP; a connection that breaks while the process lives is still taken up by a
# Range.)
#
# Prints versions and what was seen; exits with an error if either version behaves otherwise.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for version in 1.17.0 2.4.0; do
  python3 -m venv "$work/$version"
  "$work/$version/bin/pip" install --quiet "huggingface_hub==$version"
done

cat > "$work/look.py" <<'PYTHON'
"""look.py WORK: a hub of one file on loopback, and downloaders that are killed while it sends."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

work = Path(sys.argv[1])
MIB = 1 << 20
data = bytes(64 * MIB)
stop_at = 45 * MIB  # the library writes in pieces of 10 MiB
etag, commit = hashlib.sha256(data).hexdigest(), "0123456789abcdef0123456789abcdef01234567"
name = "weights.bin"
has_stopped, may_end = threading.Event(), threading.Event()
stops, asked = True, []


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        if self.path.startswith("/api/"):
            entry = {"type": "file", "path": name, "size": len(data), "oid": commit}
            info = {"id": "some/model", "sha": commit, "siblings": [{"rfilename": name}]}
            body = json.dumps([entry] if "/tree/" in self.path else info).encode()
            self.head(200, len(body))
            self.wfile.write(body)
            return
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        extra = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"} if start else {}
        self.head(206 if start else 200, len(data) - start, extra)
        if self.command == "HEAD":
            return
        asked.append(start)
        if not stops:
            self.wfile.write(data[start:])
            return
        self.wfile.write(data[start:stop_at])
        has_stopped.set()
        may_end.wait()
        self.close_connection = True

    def head(self, status, length, extra=None):
        self.send_response(status)
        told = {"Content-Length": length, "ETag": f'"{etag}"', "X-Repo-Commit": commit, **(extra or {})}
        for key, value in told.items():
            self.send_header(key, str(value))
        self.end_headers()


def on_disk(home):
    """Bytes of unfinished downloads in the cache."""
    return sum(each.stat().st_size for each in home.rglob("*.incomplete"))


def download(version, call, home, xet):
    code = f"from huggingface_hub import {call[0]} as get; get(*{call[1]!r})"
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
    told = {"HF_HOME": str(home), "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return subprocess.Popen(
        [work / version / "bin/python", "-W", "ignore", "-c", code],
        env={**clean, **told, **({} if xet else {"HF_HUB_DISABLE_XET": "1"})},
        stderr=subprocess.DEVNULL,
    )


def see(version, call, number, xet):
    """(where the second process begins, what the first left, what is left at last), in bytes."""
    global stops
    home = work / f"home-{version}-{call[0]}-{number.name}-{xet}"
    asked.clear(), has_stopped.clear(), may_end.clear()
    stops = True
    first = download(version, call, home, xet)
    assert has_stopped.wait(120), "the downloader never came"
    while on_disk(home) < 40 * MIB:  # the pieces that are whole
        assert first.poll() is None, "the downloader ended by itself"
    first.send_signal(number)
    first.wait()
    left = on_disk(home)
    may_end.set()
    stops = False
    asked.clear()
    assert download(version, call, home, xet).wait() == 0, "the second download failed"
    found = next(path for path in home.rglob(name) if "snapshots" in path.parts)
    assert found.read_bytes() == data
    return asked[0], left, on_disk(home)


server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
server.daemon_threads = True
server.handle_error = lambda *_: None
threading.Thread(target=server.serve_forever, daemon=True).start()
endpoint = f"http://127.0.0.1:{server.server_port}"

calls = ("hf_hub_download", ("some/model", name)), ("snapshot_download", ("some/model",))
seen = {}
for version in ("1.17.0", "2.4.0"):
    run = [work / version / "bin/pip", "--disable-pip-version-check", "list", "--format=freeze"]
    installed = subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()
    print(*(one for one in installed if one.lower().replace("-", "_").startswith(("hugg", "hf_"))))
    for call in calls:
        for number in (signal.SIGKILL, signal.SIGINT):
            for xet in (True, False):
                at, left, last = see(version, call, number, xet)
                seen.setdefault((version, number), set()).add((at > 0, left > 0, last > 0))
                print(
                    f"  {call[0]:17} {number.name}{'' if xet else ', Xet disabled':14}: "
                    f"{left // MIB} MiB lay there, the next process began at {at // MIB} MiB "
                    f"and sent for {(len(data) - at) // MIB}; unused at last: {last // MIB} MiB"
                )
assert seen["1.17.0", signal.SIGKILL] == {(True, True, False)}, "1.17.0 behaves otherwise"
assert seen["1.17.0", signal.SIGINT] == {(True, True, False)}, "1.17.0 behaves otherwise"
assert seen["2.4.0", signal.SIGKILL] == {(False, True, True)}, "2.4.0 behaves otherwise now"
assert seen["2.4.0", signal.SIGINT] == {(False, False, False)}, "2.4.0 behaves otherwise now"
print("as described")
PYTHON
"$work/2.4.0/bin/python" "$work/look.py" "$work"
