"""/history and /show: a person's own GIFs, searched and filtered, and one of them in full.

What a page shows stands in its buttons' custom_ids, so they work after a restart; whoever presses
them sees their own GIFs.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path, PurePath
from typing import Any, Self

import discord
from discord import AppCommandOptionType, SelectOption
from discord.ui import Button, DynamicItem, Item, View

from bot.commands.options import AnyCommand, Bounded, CompletedOption, Option, choice_of, command
from bot.commands.submit import defer
from bot.core.errors import RefusedError
from bot.core.translations import translate
from bot.gateway.context import BotContext, context_of
from bot.intake.file_names import plain_line
from bot.jobs.gate import may_be_seen_uncovered
from bot.storage import jobs as rows
from bot.storage import library
from bot.storage.library import HistoryFilter
from bot.storage.models import Job, State
from bot.ui import embeds, wording
from bot.ui.actions import ActionMenu, Values
from bot.ui.answers import answer_errors
from bot.ui.result_view import result_view
from bot.ui.stored_files import result_file
from bot.ui.thumbnails import thumbnail_strip
from generator.contract.text import Text

PAGE_SIZE = 5
_FILTERS = {
    "done": Text("done"),
    "failed": Text("failed"),
    "favourites": Text("favourites"),
}
_LONGEST_SEARCH = 50
_SHORT_ID = 12  # as footers show it


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of what was searched for; what a button needs to show it."""

    number: int = 0
    only: str = ""
    search: str = ""

    @property
    def custom_id(self) -> str:
        return f"history:{self.number}:{self.only}:{self.search}"


class PageButton(
    DynamicItem[Button[View]],
    template=r"history:(?P<page>\d{1,6})(?::(?P<only>[a-z]{0,10}):(?P<words>.{0,50}))?",
):
    """Shows a page of the history of whoever presses it."""

    def __init__(self, page: HistoryPage, *, label: str = "…") -> None:
        self._page = page
        super().__init__(Button(label=label, custom_id=page.custom_id))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Item[Any], match: re.Match[str], /
    ) -> Self:
        del interaction, item
        return cls(HistoryPage(int(match["page"]), match["only"] or "", match["words"] or ""))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        async with answer_errors(interaction):
            await show_page(interaction, self._page)


async def suggest_jobs(
    interaction: discord.Interaction[Any], typed: str, limit: int
) -> list[tuple[str, str]]:
    """Return this person's own GIFs whose prompts hold the words typed."""
    wanted = HistoryFilter(user_id=interaction.user.id, words=typed[:_LONGEST_SEARCH])
    database = context_of(interaction).database
    found = await database.read(library.page, wanted, limit=limit, offset=0)
    return [(wording.choice_label(job), job.id) for job in found]


def build() -> list[AnyCommand]:
    """Return /history and /show."""
    search = Bounded(AppCommandOptionType.string, 1, _LONGEST_SEARCH)
    return [
        command(
            "history",
            Text("Show your GIFs."),
            history,
            {
                "search": Option(search, Text("Words from their prompts.")),
                "only": Option(
                    choice_of(list(_FILTERS), _FILTERS),
                    Text("Which ones to show (default: all)."),
                ),
            },
        ),
        command(
            "show",
            Text("Show one of your GIFs with all its details."),
            show,
            {
                "id": Option(
                    CompletedOption(suggest_jobs),
                    Text("Which one: start typing its prompt."),
                    required=True,
                ),
            },
        ),
    ]


async def history(
    interaction: discord.Interaction[Any], *, search: Any = None, only: Any = None
) -> None:
    """Show the first page."""
    words = plain_line(str(search or ""), _LONGEST_SEARCH)
    filtered = str(only) if only in _FILTERS else ""
    await show_page(interaction, HistoryPage(0, filtered, words))


