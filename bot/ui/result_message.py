"""What is posted when a job has ended, as plain values, and how it is known again among others.

Built once for a file; ``bot.delivery.sender`` sends it. Knows no client.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path

import discord

from bot.core.model_catalogue import ModelCatalogue
from bot.gateway.message_media import file_names, texts_of
from bot.storage.models import Job
from bot.ui import embeds, wording
from bot.ui.appeal_message import appeal_view
from bot.ui.result_layout import SPOILER, ShownFile, owner_of, result_layout
from bot.ui.result_view import make_again_view, may_be_resumed
from generator.contract.text import Text

_AT_ONCE = 2 * 2**20  # bytes that are read before they are sent; else each piece by a thread


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file to send. ``given_up`` says what the original has and this one hasn't."""

    path: Path
    size_bytes: int
    given_up: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultMessage:
    """A result, with ``file`` in its ``view``, or the reason why there is none, in its ``embed``
    with ``buttons`` under it.

    ``stem`` is what the names of its job's files begin with, in whatever format; ``mark`` is the
    footer of a message without a file. Discord covers a file that ``is_spoiler``, and knows it by
    what its name begins with.
    """

    nonce: str
    stem: str
    mark: str = ""
    content: str = ""
    embed: discord.Embed | None = None
    view: discord.ui.LayoutView | None = None
    buttons: discord.ui.View | None = None  # below the embed
    file: OutputFile | None = None
    is_spoiler: bool = False
    description: str = ""
    note: str = ""  # what the file had to give up

    def is_in(self, message: discord.Message) -> bool:
        """Return whether this message, one of the bot's, brought it already."""
        if self.file is not None:
            names = file_names(message)
            return any(name.removeprefix(SPOILER).startswith(self.stem) for name in names)
        return any(embed.footer.text == self.mark for embed in message.embeds) or any(
            self.mark in words for words in texts_of(message)
        )

    @property
    def shown(self) -> ShownFile:
        """The file as it stands in the message."""
        suffix = self.file.path.suffix if self.file else ""
        return ShownFile(
            f"{SPOILER if self.is_spoiler else ''}{self.stem}{suffix}", self.description
        )

    def opened_files(self) -> list[discord.File]:
        """Return its file, if any, opened anew: one that was sent is closed. Blocking."""
        if self.file is None:
            return []
        path, is_small = self.file.path, self.file.size_bytes <= _AT_ONCE
        return [
            discord.File(
                io.BytesIO(path.read_bytes()) if is_small else path,
                f"{self.stem}{path.suffix}",
                spoiler=self.is_spoiler,
                description=self.description,
            )
        ]


def result_message(
    job: Job, models: ModelCatalogue, file: OutputFile, *, is_spoiler: bool
) -> ResultMessage:
    """Return the message with a job's result.

    In the language that is being spoken (``bot.core.translations``), as ``ended_message``.
    """
    message = ResultMessage(
        # a message that said why it was withheld had the job's own, and Discord may know that still
        nonce=job.id if job.allowed_by is None else f"allowed{job.id}",
        stem=stem_of(job),
        file=file,
        is_spoiler=is_spoiler,
        description=wording.alt_text(job.request, file.path.suffix),
        note=wording.given_up(job, file.given_up),
    )
    limits = models.known_limits(job.request.model)
    view = result_layout(job, limits, message.shown, note=message.note)
    return replace(message, view=view)


def ended_message(job: Job) -> ResultMessage:
    """Return the message that says why a job has no result."""
    embed = embeds.ended_job(job)
    return ResultMessage(
        nonce=job.id,
        stem=stem_of(job),
        mark=embed.footer.text or "",
        content=owner_of(job),
        embed=embed,
        buttons=_buttons(job),
    )


def _buttons(job: Job) -> discord.ui.View | None:
    if job.withheld:
        return appeal_view(job)
    return make_again_view(job) if may_be_resumed(job) else None


def posted_result(job: Job) -> ResultMessage:
    """Return what a job's result is known by among other messages; there is nothing to send."""
    return ResultMessage(nonce=job.id, stem=stem_of(job), file=OutputFile(Path(), 0))


def stem_of(job: Job) -> str:
    """Return what the names of a job's posted files begin with."""
    return f"hotshot-{job.id[:12]}-{job.request.seed}"
