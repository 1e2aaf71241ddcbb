"""What /privacy shows: what is kept of somebody, for how long, and who sees it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from discord import ButtonStyle, Colour, Embed
from discord.ui import Button, View

from bot.core.config import Settings
from bot.core.translations import translate
from bot.storage.holdings import Holdings
from bot.storage.usage import KEPT_DAYS
from bot.ui.actions import ActionButton
from bot.ui.wording import file_size
from generator.contract.text import Text

EXPORT, ERASE, ERASE_SURE, POLICY = (
    "privacy_export",
    "privacy_erase",
    "privacy_erase_sure",
    "privacy_text",
)


def sheet_embed(held: Holdings, settings: Settings, messages_left: int) -> Embed:
    """Return the sheet; ``messages_left`` are to be deleted by an erasure that isn't over."""
    embed = Embed(
        title=translate("What this bot keeps about you"),
        description="\n".join(f"- {line}" for line in _kept(held, settings)),
        colour=Colour.blurple(),
    )
    embed.add_field(
        name=translate("Who sees it"),
        value="\n".join(f"- {line}" for line in _seen(settings)),
        inline=False,
    )
    embed.add_field(name=translate("Backups"), value=backups(settings), inline=False)
    if messages_left:
        words = translate("Messages that are still to be deleted: {count}.", count=messages_left)
        embed.add_field(name=translate("The erasure of your data"), value=words, inline=False)
    return embed


def _kept(held: Holdings, settings: Settings) -> Iterator[str]:
    rows, days = held.rows, settings.storage.keep_days
    yield translate(
        "GIFs you asked for: {count}, with prompt, settings, channel and time; kept until you "
        "delete them.",
        count=rows["jobs"],
    )
    yield translate(
        "Files of these GIFs: {count} ({size}); kept for {days:g} days at most.",
        count=held.files,
        size=file_size(held.files_bytes),
        days=days,
    )
    yield translate(
        "Files you uploaded for them: {count} ({size}); kept for {days:g} days at most.",
        count=held.sources,
        size=file_size(held.sources_bytes),
        days=days,
    )
    yield translate(
        "LoRAs: {count} ({size}), {shared} of them shared; kept until you remove them.",
        count=rows["loras"],
        size=file_size(held.loras_bytes),
        shared=held.shared_loras,
    )
    yield translate(
        "Favourites: {favourites}, votes: {votes}, gallery posts: {posts}, captions and other "
        "edits: {edits}; kept until you take them back or the GIF is deleted.",
        favourites=rows["favourites"],
        votes=rows["gallery_votes"],
        posts=rows["gallery_posts"],
        edits=rows["edits"],
    )
    yield translate(
        "Open panels, forms and contact sheets: {count}; kept for 24 hours.", count=rows["drafts"]
    )
    yield translate(
        "Your settings: {settings}; your reports: {reports}; blocks of you: {blocks}; decisions "
        "of moderators by or about you: {decisions}.",
        settings=rows["preferences"],
        reports=rows["reports"],
        blocks=rows["blocks"],
        decisions=rows["audit"],
    )
    yield translate(
        "How much computing you used, by day and server; kept for {days} days.", days=KEPT_DAYS
    )


def _seen(settings: Settings) -> Iterator[str]:
    yield translate("Whoever runs the bot can see all of it.")
    yield translate(
        "Others see what is posted in channels that they can read, and use a LoRA that you share."
    )
    yield translate("Moderators see reports, blocks and decisions of their server.")
    if settings.log.prompts:
        yield translate("The bot's log has the prompts as well.")
    if settings.remote.is_used:
        yield translate(
            "Other machines of the person who runs the bot make GIFs too; they keep LoRAs and "
            "pictures for a while, without names."
        )


def backups(settings: Settings) -> str:
    """Return the sentence about backups."""
    days = settings.privacy.backup_days
    if days is None:
        return translate(
            "Whoever runs the bot may have backups that keep what you erase; ask them for how long."
        )
    if not days:
        return translate("There are no backups.")
    return translate("Backups keep what you erase for {days:g} days at most.", days=days)


def sheet_view(user_id: int, settings: Settings) -> View:
    """Return the buttons under the sheet."""
    view, target = View(timeout=None), str(user_id)
    view.add_item(ActionButton(EXPORT, target, label=translate("Export")))
    view.add_item(
        ActionButton(ERASE, target, label=translate("Erase all my data"), style=ButtonStyle.danger)
    )
    if settings.privacy.url:
        label = translate("Privacy policy")
        view.add_item(Button(label=label, style=ButtonStyle.link, url=settings.privacy.url))
    else:
        view.add_item(ActionButton(POLICY, target, label=translate("Privacy policy")))
    return view


def question(settings: Settings) -> str:
    """Return what somebody reads before everything of theirs is erased."""
    lines = (
        translate("**Erase all your data?** This can't be undone."),
        translate(
            "What is erased: your GIFs with their files and messages, LoRAs (also for those you "
            "share them with), files you uploaded, favourites, votes, gallery posts, edits, "
            "reports, settings and open panels. What is waiting or running is cancelled."
        ),
        translate(
            "What stays: blocks that still hold, so that erasing is no way round them; that "
            "moderators decided something, without your name and words; how much computing you "
            "used, for {days} days, so that quotas hold; and a hash of your id, so that the bot "
            "can erase again if it has to go back to a backup.",
            days=KEPT_DAYS,
        ),
        translate(
            "What the bot can't reach: messages that it may no longer delete, those that only you "
            "can see, and what others made from your GIFs."
        ),
        backups(settings),
    )
    return "\n".join(lines)


def question_view(user_id: int) -> View:
    """Return the button that erases."""
    view = View(timeout=None)
    return view.add_item(
        ActionButton(
            ERASE_SURE,
            str(user_id),
            label=translate("Yes, erase all my data"),
            style=ButtonStyle.danger,
        )
    )


def read_me(when: str) -> str:
    """Return the text in each export that says what the rest is."""
    lines = (
        translate("Everything that the bot keeps about you, as of {when}.", when=when),
        translate(
            "gifs: your GIFs, the newest first, each with its recipe. loras, sources: files that "
            "you uploaded. data: the tables of the bot's database with what is yours, as JSON. "
            "left-out.txt, where there is one: what was too large."
        ),
    )
    return "\n\n".join(lines) + "\n"


LEFT_OUT = Text(
    "{count} files were left out: each is larger than Discord allows, or all together are over "
    "{most} MB. They are listed in left-out.txt; ask whoever runs the bot for them."
)
