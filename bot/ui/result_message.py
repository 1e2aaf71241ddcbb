"""What is posted when a job has ended, as plain values, and how it is known again among others.

Built once for a file; ``bot.delivery.sender`` sends it. Knows no client.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import discord

from bot.core.model_catalogue import ModelCatalogue
from bot.gateway.message_media import file_names
from bot.storage.models import Job
from bot.ui import embeds, wording
from bot.ui.result_view import result_view
from generator.contract.text import Text

_SPOILER = "SPOILER_"  # as Discord wants it, and as discord.py writes it


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file to send. ``given_up`` says what the original has and this one hasn't."""

    path: Path
    size_bytes: int
    given_up: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultMessage:
    """A result, with ``file``, or the reason why there is none.

    ``stem`` is what the names of its job's files begin with, in whatever format; ``mark`` is the
    footer of a message without a file. Discord covers a file that ``is_spoiler``, and knows it by
    what its name begins with.
    """

    content: str
    embed: discord.Embed
    nonce: str
    stem: str
    mark: str
    view: discord.ui.View | None = None
    file: OutputFile | None = None
    is_spoiler: bool = False
    description: str = ""

    def is_in(self, message: discord.Message) -> bool:
        """Return whether this message, one of the bot's, brought it already."""
        if self.file is not None:
            names = file_names(message)
            return any(name.removeprefix(_SPOILER).startswith(self.stem) for name in names)
        return any(embed.footer.text == self.mark for embed in message.embeds)


def result_message(
    job: Job, models: ModelCatalogue, file: OutputFile, *, is_spoiler: bool
) -> ResultMessage:
    """Return the message with a job's result; it offers the original where something was given up.

    In the language that is being spoken (``bot.core.translations``), as ``ended_message``.
    """
    return ResultMessage(
        content=_mention(job),
        embed=embeds.result(job, given_up=file.given_up),
        nonce=job.id,
        stem=_stem(job),
        mark="",
        view=result_view(
            job,
            models.known_limits(job.request.model),
            offers_original=bool(file.given_up),
            offers_models=models.has_choice,
        ),
        file=file,
        is_spoiler=is_spoiler,
        description=wording.alt_text(job.request, file.path.suffix),
    )


def ended_message(job: Job) -> ResultMessage:
    """Return the message that says why a job has no result."""
    embed = embeds.ended_job(job)
    return ResultMessage(
        content=_mention(job),
        embed=embed,
        nonce=job.id,
        stem=_stem(job),
        mark=embed.footer.text or "",
    )


def _mention(job: Job) -> str:
    return f"<@{job.origin.user_id}>"  # the client allows no mention to ping


def _stem(job: Job) -> str:
    return f"hotshot-{job.id[:12]}-{job.request.seed}"
