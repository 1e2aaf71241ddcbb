"""The Discord client: where it connects, which commands it registers, how errors are answered.

Commands and buttons find everything they need in ``client.context``.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

import aiohttp
import discord
from discord import app_commands

from bot.app.login import (
    LONGEST_PAUSE,
    NOT_DISCORD_ERRORS,
    check_gateway,
    connector_for,
    not_discord,
    retry_after,
    token_refused,
    use_discord_at,
)
from bot.commands import ACTIONS, DYNAMIC_ITEMS, FORMS, all_commands
from bot.commands.options import LocaleTranslator
from bot.commands.owner import owner_commands
from bot.core.config import DiscordSettings, Settings
from bot.core.errors import RefusedError, StorageError, TokenError
from bot.core.logs import bind_log_ids
from bot.core.model_catalogue import ModelCatalogue
from bot.core.translations import in_language, set_language, translate
from bot.gateway import discord_compat, events, outgoing, payloads
from bot.gateway import websocket_frames as frames
from bot.gateway.context import BotContext
from bot.gateway.discord_errors import (
    SEND_ERRORS,
    UNREACHABLE_ERRORS,
    UnreadableAnswerError,
    readable_answers,
)
from bot.operations.operations import Operations
from bot.policy.rate_limit import RateLimit
from bot.storage import registrations
from bot.storage.preferences import BOT_ITSELF, OWNER
from bot.ui.actions import handle_form, outdated_button_error
from bot.ui.answers import answer_errors, error_message, log_context, send_ephemeral
from generator.contract.text import Text

logger = logging.getLogger(__name__)

_LETTER_COST = 0.1  # of a command: people type fast, and a letter costs the bot little
_TOO_MANY_REQUESTS = 429
_FIRST_PAUSE = 1.0  # seconds between two tries to log in, doubled each time
_SERVERS = "servers"  # in the preferences of the bot's owner: where its commands are registered
_WRONG_KIND = Text("One of the values has the wrong type; choose from what Discord offers.")
_REFUSALS_AT_ONCE, _REFUSALS_EACH_SECOND = 50, 5  # told so; the others hear nothing


class HotshotClient(discord.AutoShardedClient):
    """The client, sharded even for one shard.

    Only a sharded one retries when the gateway is down at first.
    """

    def __init__(
        self,
        settings: DiscordSettings,
        rate_limit: RateLimit | None = None,
        http_trace: aiohttp.TraceConfig | None = None,
    ) -> None:
        """Make a client that isn't connected yet.

        ``rate_limit`` is how many interactions of one person are looked at; None is any number.
        ``http_trace`` hears of every request to Discord.
        """
        discord_compat.silence_voice_warnings()
        discord_compat.name_closed_sessions()
        super().__init__(
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            http_trace=cast(aiohttp.TraceConfig, http_trace),  # None is none
        )
        outgoing.install()
        frames.install()
        events.wrap_parsers(self, self._is_admitted)
        self._settings = settings
        self._context: BotContext | None = None
        self._operations: Operations | None = None
        self.tree = CommandTree(self)
        self.logged_in = asyncio.Event()
        self.connected = asyncio.Event()
        self.actions = ACTIONS
        self.forms = FORMS
        self._interactions = events.Deduplicator()
        self._rate_limit = rate_limit or RateLimit(at_once=0, each_second=0)
        self._refusal_limit = RateLimit(
            at_once=_REFUSALS_AT_ONCE, each_second=_REFUSALS_EACH_SECOND
        )
        self._refusal_tasks: set[asyncio.Task[None]] = set()

    @property
    def context(self) -> BotContext:
        """Return what ``set_context`` was given, before the client logged in."""
        if self._context is None:
            raise RuntimeError("the client was used before it had its context")
        return self._context

    def set_context(self, context: BotContext) -> None:
        """Give the commands what they work with, and register them with the tree."""
        self._context = context
        self.add_commands(context.models, context.settings)
        self.add_dynamic_items(*DYNAMIC_ITEMS)

    async def replace_context(self, context: BotContext) -> None:
        """Give the commands another context, and register those that are others by it."""
        before, self._context = self.context.settings, context
        now = context.settings
        if (before.styles, before.owner) == (now.styles, now.owner):
            return
        self.tree.clear_commands(guild=None)
        for guild_id in before.owner.servers:
            self.tree.clear_commands(guild=discord.Object(guild_id))
        self.add_commands(context.models, context.settings)
        if self.logged_in.is_set():
            try:
                with readable_answers():
                    await self._register_commands()
            except (StorageError, *SEND_ERRORS) as error:
                logger.warning(
                    "the commands couldn't be registered, which the next start tries again: %s",
                    error,
                )

    def set_operations(self, operations: Operations) -> None:
        """Give ``/owner`` what it works with."""
        self._operations = operations

    @property
    def operations(self) -> Operations:
        """Return what ``set_operations`` was given, before the client logged in."""
        if self._operations is None:
            raise RuntimeError("the client was used before it had its operations")
        return self._operations

    def limit_rate(self, *, at_once: float, each_second: float) -> None:
        """Look at so many interactions of one person from now on."""
        self._rate_limit.configure(at_once=at_once, each_second=each_second)

    def add_commands(self, models: ModelCatalogue, settings: Settings) -> None:
        """Add the commands of a config to the tree, as they are registered."""
        for command in all_commands(
            models.widest_limits, settings.styles, offers_models=models.has_choice
        ):
            self.tree.add_command(command)
        for group, servers in owner_commands(settings.owner):
            if servers:
                self.tree.add_command(group, guilds=servers)
            else:
                self.tree.add_command(group)

    async def log_in(self) -> None:
        """Log in, waiting for a Discord that can't be reached. Raises StartupError."""
        use_discord_at(self._settings)
        pause = _FIRST_PAUSE
        while True:
            discord_compat.use_connector(self, connector_for(self._settings))
            try:
                with readable_answers():
                    await self.login(self._settings.token.get_secret_value().strip())
                await self._find_gateway()
                await self._register_commands()
            except discord.LoginFailure as error:
                raise token_refused(self._settings) from error
            except UNREACHABLE_ERRORS as error:
                reason = f"{type(error).__name__}: {error}"
                logger.warning("Discord can't be reached, trying again in %g s: %s", pause, reason)
            except NOT_DISCORD_ERRORS as error:
                if getattr(error, "status", None) != _TOO_MANY_REQUESTS:
                    raise not_discord(self._settings, error) from error
                pause = retry_after(error)  # who comes sooner is kept out for longer
                logger.warning("Discord asks to come back in %g s: %s", pause, error)
            else:
                self.logged_in.set()
                return
            await discord_compat.close_session(self)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def serve(self) -> None:
        """Stay connected until closed. Raises TokenError."""
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

    async def on_ready(self) -> None:
        """Note which servers the bot is in, all shards having said so."""
        await self.context.departures.reconcile([guild.id for guild in self.guilds])

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await self.context.departures.note_left(guild.id)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Handle forms, shown by this process or not, and components that nothing answers to."""
        await handle_form(interaction)
        if interaction.type is discord.InteractionType.component and not _is_known(interaction):
            async with answer_errors(interaction):
                raise outdated_button_error()

    def _is_admitted(self, event: payloads.Event) -> bool:
        """Return whether an interaction is looked at: each once, and not too many of one person.

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
        check_gateway(self._settings, url)
        discord_compat.use_gateway(url)
        self.shard_count = shards

    async def register_all_commands(self) -> int:
        """Register the commands, whatever Discord knows of earlier ones; return how many.

        The client is logged in, and needs no context.
        """
        payload = await self._translated_payloads()
        await discord_compat.register_commands(self, self.application_id or 0, payload)
        return len(payload)

    async def _register_commands(self) -> None:
        """Register the commands where they changed, in whatever language.

        Discord allows 200 a day.
        """
        await self._register_on_servers()
        payload = await self._translated_payloads()
        text = json.dumps(payload, sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()
        application_id = self.application_id or 0
        database = self.context.database
        known = await database.read(registrations.commands_hash, application_id)
        if known == digest and await self._fetch_registered() == {each["name"] for each in payload}:
            return
        await discord_compat.register_commands(self, application_id, payload)
        await database.write(registrations.save, application_id, digest)
        logger.info("registered %d commands", len(payload))

    async def _register_on_servers(self) -> None:
        """Register the commands of servers that the config names; take them from earlier ones."""
        named = self.context.settings.owner.servers
        preferences = self.context.preferences
        earlier = (await preferences.get(OWNER, BOT_ITSELF)).get(_SERVERS) or ()
        for guild_id in dict.fromkeys((*named, *earlier)):
            await self._register_on(guild_id)
        if list(named) != list(earlier):
            await preferences.change(OWNER, BOT_ITSELF, {_SERVERS: list(named) or None})

    async def _register_on(self, guild_id: int) -> None:
        payload = await self._translated_payloads(discord.Object(guild_id))
        try:
            await discord_compat.register_guild_commands(
                self, self.application_id or 0, guild_id, payload
            )
        except (discord.Forbidden, discord.NotFound) as error:
            logger.warning("/owner can't be offered on the server %d: %s", guild_id, error)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Note it, and register the commands of a server that the config named before."""
        await self.context.departures.note_joined(guild.id)
        if guild.id in self.context.settings.owner.servers:
            await self._register_on(guild.id)

    async def _translated_payloads(self, guild: discord.Object | None = None) -> list[Any]:
        translator = LocaleTranslator()
        await self.tree.set_translator(translator)
        commands = self.tree.get_commands(guild=guild)
        return [await command.get_translated_payload(self.tree, translator) for command in commands]

    async def _fetch_registered(self) -> set[str]:
        """Return the names of the commands that Discord knows; none where it doesn't say."""
        try:
            return await discord_compat.fetch_command_names(self, self.application_id or 0)
        except discord.HTTPException as error:
            logger.info("Discord doesn't say which commands it knows: %s", error)
            return set()


class CommandTree(discord_compat.CommandTree[HotshotClient]):
    """Runs commands in the user's language, and answers every error by an ephemeral sentence."""

    async def interaction_check(self, interaction: discord.Interaction[HotshotClient], /) -> bool:
        """Set the user's language, and allow everything.

        It is the first that is called in an interaction's own task.
        """
        set_language(str(interaction.locale))
        return True

    async def call_command(
        self, interaction: discord.Interaction[HotshotClient], call: Callable[[], Awaitable[None]]
    ) -> None:
        """Run a command; answer options that discord.py can't read with a sentence."""
        if interaction.type is discord.InteractionType.autocomplete and not _completes_itself(
            interaction
        ):
            return
        try:
            with bind_log_ids(**log_context(interaction)):
                async with self.client.context.answering(interaction.user.id):
                    await call()
        except RefusedError as error:  # before the command began
            if interaction.type is not discord.InteractionType.autocomplete:
                await send_ephemeral(interaction, error_message(error))
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
    """Return whether what is being typed is an option that completes itself."""
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
