"""The Discord client: where it connects, which commands it registers, how errors are answered.

Commands and buttons find everything they need in ``client.context``.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import ipaddress
import json
import logging
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import discord
import yarl
from discord import app_commands

from bot.commands import ACTIONS, DYNAMIC_ITEMS, FORMS, all_commands
from bot.commands.options import LocaleTranslator
from bot.core.config import DISCORD, DiscordSettings
from bot.core.errors import StartupError, TokenError
from bot.core.logs import bind_log_ids
from bot.core.translations import in_language, set_language, translate
from bot.gateway import discord_compat, events, frames, outgoing, payloads
from bot.gateway.context import BotContext
from bot.gateway.discord_errors import (
    UNREACHABLE_ERRORS,
    UnreadableAnswerError,
    readable_answers,
)
from bot.gateway.rate_limit import RateLimit
from bot.storage import registrations
from bot.ui.actions import handle_form, outdated_button_error
from bot.ui.answers import answer_errors, error_message, log_context, send_ephemeral
from generator.contract.text import Text

logger = logging.getLogger(__name__)

_NOT_DISCORD = (discord.HTTPException, aiohttp.ClientError, UnreadableAnswerError)
_REMEMBERED_INTERACTIONS = 10_000
_LOGIN_SECONDS = 30.0
_LETTER_COST = 0.1  # of a command: people type fast, and a letter costs the bot little
_TOO_MANY_REQUESTS = 429
_FIRST_PAUSE = 1.0  # seconds between two tries to log in, doubled each time
_LONGEST_PAUSE = 60.0
_WRONG_KIND = Text("One of the values has the wrong type; choose from what Discord offers.")
_REFUSALS_AT_ONCE, _REFUSALS_EACH_SECOND = 50, 5  # told so; the others hear nothing


class HotshotClient(discord.AutoShardedClient):
    """Sharded even for one shard, since only that one retries when the gateway is down at first."""

    def __init__(self, settings: DiscordSettings, rate_limit: RateLimit | None = None) -> None:
        """``rate_limit``: how many interactions of one person are looked at; None is any number."""
        discord_compat.silence_voice_warnings()
        discord_compat.name_closed_sessions()
        super().__init__(
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
        )
        outgoing.install()
        frames.install()
        events.watch(self, self._is_admitted)
        self._settings = settings
        self._context: BotContext | None = None
        self.tree = CommandTree(self)
        self.logged_in = asyncio.Event()
        self.connected = asyncio.Event()
        self.actions = ACTIONS
        self.forms = FORMS
        self._interactions = Deduplicator()
        self._rate_limit = rate_limit or RateLimit(at_once=0, each_second=0)
        self._refusal_limit = RateLimit(
            at_once=_REFUSALS_AT_ONCE, each_second=_REFUSALS_EACH_SECOND
        )
        self._refusal_tasks: set[asyncio.Task[None]] = set()

    @property
    def context(self) -> BotContext:
        """Set by ``set_context``, before the client logs in."""
        if self._context is None:
            raise RuntimeError("the client was used before it had its context")
        return self._context

    def set_context(self, context: BotContext) -> None:
        """Gives the commands what they work with, and makes them."""
        self._context = context
        for command in all_commands(context.limits, context.settings.styles):
            self.tree.add_command(command)
        self.add_dynamic_items(*DYNAMIC_ITEMS)

    async def log_in(self) -> None:
        """Logs in, waiting for a Discord that can't be reached. Raises StartupError."""
        use_discord_at(self._settings)
        pause = _FIRST_PAUSE
        while True:
            discord_compat.use_connector(self, _connector(self._settings))
            try:
                with readable_answers():
                    await self.login(self._settings.token.get_secret_value().strip())
                await self._find_gateway()
                await self._register_commands()
            except discord.LoginFailure as error:
                raise _token_refused(self._settings) from error
            except UNREACHABLE_ERRORS as error:
                reason = f"{type(error).__name__}: {error}"
                logger.warning("Discord can't be reached, trying again in %g s: %s", pause, reason)
            except _NOT_DISCORD as error:
                if getattr(error, "status", None) != _TOO_MANY_REQUESTS:
                    raise _not_discord(self._settings, error) from error
                pause = _retry_after(error)  # who comes sooner is kept out for longer
                logger.warning("Discord asks to come back in %g s: %s", pause, error)
            else:
                self.logged_in.set()
                return
            await discord_compat.close_session(self)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def serve(self) -> None:
        """Stays connected until closed. Raises TokenError."""
        try:
            await self.connect()
        except discord.ConnectionClosed as error:
            raise TokenError(
                f"Discord's gateway closed the connection for good (code {error.code}); "
                "check the token in the config."
            ) from error

    async def on_shard_connect(self, shard_id: int) -> None:
        logger.info("connected to Discord, shard %d", shard_id)
        self.connected.set()

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Forms come here, whether or not this process showed them, and what nothing answers to."""
        await handle_form(interaction)
        if interaction.type is discord.InteractionType.component and not _is_known(interaction):
            async with answer_errors(interaction):
                raise outdated_button_error()

    def _is_admitted(self, event: payloads.Event) -> bool:
        """Whether an interaction is looked at: each one once, and not too many of one person.

        Of those that are too many, a few are told so.
        """
        if not self._interactions.is_new(str(event["id"])):
            return False  # a gateway that resumed may say things twice
        user_id = events.user_id_of(event)
        is_autocomplete = event["type"] == discord.InteractionType.autocomplete.value
        if self._rate_limit.take(user_id, _LETTER_COST if is_autocomplete else 1.0):
            return True
        if not is_autocomplete and self._refusal_limit.take(user_id):
            interaction = discord_compat.make_interaction(self, event)
            with in_language(str(interaction.locale)):
                words = translate("That was a lot at once; wait a few seconds, then try again.")
            task = asyncio.create_task(send_ephemeral(interaction, words))
            self._refusal_tasks.add(task)
            task.add_done_callback(self._refusal_tasks.discard)
        return False

    async def _find_gateway(self) -> None:
        shards, url, _ = await discord_compat.fetch_gateway(self)
        _check_gateway(self._settings, url)
        discord_compat.use_gateway(url)
        self.shard_count = shards

    async def _register_commands(self) -> None:
        """Only when they changed, in whatever language: Discord allows 200 a day."""
        await self.tree.set_translator(LocaleTranslator())
        payload = await self._translated_payloads()
        text = json.dumps(payload, sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()
        application_id = self.application_id or 0
        database = self.context.database
        known = await database.read(registrations.commands_hash, application_id)
        if known == digest and await self._fetch_registered() == {each["name"] for each in payload}:
            return
        await discord_compat.register_commands(self, application_id, payload)
        await database.write(registrations.remember, application_id, digest)
        logger.info("registered %d commands", len(payload))

    async def _translated_payloads(self) -> list[Any]:
        commands, translator = self.tree.get_commands(), self.tree.translator
        if translator is None:
            return [command.to_dict(self.tree) for command in commands]
        return [await command.get_translated_payload(self.tree, translator) for command in commands]

    async def _fetch_registered(self) -> set[str]:
        """The names that Discord knows; none where it doesn't say."""
        try:
            return await discord_compat.fetch_command_names(self, self.application_id or 0)
        except discord.HTTPException as error:
            logger.info("Discord doesn't say which commands it knows: %s", error)
            return set()