async def show_page(interaction: discord.Interaction[Any], page: HistoryPage) -> None:
    """Show a page of this person's own GIFs: in a new message, or in the one pressed."""
    context = context_of(interaction)
    if interaction.type is discord.InteractionType.component:
        await interaction.response.defer()
    else:
        await defer(interaction, private=True)
    wanted = HistoryFilter(user_id=interaction.user.id, words=page.search, only=page.only)
    total = await context.database.read(library.count, wanted)
    pages = max(1, -(-total // PAGE_SIZE))
    page = replace(page, number=min(page.number, pages - 1))
    offset = page.number * PAGE_SIZE
    jobs = await context.database.read(library.page, wanted, limit=PAGE_SIZE, offset=offset)
    is_filtered = bool(page.search or page.only)
    embed = embeds.history(
        jobs, page=page.number, pages=pages, total=total, is_filtered=is_filtered
    )
    files = await _thumbnails(context, jobs, interaction.guild_id)
    if files:
        embed.set_image(url="attachment://page.png")
    view = _view(page, pages, jobs)
    await interaction.edit_original_response(embed=embed, view=view, attachments=files)


async def show(interaction: discord.Interaction[Any], **given: Any) -> None:
    """Show a GIF by its id, or by how that begins."""
    await _show(interaction, str(given["id"]).strip().lower())


async def pick_job(interaction: discord.Interaction[Any], target: str, values: Values) -> None:
    """Show the GIF that was picked from a page."""
    del target
    await _show(interaction, values.get("choice", ""))


async def _show(interaction: discord.Interaction[Any], job_id: str) -> None:
    context, user_id = context_of(interaction), interaction.user.id
    job = await _own_or_favourite(context, user_id, job_id)
    parent = await context.database.read(rows.get, job.origin.parent_id or "")
    descendants = await context.database.read(library.children, job.id)
    await defer(interaction, private=True)  # an upload may take longer than Discord waits
    embed = embeds.job_details(job, parent, descendants)
    file = await result_file(
        context,
        job,
        interaction.guild_id,
        f"hotshot-{job.id[:_SHORT_ID]}",
        wording.alt_text(job.request, PurePath(job.output or "").suffix),
        most=interaction.filesize_limit,
    )
    view = (
        result_view(job, context.models.known_limits(job.request.model))
        if job.state is State.DONE
        else View()
    )
    files = [file] if file else []
    await interaction.edit_original_response(embed=embed, attachments=files, view=view)


async def _own_or_favourite(context: BotContext, user_id: int, job_id: str) -> Job:
    """Return a job that is this person's own or a favourite. Raises RefusedError."""
    job = None
    if re.fullmatch(rf"[0-9a-f]{{{_SHORT_ID},32}}", job_id):
        job = await context.database.read(library.beginning_with, job_id)
    is_own = job is not None and job.user_id == user_id
    if job is None or not (
        is_own or await context.database.read(library.is_favourite, user_id, job.id)
    ):
        raise RefusedError("You have no such GIF; /history shows the ones you have.")
    return job


async def _coverless_result(context: BotContext, job: Job, guild_id: int | None) -> Path | None:
    """Return a job's file; None where there is none, or none that may be seen without a cover."""
    if not job.output:
        return None
    path = context.blobs.path(job.output)
    return path if await may_be_seen_uncovered(context.policy, job, path, guild_id) else None


async def _thumbnails(
    context: BotContext, jobs: Sequence[Job], guild_id: int | None
) -> list[discord.File]:
    """Return one picture for the whole page; none where no result is left."""
    results = [await _coverless_result(context, job, guild_id) for job in jobs]
    if not any(results):
        return []
    picture = await asyncio.to_thread(thumbnail_strip, results)
    return [
        discord.File(
            BytesIO(picture), filename="page.png", description=translate("The page's GIFs.")
        )
    ]


def _view(page: HistoryPage, pages: int, jobs: Sequence[Job]) -> View:
    """Return the buttons and the menu under a page.

    Two buttons never share a page, nor a custom_id.
    """
    view = View(timeout=None)
    if page.number > 0:
        view.add_item(PageButton(replace(page, number=page.number - 1), label=translate("◀ Newer")))
    if page.number + 1 < pages:
        view.add_item(PageButton(replace(page, number=page.number + 1), label=translate("Older ▶")))
    if jobs:
        options = [
            SelectOption(
                label=wording.shorten(f"{number}. {job.request.prompt}", 100), value=job.id
            )
            for number, job in enumerate(jobs, start=1)
        ]
        view.add_item(
            ActionMenu("history_pick", "0", placeholder=translate("Show one…"), options=options)
        )
    return view


ACTIONS = {"history_pick": pick_job}
