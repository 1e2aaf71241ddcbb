"""The gateway: websockets, sessions, and the events they get. Knows nothing of REST.

A session outlives its connection: what happens meanwhile is kept, and replayed on RESUME.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import zlib
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox import discord_json
from bot.sandbox.world import Dispatch, World

Json = dict[str, Any]

_DISPATCH, _HEARTBEAT, _IDENTIFY, _PRESENCE, _VOICE_STATE = 0, 1, 2, 3, 4
_RESUME, _RECONNECT, _REQUEST_MEMBERS, _INVALID_SESSION, _HELLO, _ACK = 6, 7, 8, 9, 10, 11

GUILDS = 1 << 0
_MESSAGE_CONTENT = 1 << 15
_PRIVILEGED = 1 << 1 | 1 << 8 | _MESSAGE_CONTENT
_ALL_INTENTS = (1 << 26) - 1
_ACK_AFTER = 0.1  # seconds
_HEARTBEAT_EVERY = 41.25  # seconds between two heartbeats of the client


class GatewayClose(Exception):  # noqa: N818 - not an error of ours: how a connection ends
    """The connection must end with one of Discord's close codes."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Connection:
    """One websocket. What is sent goes through a queue, so that order and zlib state hold."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        *,
        compressed: bool,
    ) -> None:
        self.socket = socket
        self._transport = transport
        self._compressor = zlib.compressobj() if compressed else None
        self._queue: asyncio.Queue[Json] = asyncio.Queue()
        self.silent = False  # open, and never a word again

    def send(
        self, op: int, data: Any = None, *, name: str | None = None, seq: int | None = None
    ) -> None:
        if not self.silent:
            self._queue.put_nowait({"op": op, "d": data, "s": seq, "t": name})

    def abort(self) -> None:
        """Break the connection without a close frame."""
        if self._transport is not None:
            self._transport.abort()

    async def pump(self) -> None:
        """Write what is queued until the socket is gone."""
        while True:
            text = json.dumps(await self._queue.get(), separators=(",", ":"))
            try:
                await self._write(text)
            except ConnectionError:
                return

    async def _write(self, text: str) -> None:
        if self._compressor is None:
            await self.socket.send_str(text)
            return
        packed = self._compressor.compress(text.encode())
        await self.socket.send_bytes(packed + self._compressor.flush(zlib.Z_SYNC_FLUSH))


@dataclass(eq=False, slots=True, kw_only=True)
class Session:
    id: str
    intents: int
    shard: tuple[int, int]
    seq: int = 0
    sent: list[tuple[int, str, Json]] = field(default_factory=list)
    connection: Connection | None = None

    def send(self, name: str, data: Json) -> None:
        self.seq += 1
        self.sent.append((self.seq, name, data))
        if self.connection is not None:
            self.connection.send(_DISPATCH, data, name=name, seq=self.seq)

    def covers(self, guild_id: int | None) -> bool:
        """Return whether events of a server come over this shard; DMs come over the first."""
        number, count = self.shard
        return ((guild_id or 0) >> 22) % count == number


class Gateway:
    """Every session of the bot, connected or about to resume."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.heartbeat_every = _HEARTBEAT_EVERY
        self.is_open = True  # else it takes no connection
        self.sessions: dict[str, Session] = {}
        self.identified = 0  # how often a session was begun
        self.resumed = 0  # how often one was continued
        world.subscribers.append(self.dispatch)

    @property
    def connected(self) -> bool:
        return any(session.connection for session in self.sessions.values())

    # -- events out --------------------------------------------------------------------------------

    def dispatch(self, event: Dispatch) -> None:
        for session in self.sessions.values():
            wanted = not event.intent or session.intents & event.intent
            if wanted and session.covers(event.guild_id):
                session.send(event.name, self._without_hidden_content(event, session))

    def _without_hidden_content(self, event: Dispatch, session: Session) -> Json:
        """Return an event, other people's words in servers blanked without the content intent."""
        data = event.data
        if event.name not in ("MESSAGE_CREATE", "MESSAGE_UPDATE") or "guild_id" not in data:
            return data
        own = data["author"]["id"] == str(self._world.bot.id)
        mentioned = any(each["id"] == str(self._world.bot.id) for each in data["mentions"])
        if own or mentioned or session.intents & _MESSAGE_CONTENT:
            return data
        return data | {"content": "", "embeds": [], "attachments": [], "components": []}

    async def drop(self, *, resume: bool = True) -> None:
        """Break every connection without a close frame; ``resume`` says if sessions can go on."""
        for connection in self._detach_connections():
            connection.abort()
        if not resume:
            self.sessions.clear()

    def ask_to_reconnect(self) -> None:
        """Send opcode 7, as Discord does now and then: the client leaves and resumes."""
        for session in self.sessions.values():
            if session.connection is not None:
                session.connection.send(_RECONNECT)

    def invalidate(self, *, resume: bool = False) -> None:
        """Send opcode 9: Discord has lost its sessions, or (``resume``) wants them resumed."""
        connections = self._detach_connections()
        if not resume:
            self.sessions.clear()
        for connection in connections:
            connection.send(_INVALID_SESSION, data=resume)

    def fall_silent(self) -> None:
        """Keep connections open that carry nothing any more: no events, no heartbeat's ACK."""
        for session in self.sessions.values():
            if session.connection is not None:
                session.connection.silent = True

    async def close(self) -> None:
        """Close every connection properly; sessions can go on when the server is back."""
        for connection in self._detach_connections():
            await connection.socket.close(code=1001)

    def _detach_connections(self) -> list[Connection]:
        """Detach every session from its connection, and return the connections."""
        connections = [each.connection for each in self.sessions.values() if each.connection]
        for session in self.sessions.values():
            session.connection = None
        return connections

    # -- one connection ----------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one websocket from its opening to its end."""
        if not self.is_open:
            return web.Response(status=503)
        socket = web.WebSocketResponse(max_msg_size=16 * 1024)
        await socket.prepare(request)
        compressed = request.query.get("compress") == "zlib-stream"
        connection = Connection(socket, request.transport, compressed=compressed)
        pump = asyncio.create_task(connection.pump())
        try:
            _check_query(request)
            await self._receive(connection)
        except GatewayClose as close:
            await socket.close(code=close.code, message=close.reason.encode())
        finally:
            pump.cancel()
            self._forget(connection, clean=socket.close_code in (1000, 1001))
        return socket

    def _forget(self, connection: Connection, *, clean: bool) -> None:
        """Detach a connection's session, and end it where the client closed with 1000 or 1001."""
        for session in list(self.sessions.values()):
            if session.connection is connection:
                session.connection = None
                if clean:
                    del self.sessions[session.id]
        self._world.changes.notify()

    async def _receive(self, connection: Connection) -> None:
        connection.send(
            _HELLO, {"heartbeat_interval": int(self.heartbeat_every * 1000), "_trace": []}
        )
        session: Session | None = None
        async for message in connection.socket:
            if message.type is not WSMsgType.TEXT:
                raise GatewayClose(4002, "Only JSON text is understood.")
            session = self._handle_payload(connection, session, _decoded(message.data))

    def _handle_payload(
        self, connection: Connection, session: Session | None, payload: Json
    ) -> Session | None:
        """Answer one payload of the client, and return its session from now on."""
        op, data = payload.get("op"), payload.get("d")
        if op == _HEARTBEAT:
            # discord.py notes when it sent a heartbeat only afterwards, in a thread; an ACK that is
            # there before, as none is that crosses a network, reads as 41 s of delay in its log
            asyncio.get_running_loop().call_later(_ACK_AFTER, connection.send, _ACK)
        elif op in (_IDENTIFY, _RESUME):
            if session is not None:
                raise GatewayClose(4005, "Already authenticated.")
            begin = self._identify if op == _IDENTIFY else self._resume
            session = begin(connection, data if isinstance(data, dict) else {})
        elif op not in (_PRESENCE, _VOICE_STATE, _REQUEST_MEMBERS):
            raise GatewayClose(4001, "Unknown opcode.")
        elif session is None:
            raise GatewayClose(4003, "Not authenticated.")
        return session

    def _identify(self, connection: Connection, data: Json) -> Session:
        self._check_token(data)
        intents = data.get("intents")
        if not isinstance(intents, int) or intents & ~_ALL_INTENTS:
            raise GatewayClose(4013, "Invalid intent(s).")
        if intents & _PRIVILEGED & ~self._world.privileged_intents:
            raise GatewayClose(4014, "Disallowed intent(s).")
        number, count = data.get("shard") or (0, 1)
        if not 0 <= number < count:
            raise GatewayClose(4010, "Invalid shard.")
        session = Session(id=secrets.token_hex(16), intents=intents, shard=(number, count))
        session.connection = connection
        self._forget_detached(session.shard)  # whoever begins anew won't come back for the last one
        self.sessions[session.id] = session
        self.identified += 1
        self._send_ready(session)
        self._world.changes.notify()
        return session

    def _forget_detached(self, shard: tuple[int, int]) -> None:
        detached = [
            each.id
            for each in self.sessions.values()
            if not each.connection and each.shard == shard
        ]
        for session_id in detached:
            del self.sessions[session_id]

    def _send_ready(self, session: Session) -> None:
        world = self._world
        guilds = [
            guild for guild in world.guilds.values() if guild.bot_is_in and session.covers(guild.id)
        ]
        ready: Json = {
            "v": 10,
            "user": discord_json.own_user(world.bot),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": gateway_url(world),
            "shard": list(session.shard),
            "application": {"id": str(world.application_id), "flags": 0},
        }
        session.send("READY", ready)
        if session.intents & GUILDS:
            for guild in guilds:
                session.send("GUILD_CREATE", discord_json.guild_create(world, guild))

    def _resume(self, connection: Connection, data: Json) -> Session | None:
        """Replays what was missed, or says that the session is gone."""
        self._check_token(data)
        session = self.sessions.get(str(data.get("session_id")))
        seq = data.get("seq")
        if session is None or not isinstance(seq, int) or seq > session.seq:
            connection.send(_INVALID_SESSION, data=False)
            return None
        session.connection = connection
        for number, name, event in session.sent:
            if number > seq:
                connection.send(_DISPATCH, event, name=name, seq=number)
        session.send("RESUMED", {"_trace": []})
        self.resumed += 1
        self._world.changes.notify()
        return session

    def _check_token(self, data: Json) -> None:
        if data.get("token") != self._world.token:
            raise GatewayClose(4004, "Authentication failed.")


def gateway_url(world: World) -> str:
    return world.url.replace("http", "ws", 1) + "/"


def _check_query(request: web.Request) -> None:
    if request.query.get("v", "10") != "10":
        raise GatewayClose(4012, "Only version 10 is spoken here.")
    encoding, compress = request.query.get("encoding", "json"), request.query.get("compress")
    if encoding != "json" or compress not in (None, "zlib-stream"):
        raise GatewayClose(4002, "Only JSON is spoken here, plain or as zlib-stream.")


def _decoded(text: str) -> Json:
    try:
        payload = json.loads(text)
    except ValueError:
        raise GatewayClose(4002, "That was no JSON.") from None
    if not isinstance(payload, dict):
        raise GatewayClose(4002, "That was no JSON object.")
    return payload