class Deduplicator:
    """Remembers the newest ids of interactions, so that what comes twice is done once."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def is_new(self, interaction_id: str) -> bool:
        """Return whether an id comes for the first time, and remember it."""
        if interaction_id in self._ids:
            return False
        self._ids[interaction_id] = None
        if len(self._ids) > _REMEMBERED_INTERACTIONS:
            self._ids.popitem(last=False)
        return True


class CommandTree(discord_compat.CommandTree[HotshotClient]):
    """Speaks the asker's language, and answers every error with a sentence that only they see."""

    async def interaction_check(self, interaction: discord.Interaction[HotshotClient], /) -> bool:
        """Allows everything: it is the first that is called in an interaction's own task."""
        set_language(str(interaction.locale))
        return True

    async def call_command(
        self, interaction: discord.Interaction[HotshotClient], call: Callable[[], Awaitable[None]]
    ) -> None:
        """Run a command; options that discord.py can't read are answered with a sentence."""
        if interaction.type is discord.InteractionType.autocomplete and not _completes_itself(
            interaction
        ):
            return
        try:
            with bind_log_ids(**log_context(interaction)):
                async with self.client.context.files_in_hand():
                    await call()
        except UnreadableAnswerError as error:
            logger.warning("a command's options can't be read: %s", error)
            await send_ephemeral(interaction, translate(_WRONG_KIND))

    async def on_error(
        self,
        interaction: discord.Interaction[HotshotClient],
        error: app_commands.AppCommandError,
        /,
    ) -> None:
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        if isinstance(cause, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch):
            words = translate(
                "This command has changed; reload Discord (Ctrl+R) and type it again."
            )
        elif isinstance(cause, app_commands.AppCommandError):  # what discord.py says of an option
            words = translate(_WRONG_KIND)
        else:
            words = error_message(cause)
        await send_ephemeral(interaction, words)


