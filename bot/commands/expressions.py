"""Adds a GIF to the server as an emoji or a sticker, and renames what was added.

Whoever presses needs the right to, and so does the bot: where it lacks it, the answer holds the
invitation that gives it. What Discord takes of files is ``generator.postprocess.edits``'s, the
number of places its own to say.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import discord
from discord.ui import Button, View

from bot.commands.edits import run_edits
from bot.commands.offered_options import text_field
from bot.commands.result_actions import job_of, original_of
from bot.commands.submit import check_allowed
from bot.core.errors import GoneError, RefusedError
from bot.core.translations import translate
from bot.gateway.context import context_of, place_of
from bot.gateway.discord_errors import readable_answers
from bot.gateway.invitation import WITH_EXPRESSIONS, invitation_url
from bot.jobs.gate import may_be_seen_uncovered
from bot.storage.models import Job
from bot.ui import wording
from bot.ui.actions import Action, ActionButton, Form, Values
from bot.ui.answers import send_ephemeral

_PATIENCE = 60.0  # seconds; Discord lets a server have few new ones in a while
_FULL = (30008, 30018, 30039, 30056)  # Discord's codes for all places being taken
_LONGEST_DESCRIPTION = 100
_TAG = "🎬"  # every sticker is found by an emoji
_EMOJI_NAME = re.compile(r"[A-Za-z0-9_]{2,32}")
_LONGEST_EMOJI_NAME, _LONGEST_STICKER_NAME = 32, 30

_Interaction = discord.Interaction[Any]
_Expression = discord.Emoji | discord.GuildSticker


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What emojis and stickers differ in."""

    name: str  # of the edit that makes its file, and of its actions
    longest_name: int
    derive_name: Callable[[Job], str]
    read_name: Callable[[str], str]
    create: Callable[[discord.Guild, str, Path, Job], Awaitable[_Expression]]
    fetch: Callable[[discord.Guild, int], Awaitable[_Expression]]
    full: Callable[[discord.Guild], RefusedError]
    added: Callable[[_Expression], str]


async def add(kind: _Kind, interaction: _Interaction, job_id: str, values: Values) -> None:
    """Add the GIF to this server under a name made of its prompt."""
    del values
    await check_allowed(interaction, [])
    job = await job_of(interaction, job_id)
    guild = await _server(interaction)
    if guild is None:
        return
    source = await original_of(interaction, job)
    await interaction.response.defer(ephemeral=True, thinking=True)
    context = context_of(interaction)
    output = context.scratch / f"{kind.name}-{secrets.token_hex(8)}.gif"
    try:
        notes = await run_edits(interaction, source, [(kind.name, "")], output)
        if not await may_be_seen_uncovered(context.policy, job, output, guild.id):
            raise RefusedError(
                "That GIF may only be shown as a spoiler, and an emoji or a sticker can't be one."
            )
        name = kind.derive_name(job)
        made = await _asked(interaction, kind, guild, kind.create(guild, name, output, job))
    finally:
        await asyncio.to_thread(output.unlink, missing_ok=True)
    if made is None:
        return
    view = View(timeout=None)
    view.add_item(ActionButton(f"{kind.name}_name", str(made.id), label=translate("Rename")))
    words = " ".join(filter(None, (kind.added(made), notes)))
    await interaction.edit_original_response(content=words, view=view)


async def open_name(kind: _Kind, interaction: _Interaction, target: str, values: Values) -> None:
    """Open a form with the name of what the bot has added."""
    del values
    found = await _own(kind, interaction, target)
    if found is None:
        return
    field = text_field("name", translate("Its name"), found.name, longest=kind.longest_name)
    form = Form(f"{kind.name}_name_send", target, translate("Rename"), (field,))
    await interaction.response.send_modal(form)


