"""/moderation: words, blocks, where reports go, and the log of what was decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import discord
from discord import AppCommandOptionType, app_commands

from bot.commands import picture_rules, word_lists
from bot.commands.options import Bounded, CompletedOption, Option, command, localized
from bot.core.errors import RefusedError
from bot.core.translations import translate
from bot.gateway.context import context_of, guild_to_moderate, is_bot_owner
from bot.operations.blocking import cancel_blocked
from bot.storage import moderation as rows
from bot.storage.moderation import EVERYWHERE, PERSON, AuditEntry, Block
from bot.storage.preferences import EVERYBODY, LOG_CHANNEL, QUOTAS, SERVER
from bot.ui import wording
from bot.ui.answers import send_ephemeral
from bot.ui.moderation_embeds import audit_embed, blocks_embed
from generator.contract.text import Text

_KIND = AppCommandOptionType
_MAX_HOURS = 24 * 366
_LONGEST_REASON = 200
_LISTED = 30
_MOST_QUOTAS = 20

_SECONDS = Bounded(_KIND.integer, 0, 10_000_000)

_Interaction = discord.Interaction[Any]


def build() -> app_commands.Group:
    """Return the group with all its commands."""
    group = app_commands.Group(
        name="moderation", description=localized(Text("What moderators decide here."))
    )
    everywhere = Option(Bounded(_KIND.boolean), Text("On all servers (only whoever runs the bot)."))
    group.add_command(word_lists.build())
    group.add_command(picture_rules.build())
    group.add_command(
        command(
            "log",
            Text("Choose the channel where reports and withheld GIFs are posted, or none."),
            log,
            {"channel": Option(Bounded(_KIND.channel), Text("Which one (default: none)."))},
        )
    )
    group.add_command(
        command(
            "block",
            Text("Block somebody from making GIFs here."),
            block,
            {
                "user": Option(Bounded(_KIND.user), Text("Who."), required=True),
                "hours": Option(
                    Bounded(_KIND.integer, 1, _MAX_HOURS), Text("For how long (default: for good).")
                ),
                "reason": Option(
                    Bounded(_KIND.string, 1, _LONGEST_REASON), Text("The reason they are given.")
                ),
                "everywhere": everywhere,
            },
        )
    )
    group.add_command(
        command(
            "unblock",
            Text("Let somebody make GIFs here again."),
            unblock,
            {
                "user": Option(CompletedOption(suggest_blocked), Text("Who."), required=True),
                "everywhere": everywhere,
            },
        )
    )
    group.add_command(
        command(
            "server",
            Text("Block or unblock a server (only whoever runs the bot)."),
            server,
            {
                "id": Option(Bounded(_KIND.string, 1, 20), Text("Its id."), required=True),
                "hours": Option(
                    Bounded(_KIND.integer, 0, _MAX_HOURS),
                    Text("For how long (default: for good; 0: unblock it)."),
                ),
            },
        )
    )
    group.add_command(
        command("blocked", Text("Show who is blocked here."), blocked, {"everywhere": everywhere})
    )
    group.add_command(
        command(
            "quota",
            Text("Set how many seconds of computing each person has here."),
            quota,
            {
                "day": Option(_SECONDS, Text("Per day (0: no limit).")),
                "month": Option(_SECONDS, Text("Per month (0: no limit).")),
                "role": Option(Bounded(_KIND.role), Text("Only for members with this role.")),
            },
        )
    )
    group.add_command(
        command("audit", Text("Show what was decided here."), audit, {"everywhere": everywhere})
    )
    return group


async def log(interaction: _Interaction, *, channel: Any = None) -> None:
    """Set where reports are posted."""
    guild_id = guild_to_moderate(interaction)
    if channel is not None and channel.guild_id != guild_id:
        raise RefusedError("That channel isn't on this server.")
    context = context_of(interaction)
    chosen = None if channel is None else channel.id
    await context.preferences.change(SERVER, guild_id, {LOG_CHANNEL: chosen})
    target = "" if chosen is None else f"<#{chosen}>"
    await context.database.write(rows.record, _entry(interaction, guild_id, "log", target))
    if chosen is None:
        words = translate("✅ Reports now go to whoever runs the bot.")
    else:
        words = translate("✅ Reports now go to <#{channel}>.", channel=chosen)
    await send_ephemeral(interaction, words)


async def block(
    interaction: _Interaction,
    *,
    user: Any,
    hours: Any = None,
    reason: Any = None,
    everywhere: Any = None,
) -> None:
    """Block somebody, and cancel what of theirs waits there."""
    guild_id = _place(interaction, everywhere)
    if user.id == interaction.user.id:
        raise RefusedError("You can't block yourself.")
    why = " ".join(str(reason or "").split())[:_LONGEST_REASON]
    now = datetime.now(UTC)
    new = Block(
        kind=PERSON,
        target_id=user.id,
        guild_id=guild_id,
        until=_until(now, hours),
        reason=why,
        name=str(user.name)[:100],
        actor_id=interaction.user.id,
        created_at=now,
    )
    context = context_of(interaction)
    entry = _entry(interaction, guild_id, "block", f"<@{user.id}>", why)
    await context.blocks.block(new, entry)
    await send_ephemeral(interaction, translate("🚫 <@{user}> is blocked.", user=user.id))
    await cancel_blocked(context.jobs, new)


async def unblock(interaction: _Interaction, *, user: Any, everywhere: Any = None) -> None:
    """Unblock somebody; their GIFs can be made again."""
    guild_id, user_id = _place(interaction, everywhere), _number(user)
    entry = _entry(interaction, guild_id, "unblock", f"<@{user_id}>")
    await context_of(interaction).blocks.unblock((PERSON, user_id, guild_id), entry)
    await send_ephemeral(interaction, translate("✅ <@{user}> is no longer blocked.", user=user_id))


async def server(interaction: _Interaction, **given: Any) -> None:
    """Block a whole server, or unblock it; the bot's owner alone may."""
    _place(interaction, everywhere=True)
    target_id, hours, now = _number(given["id"]), given.get("hours"), datetime.now(UTC)
    context = context_of(interaction)
    if hours == 0:
        entry = _entry(interaction, EVERYWHERE, "unblock", f"`{target_id}`")
        await context.blocks.unblock((rows.SERVER, target_id, EVERYWHERE), entry)
        await send_ephemeral(interaction, translate("✅ That server is no longer blocked."))
        return
    new = Block(
        kind=rows.SERVER,
        target_id=target_id,
        until=_until(now, hours),
        actor_id=interaction.user.id,
        created_at=now,
    )
    await context.blocks.block(new, _entry(interaction, EVERYWHERE, "block", f"`{target_id}`"))
    await send_ephemeral(interaction, translate("🚫 That server is blocked."))
    await cancel_blocked(context.jobs, new)


