"""A hub of one repository on loopback: the part of its HTTP that a download uses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

from generator.hotshot import sources

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves ``directory`` as ``repository``; ``downloaded`` lists the files that were fetched."""

    def __init__(self, repository: str, directory: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repository, self.directory = repository, directory
        self.downloaded: list[str] = []
        self.gone = False

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


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
        path = unquote(urlsplit(self.path).path)
        hub = self.server
        if path.startswith(f"/api/models/{hub.repository}/tree/"):
            self._send(json.dumps(self._tree()).encode())
        elif path.startswith(f"/api/models/{hub.repository}"):
            files = [{"rfilename": file["path"]} for file in self._tree()]
            about = {"id": hub.repository, "sha": COMMIT, "siblings": files}
            self._send(json.dumps(about).encode())
        elif path.startswith(f"/{hub.repository}/resolve/"):
            self._send_file(path.split("/resolve/", 1)[1].split("/", 1)[1])
        else:
            self._send(b'{"error": "Repository not found"}', status=404)

    def _tree(self) -> list[dict[str, object]]:
        files = sorted(path for path in self.server.directory.rglob("*") if path.is_file())
        return [
            {
                "type": "file",
                "path": path.relative_to(self.server.directory).as_posix(),
                "size": path.stat().st_size,
                "oid": _etag(path),
            }
            for path in files
        ]

    def _send_file(self, name: str) -> None:
        path = self.server.directory / name
        if not path.is_file():
            self._send(b"", status=404)
            return
        if self.command == "GET":
            self.server.downloaded.append(name)
        self._send(path.read_bytes(), etag=_etag(path))

    def _send(self, body: bytes, *, status: int = 200, etag: str = "none") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{etag}"')
        self.send_header("X-Repo-Commit", COMMIT)
        if status == 404:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def _etag(path: Path) -> str:
    return hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()


@contextmanager
def serving(repository: str, directory: Path) -> Iterator[Hub]:
    """The hub that models are fetched from; all that it started has ended when this leaves.

    Its address stays that of the hub, so that afterwards it is one that can't be reached.
    """
    with Hub(repository, directory) as hub:
        thread = Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        sources.ENDPOINT = hub.endpoint
        try:
            yield hub
        finally:
            hub.gone = True
            hub.shutdown()
            thread.join()
