"""Serves the page: its files, one websocket for each, uploads, and what messages show.

A server of its own beside the bot's: what is broken on purpose there leaves the page alone, and
files of strangers have another origin there than the page here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import mimetypes
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from aiohttp import WSMsgType, web

from bot.sandbox.errors import SandboxError
from bot.sandbox.model import ADMINISTRATOR
from bot.sandbox.page.actions import Actions
from bot.sandbox.page.address import Address
from bot.sandbox.page.guard import FILE_POLICY, HEADERS, PAGE_POLICY, Guard
from bot.sandbox.page.uploads import FileTooLarge, Uploads, received_upload
from bot.sandbox.page.view import View
from bot.sandbox.server import Sandbox

Json = dict[str, Any]

_STATIC = Path(__file__).with_name("static")
_ALL_SCRIPTS, _ALL_STYLES = "all.js", "all.css"
_STYLES = ("page.css", "messages.css", "forms.css")  # in order: later ones decide
_MOST_PAGES = 16
_MOST_AT_ONCE = 32  # actions of one page that aren't answered yet
_LONGEST_MESSAGE = 256 * 1024  # bytes of one websocket message from a page
_LOOK_AGAIN = 3600.0  # seconds; a change wakes it sooner
# What a browser may show by itself; all else is saved.
_SHOWN_TYPES = frozenset(
    {"image/gif", "image/png", "image/apng", "image/jpeg", "image/webp", "image/avif"}
    | {"video/mp4", "video/webm"}
)

_log = logging.getLogger(__name__)


class PageServer:
    """``async with PageServer(discord) as page``: ``page.url`` is the address to open.

    ``kept`` is a file that remembers the address from one start to the next.
    """

    def __init__(
        self,
        discord: Sandbox,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        kept: Path | None = None,
    ) -> None:
        self._discord = discord
        self._host, self._port = host, port
        self._kept = kept
        self._before = Address.kept_in(kept) if kept else None
        self._guard = Guard({host, "localhost"}, self._before.token if self._before else None)
        self._uploads = Uploads()
        self._actions = Actions(discord, self._uploads)
        self._files = {path.name: path.read_bytes() for path in _STATIC.iterdir()}
        self._files[_ALL_SCRIPTS] = _imports_of_all(self._files)
        self._files[_ALL_STYLES] = b"".join(self._files[name] for name in _STYLES)
        self._sockets: set[web.WebSocketResponse] = set()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """Return the address to open, which holds the token."""
        return f"http://{self._host}:{self._guard.port}/{self._guard.token}/"

    async def start(self) -> None:
        """Listen, with two people to be. Raises OSError where the port is taken."""
        self._invite_people()
        app = web.Application(middlewares=[self._guarded])
        root = f"/{self._guard.token}"
        app.router.add_get(f"{root}/", self._get_index)
        app.router.add_get(f"{root}/socket", self._serve_socket)
        app.router.add_post(f"{root}/upload", self._post_upload)
        app.router.add_get(root + r"/files/{id:[0-9]{1,20}}/{name}", self._get_file)
        app.router.add_get(root + "/{name}", self._get_static)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await self._listen(self._runner)
        self._guard.port = self._runner.addresses[0][1]
        if self._kept:
            Address(self._guard.port, self._guard.token).keep_in(self._kept)

    async def _listen(self, runner: web.AppRunner) -> None:
        """Listen where it was asked for, else where it was before, else on a free port."""
        if not self._port and self._before:
            with contextlib.suppress(OSError):
                await web.TCPSite(runner, self._host, self._before.port).start()
                return
        await web.TCPSite(runner, self._host, self._port).start()

    async def stop(self) -> None:
        for socket in list(self._sockets):
            await socket.close(code=1001)
        if self._runner is not None:
            await self._runner.cleanup()

    def _invite_people(self) -> None:
        """Let there be ``you``, who may do everything, and ``sam``, who may not."""
        discord = self._discord
        there = {user.username: user for user in discord.world.users.values()}
        for name, permissions in (("you", ADMINISTRATOR), ("sam", 0)):
            user = there.get(name) or discord.person(name, permissions=permissions).user
            discord.world.dm_between(user, discord.world.bot)

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Any) -> web.StreamResponse:
        refusal = self._guard.refusal(request)
        if refusal is not None:
            return refusal
        response: web.StreamResponse = await handler(request)
        if not response.prepared:
            response.headers.update(
                {**HEADERS, "Content-Security-Policy": PAGE_POLICY} | dict(response.headers)
            )
        return response

    # -- files -------------------------------------------------------------------------------------

    async def _get_index(self, _: web.Request) -> web.Response:
        page = self._files["index.html"]
        return web.Response(body=page, content_type="text/html", charset="utf-8")

    async def _get_static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._files:
            return web.Response(status=404, text="There is no such file.\n")
        kind = "text/javascript" if name.endswith(".js") else mimetypes.guess_type(name)[0]
        return web.Response(body=self._files[name], content_type=kind, charset="utf-8")

    async def _get_file(self, request: web.Request) -> web.Response:
        """Return what was attached to a message: shown if it is a picture or a film, else saved."""
        file = self._discord.world.files.get(int(request.match_info["id"]))
        headers = {"Content-Security-Policy": FILE_POLICY}
        if file is None:
            return web.Response(status=404, text="That file is gone.\n", headers=headers)
        kind = file.content_type.partition(";")[0].strip().lower()
        if kind not in _SHOWN_TYPES or "save" in request.query:
            headers["Content-Disposition"] = f'attachment; filename="{_ascii(file.filename)}"'
        if kind not in _SHOWN_TYPES:
            kind = "application/octet-stream"
        return web.Response(body=file.data, content_type=kind, headers=headers)

    async def _post_upload(self, request: web.Request) -> web.Response:
        try:
            person = self._actions.person(dict(request.query))
            limit = self._discord.world.upload_limit_in(person.channel, person.user)
            key = self._uploads.add(await received_upload(request, limit))
        except FileTooLarge as error:
            close = {"Connection": "close"}  # what is still coming is not read
            return web.json_response(_refusal(error), status=413, headers=close)
        except SandboxError as error:
            return web.json_response(_refusal(error), status=400)
        return web.json_response({"upload": key})

    # -- the websocket -----------------------------------------------------------------------------

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        if len(self._sockets) >= _MOST_PAGES:
            return web.Response(status=503, text="Too many pages are open; close one.\n")
        # not compressed: it goes no further than this machine
        socket = web.WebSocketResponse(max_msg_size=_LONGEST_MESSAGE, compress=False)
        await socket.prepare(request)
        self._sockets.add(socket)
        page = _Page(socket, self._discord, self._actions)
        try:
            await page.serve()
        finally:
            self._sockets.discard(socket)
        return socket


class _Page:
    """One open page: what changes goes out, what it asks for is done, side by side."""

    def __init__(self, socket: web.WebSocketResponse, discord: Sandbox, actions: Actions) -> None:
        self._socket = socket
        self._discord = discord
        self._actions = actions
        self._view = View(discord.world, discord.gateway)
        self._running: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        telling = asyncio.create_task(self._tell_changes())
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.TEXT:
                    break
                self._begin(message.data)
        finally:
            for task in (telling, *self._running):
                task.cancel()
            await asyncio.gather(telling, *self._running, return_exceptions=True)

    async def _tell_changes(self) -> None:
        world = self._discord.world
        while True:
            try:
                found = await world.changes.until(self._changes, _LOOK_AGAIN)
            except TimeoutError:
                continue
            await self._send(found)

    def _changes(self) -> Json | None:
        return self._view.changes() or None

    def _begin(self, text: str) -> None:
        """Start what a page asks for; what can't be read has no number to be answered by."""
        try:
            asked = json.loads(text)
        except (ValueError, RecursionError):
            return
        if isinstance(asked, dict):
            is_too_much = len(self._running) >= _MOST_AT_ONCE
            answer = self._refuse(asked) if is_too_much else self._answer(asked)
            task = asyncio.create_task(answer)
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _answer(self, asked: Json) -> None:
        try:
            is_of_page = asked.get("do") == "earlier"
            answer = self._view.earlier() if is_of_page else await self._actions.perform(asked)
        except SandboxError as error:
            answer = _refusal(error)
        except Exception:  # noqa: BLE001 - a bug here ends neither the page nor the sandbox
            _log.exception("The sandbox's page failed at %r", asked.get("do"))
            answer = {"error": "The sandbox failed at that; its log says why."}
        await self._send({"re": asked.get("id"), **answer})

    async def _refuse(self, asked: Json) -> None:
        sentence = "That was too much at once; wait a moment."
        await self._send({"re": asked.get("id"), "error": sentence})

    async def _send(self, payload: Json) -> None:
        with contextlib.suppress(ConnectionError):  # it is told all when it comes again
            await self._socket.send_str(json.dumps(payload, separators=(",", ":")))


def _refusal(error: SandboxError) -> Json:
    """Return a sentence for the page, which says it in the language of who is there."""
    return {"error": error.template, "values": error.values}


def _imports_of_all(files: Iterable[str]) -> bytes:
    """Return a script that imports every other.

    Else a browser learns of each only from the one that imports it. Naming them to it in the page
    or its headers would lengthen the task in which it opens the page.
    """
    scripts = sorted(name for name in files if name.endswith(".js"))
    return "".join(f'import "./{name}";\n' for name in scripts).encode()


def _ascii(name: str) -> str:
    """Return a file's name as a header takes it."""
    return "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