async def blocked(interaction: _Interaction, *, everywhere: Any = None) -> None:
    """Show who is blocked."""
    guild_id = _place(interaction, everywhere)
    embed = blocks_embed(context_of(interaction).blocks.listed(guild_id)[:_LISTED])
    await interaction.response.send_message(embed=embed, ephemeral=True)


async def audit(interaction: _Interaction, *, everywhere: Any = None) -> None:
    """Show what was decided, the newest first."""
    guild_id = _place(interaction, everywhere)
    found = await context_of(interaction).database.read(
        rows.logged, None if guild_id == EVERYWHERE else guild_id, limit=_LISTED
    )
    await interaction.response.send_message(embed=audit_embed(found), ephemeral=True)


async def quota(
    interaction: _Interaction, *, day: Any = None, month: Any = None, role: Any = None
) -> None:
    """Set what one person may use here in a day and a month; neither takes the limit away."""
    guild_id = guild_to_moderate(interaction)
    seconds = [min(max(0, int(each or 0)), 10_000_000) for each in (day, month)]
    if 0 < seconds[1] < seconds[0]:
        raise RefusedError(
            "The month's limit can't be lower than the day's; change one of the two."
        )
    context = context_of(interaction)
    key = EVERYBODY if role is None else str(role.id)
    kept = dict((await context.preferences.get(SERVER, guild_id)).get(QUOTAS) or {})
    kept.pop(key, None)
    if role is not None or any(seconds):
        kept[key] = seconds
    if len(kept) > _MOST_QUOTAS:
        raise RefusedError("At most {most} can be listed; remove one first.", most=_MOST_QUOTAS)
    await context.preferences.change(SERVER, guild_id, {QUOTAS: kept or None})
    target = "" if role is None else f"<@&{role.id}>"
    detail = f"{seconds[0]} s / {seconds[1]} s"
    await context.database.write(
        rows.record, _entry(interaction, guild_id, "quota", target, detail)
    )
    words = translate(
        "✅ Each person has {day} s a day and {month} s a month here now (0: no limit).",
        day=seconds[0],
        month=seconds[1],
    )
    await send_ephemeral(interaction, words)


async def suggest_blocked(
    interaction: _Interaction, typed: str, limit: int
) -> list[tuple[str, str]]:
    """Return those who are blocked here whose names or ids hold what is typed."""
    listed = context_of(interaction).blocks.listed(guild_to_moderate(interaction))
    labels = [
        (wording.excerpt(f"{each.name} ({each.target_id})".strip(), 90), str(each.target_id))
        for each in listed
        if each.kind == PERSON
    ]
    return [each for each in labels if typed.casefold() in each[0].casefold()][:limit]


def _place(interaction: _Interaction, everywhere: Any) -> int:
    """Return the server that this person decides for, or EVERYWHERE. Raises RefusedError."""
    if not everywhere:
        return guild_to_moderate(interaction)
    if not is_bot_owner(interaction):
        raise RefusedError("Only whoever runs the bot can do that for all servers.")
    return EVERYWHERE


def _until(now: datetime, hours: Any) -> datetime | None:
    if hours is None:
        return None
    return now + timedelta(hours=max(1, min(int(hours), _MAX_HOURS)))


def _number(value: object) -> int:
    text = str(value).strip().strip("<@!>")
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise RefusedError("That isn't one of the choices; choose one from the list.")
    return int(text)


def _entry(
    interaction: _Interaction, guild_id: int, action: str, target: str, detail: str = ""
) -> AuditEntry:
    return AuditEntry(
        guild_id=None if guild_id == EVERYWHERE else guild_id,
        actor_id=interaction.user.id,
        action=action,
        target=target,
        detail=detail,
        created_at=datetime.now(UTC),
    )