async def send_name(kind: _Kind, interaction: _Interaction, target: str, values: Values) -> None:
    """Rename what the bot has added."""
    name = kind.read_name(values.get("name", ""))
    await context_of(interaction).policy.check_words(place_of(interaction), name)
    found = await _own(kind, interaction, target)
    if found is None or found.guild is None:
        return
    reason = _reason(interaction)
    renamed = await _asked(interaction, kind, found.guild, found.edit(name=name, reason=reason))
    if renamed is not None:
        said = translate("✏️ It is now called {name}.", name=wording.excerpt(renamed.name))
        await send_ephemeral(interaction, said)


# -- who may ---------------------------------------------------------------------------------------


async def _server(interaction: _Interaction) -> discord.Guild | None:
    """Return the server that this person may add to; None once they read that the bot may not.

    Raises RefusedError.
    """
    if interaction.guild_id is None:
        raise RefusedError("Emojis and stickers belong to a server; press this button in one.")
    if not interaction.permissions.create_expressions:
        raise RefusedError(
            "You don't have the permission Create Expressions on this server; whoever manages it "
            "can give it to you."
        )
    guild: discord.Guild | None = interaction.client.get_guild(interaction.guild_id)
    if guild is None or not interaction.app_permissions.create_expressions:
        await _say_invitation(interaction)
        return None
    return guild


async def _say_invitation(interaction: _Interaction) -> None:
    """Say that the bot lacks the right, with the link by which a manager gives it."""
    words = translate(
        "The bot doesn't have the permission Create Expressions on this server. Whoever manages "
        "it can give it with this invite, or in the server's settings under Roles."
    )
    url = invitation_url(
        interaction.application_id, WITH_EXPRESSIONS, guild_id=interaction.guild_id
    )
    view = View(timeout=None)
    view.add_item(Button(label=translate("Invite the bot with it"), url=url))
    await send_ephemeral(interaction, words, view)


async def _own(kind: _Kind, interaction: _Interaction, target: str) -> _Expression | None:
    """Return what the bot has added to this server, where this person may change it.

    Raises RefusedError: the bot may be let change others' too, so whose it is is looked at here.
    """
    guild = await _server(interaction)
    if guild is None:
        return None
    if not (target.isascii() and target.isdigit()):
        raise GoneError("It's no longer on this server.")
    try:
        with readable_answers():
            found = await kind.fetch(guild, int(target))
    except discord.NotFound as error:
        raise GoneError("It's no longer on this server.") from error
    if found.user is None or found.user.id != interaction.application_id:
        raise RefusedError("The bot renames only what it has added itself.")
    return found


# -- what Discord says -----------------------------------------------------------------------------


async def _asked(
    interaction: _Interaction, kind: _Kind, guild: discord.Guild, asked: Awaitable[_Expression]
) -> _Expression | None:
    """Return what Discord has made; None once they read that the bot may not.

    Raises RefusedError where Discord takes no more, or not this.
    """
    try:
        async with asyncio.timeout(_PATIENCE):
            with readable_answers():
                return await asked
    except TimeoutError:
        raise RefusedError(
            "Discord isn't accepting any more of these right now; try again in a few minutes."
        ) from None
    except discord.Forbidden:  # taken away meanwhile
        await _say_invitation(interaction)
        return None
    except discord.NotFound as error:
        raise GoneError("It's no longer on this server.") from error
    except discord.HTTPException as error:
        if error.code in _FULL:
            raise kind.full(guild) from error
        reason = error.text or str(error.status)
        raise RefusedError("Discord refused it: {reason}.", reason=reason) from error


def _no_emoji_place(guild: discord.Guild) -> RefusedError:
    return RefusedError(
        "All {count} places for emojis of this kind are taken on this server; remove one, or "
        "boost the server for more.",
        count=guild.emoji_limit,
    )


def _no_sticker_place(guild: discord.Guild) -> RefusedError:
    return RefusedError(
        "All {count} places for stickers are taken on this server; remove one, or boost the "
        "server for more.",
        count=guild.sticker_limit,
    )


async def _create_emoji(guild: discord.Guild, name: str, file: Path, job: Job) -> discord.Emoji:
    del job
    image = await asyncio.to_thread(file.read_bytes)
    return await guild.create_custom_emoji(name=name, image=image)


