"""A Discord in a box, on loopback: ``async with Sandbox() as discord`` and the bot may connect.

Wires world, gateway and REST together. The tests, the demo and the console use it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from bot.sandbox import guild_admin
from bot.sandbox.client.person import Person
from bot.sandbox.clock import Clock
from bot.sandbox.console_commands import run_command
from bot.sandbox.gateway import Gateway
from bot.sandbox.interactions import ANSWER_WITHIN
from bot.sandbox.model import DM, Channel, Guild, Message, User
from bot.sandbox.rest.app import RestApi
from bot.sandbox.rest.fault_injection import Fault, FaultQueue
from bot.sandbox.rest.fault_kinds import Refusal
from bot.sandbox.rest.routes import Journal, RecordedRequest
from bot.sandbox.world import DEFAULT_UPLOAD_LIMIT, PATIENCE, Registration, World

T = TypeVar("T")


class Sandbox:
    """The server, and everything a test wants to know of it.

    ``check_answers`` also checks what the sandbox itself answers (``wrong_answers``). ``patience``
    is for how many seconds it is waited for the bot where a call isn't given its own ``within``;
    ``answer_within`` how many the bot has for a first answer, Discord's three or, on a busy
    machine, more.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str | None = None,
        upload_limit: int = DEFAULT_UPLOAD_LIMIT,
        privileged_intents: int = 0,
        check_answers: bool = False,
        patience: float = PATIENCE,
        answer_within: float = ANSWER_WITHIN,
    ) -> None:
        self.clock = Clock()
        self.world = World(
            clock=self.clock,
            token=token,
            upload_limit=upload_limit,
            privileged_intents=privileged_intents,
            patience=patience,
            answer_within=answer_within,
        )
        self.gateway = Gateway(self.world)
        self.journal = Journal()
        self.faults = FaultQueue()
        self.guild = self.world.add_guild("Sandbox")
        self.channel = self.world.add_channel(self.guild, "gifs")
        self._host, self._port = host, port
        self.rest = RestApi(self.world, self.journal, self.faults, check_answers=check_answers)
        self._runner: web.AppRunner | None = None

    # -- its life ----------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; after a ``stop``, go on as before. Raises OSError where the port is taken."""
        self._runner = web.AppRunner(
            self.rest.application(self.gateway),
            access_log=None,  # its lines would carry interaction tokens
            shutdown_timeout=1.0,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.world.url = f"http://{self._host}:{self._port}"

    async def stop(self) -> None:
        await self.gateway.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Return the base URL that a bot is pointed to, without a slash at the end."""
        return self.world.url

    @property
    def token(self) -> str:
        return self.world.token

    # -- people and places -------------------------------------------------------------------------

    def person(
        self,
        username: str,
        *,
        channel: Channel | None = None,
        permissions: int = 0,
        **values: Any,
    ) -> Person:
        """Return somebody new in ``channel`` (default: the first one), joined to its server.

        ``permissions`` come on top of everyone's; ``values`` are fields of ``User``.
        """
        user = self.world.add_user(username, **values)
        place = channel or self.channel
        if permissions and place.guild is not None:
            role = self.world.add_role(place.guild, f"{username}'s role", permissions)
            self.world.add_member(place.guild, user).roles.append(role)
        return Person(self.world, self.gateway, user, place).at(place)

    def add_guild(self, name: str, *, owner: User | None = None, bot_is_in: bool = True) -> Guild:
        """Add a further server; the bot is told where it is in."""
        return guild_admin.add_guild(self.world, name, owner=owner, bot_is_in=bot_is_in)

    def add_channel(self, name: str, *, guild: Guild | None = None, nsfw: bool = False) -> Channel:
        return guild_admin.add_channel(self.world, guild or self.guild, name, nsfw=nsfw)

    def delete_channel(self, channel: Channel) -> None:
        """Delete a channel with all its messages. Raises SandboxError for a DM."""
        guild_admin.delete_channel(self.world, channel)

    def kick_bot(self, guild: Guild) -> None:
        """Remove the bot from a server; ``let_bot_in`` brings it back."""
        guild_admin.kick_bot(self.world, guild)

    def let_bot_in(self, guild: Guild) -> None:
        guild_admin.let_bot_in(self.world, guild)

    def permit_bot(self, channel: Channel, permissions: int) -> None:
        """Allow the bot just ``permissions`` in a channel from now on."""
        guild_admin.permit_bot(self.world, channel, permissions)

    def let_bot_create_expressions(self, guild: Guild, *, may: bool = True) -> None:
        """Let the bot add emojis and stickers to a server, or no more."""
        guild_admin.let_bot_create_expressions(self.world, guild, may=may)

    # -- what the bot did --------------------------------------------------------------------------

    @property
    def requests(self) -> list[RecordedRequest]:
        """Return every REST request of the bot, oldest first, with its body and its answer."""
        return self.journal.requests

    @property
    def violations(self) -> list[str]:
        """Return what the bot sent that Discord would not accept; a well-behaved one sends none."""
        return self.journal.violations

    @property
    def wrong_answers(self) -> list[str]:
        """Return what the sandbox answered against Discord's description, or failed at."""
        return self.journal.wrong_answers

    @property
    def registrations(self) -> list[Registration]:
        """Return every registration of commands, oldest first."""
        return self.world.registrations

    def messages_in(self, channel: Channel) -> list[Message]:
        """Return the messages in a channel, oldest first, ephemeral ones too."""
        every = self.world.messages.values()
        return [one for one in every if one.channel is channel and not one.deleted]

    def direct_messages(self, user: User) -> list[Message]:
        """Return the direct messages between the bot and ``user``."""
        pair = {user.id, self.world.bot.id}
        return [
            message
            for channel in list(self.world.channels.values())
            if channel.type == DM and {each.id for each in channel.recipients} == pair
            for message in self.messages_in(channel)
        ]

    async def until(self, found: Callable[[], T | None], within: float | None = None) -> T:
        """Wait until ``found`` returns a value but None. Raises TimeoutError after ``within`` s."""
        patience = self.world.patience if within is None else within
        return await self.world.changes.until(found, patience)

    async def connected(self, within: float | None = None) -> None:
        """Wait until a bot has identified or resumed."""
        await self.until(lambda: self.gateway.connected or None, within)

    async def commands_registered(self, within: float | None = None) -> list[dict[str, Any]]:
        """Wait until commands were registered, and return the last ones."""
        registration = await self.until(
            lambda: self.registrations[-1] if self.registrations else None, within
        )
        return registration.commands

    # -- faults ------------------------------------------------------------------------------------

    async def drop_gateway(self, *, resume: bool = True) -> None:
        """Break the gateway's connections; with ``resume`` False, their sessions end too."""
        await self.gateway.drop(resume=resume)

    @asynccontextmanager
    async def gateway_outage(self, *, resume: bool = True) -> AsyncIterator[None]:
        """Let the gateway take no connection inside; REST goes on."""
        self.gateway.is_open = False
        await self.gateway.drop(resume=resume)
        try:
            yield
        finally:
            self.gateway.is_open = True

    @asynccontextmanager
    async def outage(self, *, resume: bool = True) -> AsyncIterator[None]:
        """Let nobody listen inside: connections are refused, those that were open are broken."""
        await self.gateway.drop(resume=resume)
        await self.stop()
        try:
            yield
        finally:
            await self.start()

    def fail_next(
        self, method: str, path: str, status: int = 0, code: int = 0, *, times: int = 1
    ) -> None:
        """Refuse the next ``times`` requests to a path like ``path`` ("/channels/*/messages").

        Either of ``status`` and ``code`` is enough; see ``Refusal``.
        """
        self.faults.add(Refusal(method, path, times, status=status, code=code))

    def add_fault(self, fault: Fault) -> None:
        """Queue any other fault: Refusal, Delay, Reset."""
        self.faults.add(fault)

    async def run_command(self, line: str) -> None:
        """Run one line of ``bot.sandbox.console_commands``. Raises SandboxError."""
        await run_command(line, self.world, self.gateway, self.faults)