def _completes_itself(interaction: discord.Interaction[Any]) -> bool:
    """Whether what is being typed is an option that completes itself."""
    data: Any = interaction.data
    options, focused = list(data.get("options") or ()), None
    while options:
        option = options.pop()
        options += option.get("options") or ()
        focused = option["name"] if option.get("focused") else focused
    command = interaction.command
    if not isinstance(command, app_commands.Command) or focused is None:
        return False
    parameter = command.get_parameter(focused)
    return parameter is not None and parameter.autocomplete


def _is_known(interaction: discord.Interaction[Any]) -> bool:
    data: Any = interaction.data
    custom_id = str(data["custom_id"])
    patterns = map(discord_compat.custom_id_pattern, DYNAMIC_ITEMS)
    return any(pattern.fullmatch(custom_id) for pattern in patterns)


def use_discord_at(settings: DiscordSettings) -> None:
    """Point discord.py at ``base_url``.

    Raises StartupError for an address that the token must not be sent to.
    """
    check_address(settings)
    if settings.base_url != DISCORD:
        discord_compat.use_base_url(settings.base_url)


def check_address(settings: DiscordSettings) -> None:
    """Raises StartupError for an address that the token must not be sent to."""
    if _is_local_only(settings) and not is_loopback(yarl.URL(settings.base_url)):
        raise StartupError(
            f"discord.base_url is {settings.base_url}, which is not on this machine, and the "
            "token would be sent there; set discord.allow_foreign_base_url to true if you mean it."
        )


async def check_login(settings: DiscordSettings) -> str:
    """Logs in by REST alone and says as whom; registers and changes nothing.

    Raises StartupError where ``HotshotClient.log_in`` would, and where it would wait.
    """
    use_discord_at(settings)
    async with discord.Client(intents=discord.Intents.none()) as client:
        try:
            with readable_answers():
                await asyncio.wait_for(
                    client.login(settings.token.get_secret_value().strip()), _LOGIN_SECONDS
                )
            _, gateway, starts_left = await discord_compat.fetch_gateway(client)
        except discord.LoginFailure as error:
            raise _token_refused(settings) from error
        except UNREACHABLE_ERRORS as error:
            raise StartupError(
                f"{settings.base_url} can't be reached ({type(error).__name__}: {error}); the bot "
                "would wait for it; check the connection."
            ) from error
        except _NOT_DISCORD as error:
            raise _not_discord(settings, error) from error
        _check_gateway(settings, gateway)
        return f"logged in as {client.user}; {starts_left} starts are left today"


def is_loopback(url: yarl.URL) -> bool:
    """Whether a URL's host is this machine, by its literal or as ``localhost``."""
    host = url.host or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_gateway(settings: DiscordSettings, url: str) -> None:
    """Raises StartupError for a gateway that the token must not be sent to."""
    if _is_local_only(settings) and not is_loopback(yarl.URL(url)):
        raise StartupError(
            f"The gateway named by {settings.base_url} is {url}, which is not on this machine; set "
            "discord.allow_foreign_base_url to true if the token may go there."
        )


def _token_refused(settings: DiscordSettings) -> TokenError:
    return TokenError(
        f"{settings.base_url} refuses the bot's token; copy it again from "
        "https://discord.com/developers/applications to discord.token in the config."
    )


def _not_discord(settings: DiscordSettings, error: Exception) -> StartupError:
    return StartupError(
        f"{settings.base_url} doesn't answer as Discord does ({error}); check discord.base_url in "
        "the config."
    )


def _is_local_only(settings: DiscordSettings) -> bool:
    return settings.base_url != DISCORD and not settings.allow_foreign_base_url


def local_connector() -> aiohttp.TCPConnector:
    """Can't leave this machine, wherever a resume, a redirect or a name server leads."""
    return aiohttp.TCPConnector(limit=0, socket_factory=_local_socket)


def _connector(settings: DiscordSettings) -> aiohttp.TCPConnector:
    return local_connector() if _is_local_only(settings) else aiohttp.TCPConnector(limit=0)


def _local_socket(address: Any) -> socket.socket:
    family, kind, protocol, _, target = address
    if not ipaddress.ip_address(target[0]).is_loopback:
        raise OSError(errno.EACCES, f"{target[0]} is not on this machine")
    return socket.socket(family, kind, protocol)


def _retry_after(error: Exception) -> float:
    """Seconds; Discord's outer wall says so in a header."""
    if isinstance(error, discord.HTTPException):
        with contextlib.suppress(KeyError, ValueError):
            return float(error.response.headers["Retry-After"])
    return _LONGEST_PAUSE
