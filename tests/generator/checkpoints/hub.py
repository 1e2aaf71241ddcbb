"""A hub on loopback: the part of its HTTP that a download uses, as huggingface.co answers it.

Weights are kept as LFS files: their address redirects to another one, which knows ranges.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from urllib.parse import parse_qs, unquote, urlsplit

from generator.checkpoints import hub as hub_module

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_PIECE = 16 << 10


@dataclass
class Hosted:
    """A repository and how the hub treats those who ask for it."""

    directory: Path
    licence: str = "openrail++"
    commit: str = COMMIT
    gated: bool = False  # everybody sees what it has, and nobody gets it without a token
    token: str = "let-me-in"
    card: dict[str, str] = field(default_factory=dict)


class Hub(ThreadingHTTPServer):
    """Serves directories as repositories.

    ``downloaded`` lists the files that were asked for, ``ranges`` what was asked for of them, and
    ``sent`` counts the bytes of their contents. ``pace`` is in bytes a second, and after
    ``breaks_after`` bytes of one answer its connection breaks.
    """

    daemon_threads = True

    def __init__(self, repository: str, directory: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repository = repository
        self.hosted = {repository: Hosted(directory)}
        self.downloaded: list[str] = []
        self.ranges: list[str] = []
        self.sent = 0
        self.pace: float | None = None
        self.breaks_after: int | None = None
        self.knows_ranges = True
        self.status = 200
        self.gone = False
        self.lock = Lock()

    @property
    def main(self) -> Hosted:
        """The repository that it was started with."""
        return self.hosted[self.repository]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked may be killed in the middle of an answer."""


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_arguments: object) -> None:
        """Tests print nothing."""

    def _answer(self) -> None:
        if self.server.gone:  # a connection that was kept open
            self.close_connection = True
            return
        if self.server.status != 200:
            self._send(b"", status=self.server.status)
            return
        parts = urlsplit(self.path)
        path = unquote(parts.path)
        for repository, hosted in self.server.hosted.items():
            if path.startswith(f"/api/models/{repository}"):
                rest = path.removeprefix(f"/api/models/{repository}").strip("/")
                self._describe(repository, hosted, rest, parse_qs(parts.query))
                return
            if path.startswith(f"/{repository}/resolve/"):
                revision, _, name = path.split("/resolve/", 1)[1].partition("/")
                self._resolve(hosted, revision, name)
                return
            if path.startswith(f"/cdn/{repository}/"):
                self._send_content(hosted.directory / path.removeprefix(f"/cdn/{repository}/"))
                return
        self._refuse(401, "RepoNotFound")  # as the hub answers those without a token

    def _describe(
        self, repository: str, hosted: Hosted, rest: str, query: dict[str, list[str]]
    ) -> None:
        what, _, revision = rest.partition("/")
        if revision not in ("", "main", hosted.commit):
            self._refuse(404, "RevisionNotFound")
        elif what == "tree":
            self._send_json(_tree(hosted))
        else:
            with_sizes = "blobs" in query
            about = {
                "id": repository,
                "sha": hosted.commit,
                "gated": "auto" if hosted.gated else False,
                "tags": [f"license:{hosted.licence}"] if hosted.licence else [],
                "cardData": hosted.card,
                "siblings": [_sibling(one, with_sizes=with_sizes) for one in _tree(hosted)],
            }
            self._send_json(about)

    def _resolve(self, hosted: Hosted, revision: str, name: str) -> None:
        path = hosted.directory / name
        if revision not in ("main", hosted.commit):
            self._refuse(404, "RevisionNotFound")
        elif hosted.gated and hosted.token not in self.headers.get("Authorization", ""):
            self._refuse(403 if self.headers.get("Authorization") else 401, "GatedRepo")
        elif not path.is_file():
            self._refuse(404, "EntryNotFound")
        elif _is_lfs(path):
            repository = next(one for one, known in self.server.hosted.items() if known is hosted)
            # Of another host, as the hub's is.
            elsewhere = f"http://localhost:{self.server.server_port}/cdn/{repository}/{name}"
            self._redirect(elsewhere, path, hosted)
        else:
            self._send_content(path, hosted)

    def _redirect(self, location: str, path: Path, hosted: Hosted) -> None:
        self.send_response(302)
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.send_header("ETag", '"of the redirect"')
        self.send_header("X-Linked-Size", str(path.stat().st_size))
        self.send_header("X-Linked-ETag", f'"{_sha256(path)}"')
        self.send_header("X-Repo-Commit", hosted.commit)
        self.end_headers()

    def _send_content(self, path: Path, hosted: Hosted | None = None) -> None:
        data = path.read_bytes()
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted and self.server.knows_ranges else 0
        if self.command == "GET":
            with self.server.lock:
                self.server.downloaded.append(self._name(path))
                self.server.ranges.append(self.headers.get("Range", ""))
        if start and start >= len(data):
            self._refuse(416, "")
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", f'"{_etag(path)}"')
        if hosted is not None:
            self.send_header("X-Repo-Commit", hosted.commit)
        self.end_headers()
        if self.command == "GET":
            self._send_slowly(data[start:])

    def _send_slowly(self, data: bytes) -> None:
        sent = 0
        for start in range(0, len(data), _PIECE):
            piece = data[start : start + _PIECE]
            self.wfile.write(piece)
            sent += len(piece)
            with self.server.lock:
                self.server.sent += len(piece)
            if self.server.pace is not None:
                time.sleep(len(piece) / self.server.pace)
            if self.server.breaks_after is not None and sent >= self.server.breaks_after:
                self.close_connection = True
                return

    def _name(self, path: Path) -> str:
        for hosted in self.server.hosted.values():
            if path.is_relative_to(hosted.directory):
                return path.relative_to(hosted.directory).as_posix()
        return path.name

    def _send_json(self, value: object) -> None:
        self._send(json.dumps(value).encode())

    def _refuse(self, status: int, code: str) -> None:
        self._send(b"", status=status, code=code)

    def _send(self, body: bytes, *, status: int = 200, code: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def _tree(hosted: Hosted) -> list[dict[str, object]]:
    files = sorted(path for path in hosted.directory.rglob("*") if path.is_file())
    return [_described(path, path.relative_to(hosted.directory).as_posix()) for path in files]


def _described(path: Path, name: str) -> dict[str, object]:
    size = path.stat().st_size
    told: dict[str, object] = {"type": "file", "path": name, "size": size, "oid": _etag(path)}
    if _is_lfs(path):
        told["lfs"] = {"oid": _sha256(path), "size": size, "pointerSize": 130}
    return told


def _sibling(told: dict[str, object], *, with_sizes: bool) -> dict[str, object]:
    sibling = {"rfilename": told["path"]}
    if with_sizes:
        sibling |= {"size": told["size"], "blobId": told["oid"]}
        lfs = told.get("lfs")
        if isinstance(lfs, dict):
            sibling["lfs"] = {"sha256": lfs["oid"], "size": lfs["size"], "pointerSize": 130}
    return sibling


def _is_lfs(path: Path) -> bool:
    return path.suffix in (".safetensors", ".bin", ".ckpt")


def _etag(path: Path) -> str:
    return hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def serving(repository: str, directory: Path) -> Iterator[Hub]:
    """The hub that models are fetched from; all that it started has ended when this leaves.

    Its address stays that of the hub, so that afterwards it is one that can't be reached.
    """
    with Hub(repository, directory) as hub:
        thread = Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        hub_module.ENDPOINT = hub.endpoint
        try:
            yield hub
        finally:
            hub.gone = True
            hub.shutdown()
            thread.join()
