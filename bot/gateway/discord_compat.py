"""Holds all that this bot uses of discord.py beyond its documented interface.

discord.py has no public way to see events and frames before it reads them, to write JSON in another
way, or to talk to a Discord elsewhere. Whatever a new version of it breaks is mended here;
``tests/bot/gateway/test_discord_compat.py`` checks that no other module needs to be looked at.
Knows nothing of jobs, commands or what this bot sends.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import aiohttp
import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route
from discord.webhook.async_ import AsyncWebhookAdapter

from bot.gateway.discord_errors import SessionClosedError, readable_answers

P = ParamSpec("P")
T = TypeVar("T")
ClientT = TypeVar("ClientT", bound=discord.Client)

Json = dict[str, Any]
EventParser = Callable[[Any], None]
GatewaySocket = DiscordWebSocket
FrameReader = Callable[[DiscordWebSocket, Any], Awaitable[None]]

# As they were when this module was imported, so that replacing them twice does no harm.
_received_message = DiscordWebSocket.received_message
_http_request = HTTPClient.request
_webhook_request = AsyncWebhookAdapter.request


# -- JSON and frames -------------------------------------------------------------------------------


def replace_json_writer(to_json: Callable[[Any], str]) -> None:
    """Have discord.py write all that it sends by ``to_json``."""
    discord.utils._to_json = to_json  # type: ignore[assignment]


def replace_json_reader(from_json: Callable[[Any], Any]) -> None:
    """Have discord.py read all that it receives by ``from_json``."""
    discord.utils._from_json = from_json


def replace_frame_reader(reader: FrameReader) -> None:
    """Have every connection to the gateway hand its frames to ``reader``."""
    DiscordWebSocket.received_message = reader  # type: ignore[method-assign,assignment]


def frame_text(socket: DiscordWebSocket, frame: Any) -> str | None:
    """Return a frame's text, decompressed; None while more of it is to come."""
    return socket._decompressor.decompress(frame) if isinstance(frame, bytes) else frame


async def read_frame(socket: DiscordWebSocket, event: Json) -> None:
    """Have discord.py take in a frame's event; its JSON reader is asked to read what is read."""
    await _received_message(socket, cast(Any, event))


# -- the connection --------------------------------------------------------------------------------


def use_base_url(base_url: str) -> None:
    """Have discord.py take ``base_url`` for Discord's."""
    Route.BASE = f"{base_url}/api/v10"
    discord.Asset.BASE = base_url


def use_gateway(url: str) -> None:
    """Have every shard connect to the gateway at ``url``."""
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)


def use_connector(client: discord.Client, connector: aiohttp.BaseConnector) -> None:
    """Have the client's next login make its HTTP session with ``connector``."""
    client.http.connector = connector


async def close_session(client: discord.Client) -> None:
    """Close the client's HTTP session, so that it may log in anew."""
    await client.http.close()


async def fetch_gateway(client: discord.Client) -> tuple[int, str, int]:
    """Return how many shards Discord recommends, the gateway's URL, and the starts left today.

    Raises TRANSPORT_ERRORS, ``discord.GatewayNotFound`` and UnreadableAnswerError.
    """
    with readable_answers():
        shards, url, limits = await client.http.get_bot_gateway()
        return shards, url, limits["remaining"]


async def fetch_command_names(client: discord.Client, application_id: int) -> set[str]:
    """Return the names of the global commands that Discord knows.

    Raises TRANSPORT_ERRORS and UnreadableAnswerError.
    """
    with readable_answers():
        known = await client.http.get_global_commands(application_id)
        return {command["name"] for command in known}


async def register_commands(
    client: discord.Client, application_id: int, commands: list[Any]
) -> None:
    """Replace the global commands by these payloads; what Discord answers is not read."""
    await client.http.bulk_upsert_global_commands(application_id, payload=commands)


async def register_guild_commands(
    client: discord.Client, application_id: int, guild_id: int, commands: list[Any]
) -> None:
    """Replace a server's own commands by these payloads; what Discord answers is not read."""
    await client.http.bulk_upsert_guild_commands(application_id, guild_id, payload=commands)


def name_closed_sessions() -> None:
    """Have requests on a session that was closed meanwhile raise SessionClosedError.

    aiohttp and uvloop raise a bare RuntimeError there, which could be anything.
    """
    HTTPClient.request = _naming_closed_sessions(_http_request)  # type: ignore[method-assign]
    AsyncWebhookAdapter.request = _naming_closed_sessions(_webhook_request)  # type: ignore[method-assign]


def _naming_closed_sessions(request: Callable[P, Awaitable[T]]) -> Any:
    @wraps(request)
    async def named(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await request(*args, **kwargs)
        except RuntimeError as error:
            if str(error) != "Session is closed" and "the handler is closed" not in str(error):
                raise
            raise SessionClosedError(str(error)) from error

    return named


# -- interactions ----------------------------------------------------------------------------------


def event_parsers(client: discord.Client) -> dict[str, EventParser]:
    """Return the client's own table of parsers, by the names of the gateway's events."""
    return client._connection.parsers


def make_interaction(client: discord.Client, event: Json) -> discord.Interaction[Any]:
    """Return the interaction of an INTERACTION_CREATE, without dispatching it."""
    return discord.Interaction(data=cast(Any, event), state=client._connection)


def followups(client: discord.Client, application_id: int, token: str) -> discord.Webhook:
    """Return what sends further messages by an interaction's token, ephemeral ones too."""
    data = {"id": application_id, "type": discord.WebhookType.application.value, "token": token}
    return discord.Webhook.from_state(data=cast(Any, data), state=client._connection)


def kept_file(client: discord.Client, file_id: int, name: str, alt: str) -> discord.Attachment:
    """Return what stands for a file of a message in an edit that keeps it.

    Of files that components show, Discord gives nothing that discord.py would take there.
    """
    data = {"id": file_id, "filename": name, "description": alt, "size": 0}
    data |= {"url": "", "proxy_url": ""}
    return discord.Attachment(data=cast(Any, data), state=client._connection)


def custom_id_pattern(item: type[discord.ui.DynamicItem[Any]]) -> re.Pattern[str]:
    """Return the pattern that a dynamic item's custom_ids match."""
    return item.__discord_ui_compiled_template__


def silence_voice_warnings() -> None:
    """Have discord.py not warn that packages for voice are missing."""
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False


class CommandTree(app_commands.CommandTree[ClientT]):
    """A tree of commands whose calls a subclass can wrap."""

    async def call_command(
        self, interaction: discord.Interaction[ClientT], call: Callable[[], Awaitable[None]]
    ) -> None:
        """Await ``call``, which reads the options and runs the command.

        It raises UnreadableAnswerError where the options can't be read.
        """
        del interaction
        await call()

    async def _call(self, interaction: discord.Interaction[ClientT]) -> None:
        read_and_run = super()._call

        async def call() -> None:
            with readable_answers():
                await read_and_run(interaction)

        await self.call_command(interaction, call)