async def _create_sticker(
    guild: discord.Guild, name: str, file: Path, job: Job
) -> discord.GuildSticker:
    about = wording.shorten(job.request.prompt, _LONGEST_DESCRIPTION)
    opened = await asyncio.to_thread(discord.File, file, filename=file.name)
    return await guild.create_sticker(
        name=name, description=about if len(about) > 1 else "", emoji=_TAG, file=opened
    )


def _reason(interaction: _Interaction) -> str:
    return f"/gif: {interaction.user.name} ({interaction.user.id})"


# -- names -----------------------------------------------------------------------------------------


def emoji_name(job: Job) -> str:
    """Return a name for an emoji, of the prompt's words as far as they are written in Latin."""
    plain = unicodedata.normalize("NFKD", job.request.prompt).encode("ascii", "ignore").decode()
    name = _whole_words(re.findall(r"[A-Za-z0-9]+", plain), "_", _LONGEST_EMOJI_NAME)
    return name if _EMOJI_NAME.fullmatch(name) else f"gif_{job.id[:8]}"


def sticker_name(job: Job) -> str:
    """Return a name for a sticker: the beginning of the prompt."""
    line = wording.shorten(job.request.prompt, 10 * _LONGEST_STICKER_NAME)
    name = _whole_words(line.split(), " ", _LONGEST_STICKER_NAME)
    return name if len(name) > 1 else f"GIF {job.id[:8]}"


def _whole_words(words: list[str], between: str, longest: int) -> str:
    """Return as many of the first words as fit; a first one that is too long is cut."""
    name = words[0][:longest] if words else ""
    for word in words[1:]:
        longer = f"{name}{between}{word}"
        if len(longer) > longest:
            break
        name = longer
    return name


def _read_emoji_name(typed: str) -> str:
    name = typed.strip().strip(":")
    if not _EMOJI_NAME.fullmatch(name):
        raise RefusedError(
            "An emoji's name has 2 to {most} characters: letters from A to Z, digits and "
            "underscores.",
            most=_LONGEST_EMOJI_NAME,
        )
    return name


def _read_sticker_name(typed: str) -> str:
    name = wording.shorten(typed, 2 * _LONGEST_STICKER_NAME)
    if not 1 < len(name) <= _LONGEST_STICKER_NAME:
        raise RefusedError(
            "A sticker's name has 2 to {most} characters.", most=_LONGEST_STICKER_NAME
        )
    return name


def _emoji_added(made: _Expression) -> str:
    return translate(
        "✅ Added to this server as {emoji} `:{name}:`.", emoji=str(made), name=made.name
    )


def _sticker_added(made: _Expression) -> str:
    name = wording.excerpt(made.name)
    return translate("✅ Added to this server as the sticker {name}.", name=name)


_EMOJI = _Kind(
    name="emoji",
    longest_name=_LONGEST_EMOJI_NAME,
    derive_name=emoji_name,
    read_name=_read_emoji_name,
    create=_create_emoji,
    fetch=discord.Guild.fetch_emoji,
    full=_no_emoji_place,
    added=_emoji_added,
)
_STICKER = _Kind(
    name="sticker",
    longest_name=_LONGEST_STICKER_NAME,
    derive_name=sticker_name,
    read_name=_read_sticker_name,
    create=_create_sticker,
    fetch=discord.Guild.fetch_sticker,
    full=_no_sticker_place,
    added=_sticker_added,
)
_KINDS = (_EMOJI, _STICKER)
FORMS: dict[str, tuple[str, Values]] = {
    f"{kind.name}_name_send": (f"{kind.name}_name", {}) for kind in _KINDS
}
ACTIONS: dict[str, Action] = {
    **{f"add_{kind.name}": partial(add, kind) for kind in _KINDS},
    **{f"{kind.name}_name": partial(open_name, kind) for kind in _KINDS},
    **{f"{kind.name}_name_send": partial(send_name, kind) for kind in _KINDS},
}
