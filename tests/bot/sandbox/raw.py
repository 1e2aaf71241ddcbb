"""HTTP and websockets by hand, for what a well-behaved library never sends."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from bot.sandbox import Interaction, Sandbox
from tests.patience import PATIENCE


class Raw:
    """Requests with the bot's token; every answer comes as (status, parsed JSON or None)."""

    def __init__(self, session: aiohttp.ClientSession, discord: Sandbox) -> None:
        self.session = session
        self._discord = discord

    @property
    def url(self) -> str:
        return self._discord.url

    @property
    def token(self) -> str:
        return self._discord.token

    async def call(
        self, method: str, path: str, payload: Any = None, *, token: str | None = None, **more: Any
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bot {token or self._discord.token}"}
        if payload is not None:
            more["json"] = payload
        url = f"{self._discord.url}/api/v10{path}"
        async with self.session.request(method, url, headers=headers, **more) as response:
            body = await response.read()
            assert not body or response.headers["Content-Type"] == "application/json"
            return response.status, json.loads(body) if body else None

    async def answer(self, interaction: Interaction, payload: Any, **more: Any) -> tuple[int, Any]:
        """Send the first answer to an interaction."""
        path = f"/interactions/{interaction.id}/{interaction.token}/callback"
        return await self.call("POST", path, payload, **more)

    def webhook(self, interaction: Interaction) -> str:
        return f"/webhooks/{self._discord.world.application_id}/{interaction.token}"

    async def send(
        self, path: str, payload: Any, *files: tuple[str, bytes], method: str = "POST"
    ) -> tuple[int, Any]:
        """Send a payload and files as multipart, as libraries do."""
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("payload_json", json.dumps(payload))
        for index, (name, data) in enumerate(files):
            form.add_field(f"files[{index}]", data, filename=name)
        return await self.call(method, path, data=form)

    async def connect(self, *, intents: int = 0, query: str = "v=10&encoding=json") -> Socket:
        """Open a websocket that has identified."""
        socket = await self.open(query)
        await socket.identify(self._discord.token, intents)
        return socket

    async def open(self, query: str = "v=10&encoding=json") -> Socket:
        url = self._discord.url.replace("http", "ws", 1)
        return Socket(await self.session.ws_connect(f"{url}/?{query}"))


class Socket:
    """A gateway connection by hand, uncompressed."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, op: int, data: Any = None) -> None:
        await self.socket.send_json({"op": op, "d": data})

    async def receive(self) -> dict[str, Any]:
        return dict(await self.socket.receive_json(timeout=PATIENCE))

    async def until(self, name: str) -> dict[str, Any]:
        """Return the next dispatch of that name."""
        while (heard := await self.receive())["t"] != name:
            pass
        return heard

    async def identify(self, token: str, intents: int = 0) -> None:
        await self.send(2, {"token": token, "intents": intents, "properties": {}})

    async def close_code(self) -> int | None:
        """Read until the server closes, and return its close code."""
        async for _ in self.socket:
            pass
        return self.socket.close_code
