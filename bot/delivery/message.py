"""What is brought to a job's owner, and how it is known again among other messages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import discord

from bot.storage.models import Job
from bot.ui import embeds, text
from bot.ui.result_view import result_view
from generator.contract.limits import ModelLimits
from generator.contract.text import Text


@dataclass(frozen=True, slots=True)
class OutputFile:
    """The file to send. ``given_up`` says what the master has and this one hasn't."""

    path: Path
    size_bytes: int
    given_up: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class ResultMessage:
    """A result (with ``file``) or the reason why there is none."""

    job: Job
    limits: ModelLimits
    file: OutputFile | None = None

    def with_file(self, file: OutputFile) -> Self:
        return replace(self, file=file)

    @property
    def content(self) -> str:
        return f"<@{self.job.user_id}>"  # the client allows no mention to ping

    def embed(self) -> discord.Embed:
        if self.file is None:
            return embeds.ended_job(self.job)
        return embeds.result(self.job, given_up=self.file.given_up)

    def view(self) -> discord.ui.View | None:
        """What can be done with a result; the master too where something was given up."""
        if self.file is None:
            return None
        return result_view(self.job, self.limits, offers_master=bool(self.file.given_up))

    def files(self) -> list[discord.File]:
        """Opened anew for each try, since a sent one is closed."""
        if self.file is None:
            return []
        name = f"{_stem(self.job)}{self.file.path.suffix}"
        description = text.alt_text(self.job.request, self.file.path.suffix)
        return [discord.File(self.file.path, filename=name, description=description)]

    def is_in(self, message: discord.Message) -> bool:
        """Whether this message, one of the bot's, brought it already, in whatever format."""
        if self.file is not None:
            names = (attachment.filename for attachment in message.attachments)
            return any(name.startswith(_stem(self.job)) for name in names)
        mark = self.embed().footer.text
        return any(embed.footer.text == mark for embed in message.embeds)


def _stem(job: Job) -> str:
    return f"hotshot-{job.id[:12]}-{job.request.seed}"
