"""Brings words and files to a job's owner through Discord, once, whatever Discord answers.

The answer to the command is edited while its token lives, which can be repeated safely. After that
it is a message in the channel, or a direct message where the bot may not speak; such a post carries
a nonce, and one that may have got through before is looked for first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import aiohttp
import discord

from bot.errors import UndeliverableError
from bot.jobs.courier import Posted
from bot.jobs.model import Job, State
from bot.jobs.service import JobService
from bot.ui import embeds, text
from bot.ui.buttons import cancel_view
from bot.ui.progress import ProgressBoard
from generator.protocol import Request

logger = logging.getLogger(__name__)

_ORIGINAL = cast(int, "@original")  # Discord's word for the answer; discord.py wants a number
_TOO_LARGE = 40005
_NONCE_LIMIT = 25
_LOOK_BACK = 100  # messages
_PAUSES = (1, 2, 4, 8, 15, 30, *(60 for _ in range(30)))  # seconds between tries: half an hour

# May work later. discord.py has tried a few times itself by then.
_TRANSIENT = (discord.DiscordServerError, discord.RateLimited, aiohttp.ClientError, OSError)


@dataclass(frozen=True, slots=True)
class _Parcel:
    """What is to be brought. ``file`` is opened anew for each try."""

    job: Job
    embed: discord.Embed
    file: Path | None = None

    @property
    def content(self) -> str:
        return f"<@{self.job.user_id}>"  # the client allows no mention to ping

    @property
    def filename(self) -> str:
        """Tells this job's message from all others."""
        suffix = self.file.suffix if self.file else ""
        return f"hotshot-{self.job.id[:12]}-{self.job.request.seed}{suffix}"

    def files(self) -> list[discord.File]:
        if self.file is None:
            return []
        description = text.alt_text(self.job.request)
        return [discord.File(self.file, filename=self.filename, description=description)]


@dataclass(frozen=True, slots=True)
class _Notice:
    """What a progress message says; equal ones look the same."""

    job_id: str
    request: Request
    token: str
    application_id: int
    words: str


class DiscordCourier:
    """``bot.jobs.courier.Courier``, by a logged-in client."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._jobs: JobService | None = None
        self.board = ProgressBoard(look=self._look, edit=self._edit)

    def watch(self, jobs: JobService) -> None:
        """Where progress messages learn what to say."""
        self._jobs = jobs

    def follow(self, job: Job) -> None:
        """Keeps its progress message up to date, while its token lives."""
        if not job.origin.token_expired(_now()):
            self.board.follow(job.id)

    async def deliver(self, job: Job, file: Path, *, again: bool) -> Posted:
        """Posts the result; see ``Courier``."""
        await self.board.leave(job.id)
        size = job.size_bytes or 0
        if size > job.origin.upload_limit:
            raise UndeliverableError(_too_large(size, job.origin.upload_limit))
        return await self._bring(_Parcel(job, embeds.result(job), file), again=again)

    async def tell(self, job: Job) -> None:
        """Says how it ended; see ``Courier``."""
        await self.board.leave(job.id)
        if job.state is State.CANCELLED and job.origin.token_expired(_now()):
            return  # whoever cancelled it was told then and there
        await self._bring(_Parcel(job, embeds.ended(job)), again=False)

    # -- progress ----------------------------------------------------------------------------------

    def _look(self, job_id: str) -> _Notice | None:
        now = self._jobs.status(job_id) if self._jobs else None
        if now is None:
            return None
        origin = now.job.origin
        return _Notice(
            job_id, now.job.request, origin.token, origin.application_id, text.status(now)
        )

    async def _edit(self, notice: _Notice) -> None:
        """An edit that fails is no loss: the next one comes, and the last word has its own way."""
        webhook = self._webhook(notice.application_id, notice.token)
        try:
            message = await webhook.edit_message(
                _ORIGINAL,
                embed=embeds.progress(notice.request, notice.words),
                view=cancel_view(notice.job_id),
            )
        except (discord.HTTPException, *_TRANSIENT) as error:
            logger.info("the progress message couldn't be edited: %s", error)
            return
        if self._jobs is not None:
            self._jobs.note_answer(notice.job_id, message.id)
            await self._jobs.save_answer(notice.job_id)

    # -- the last word -----------------------------------------------------------------------------

    async def _bring(self, parcel: _Parcel, *, again: bool) -> Posted:
        """By the first way that works. Raises UndeliverableError."""
        job = parcel.job
        for pause in _PAUSES:
            try:
                if not job.origin.token_expired(_now()) and (posted := await self._answer(parcel)):
                    return posted
                return await self._post(parcel, again=again)
            except discord.HTTPException as error:
                if not _is_transient(error):
                    raise _undeliverable(error, parcel) from error
                logger.warning("not delivered yet: %s", error)
            except _TRANSIENT as error:
                logger.warning("not delivered yet: %s: %s", type(error).__name__, error)
            again = True  # it may have got through all the same
            await asyncio.sleep(pause)
        raise UndeliverableError("Discord couldn't be reached for too long to deliver this.")

    async def _answer(self, parcel: _Parcel) -> Posted | None:
        """Edits the command's answer; None where its token is no good any more."""
        origin = parcel.job.origin
        try:
            message = await self._webhook(origin.application_id, origin.token).edit_message(
                _ORIGINAL,
                content=parcel.content,
                embed=parcel.embed,
                attachments=parcel.files(),
                view=None,
            )
        except discord.HTTPException as error:
            if error.status in (401, 403, 404):
                logger.info("the interaction is over (%s), so a message is sent", error.code)
                return None
            raise
        return Posted(message.id, message.channel.id)

    async def _post(self, parcel: _Parcel, *, again: bool) -> Posted:
        """A message in the channel, or a direct one where the bot can't speak there."""
        channel = self._client.get_partial_messageable(parcel.job.origin.channel_id)
        if again and (found := await self._find(channel, parcel)):
            return found
        try:
            return await self._send(channel, parcel, reference=self._reference(parcel.job))
        except (discord.Forbidden, discord.NotFound):
            direct = await self._client.create_dm(discord.Object(parcel.job.user_id))
        if again and (found := await self._find(direct, parcel)):
            return found
        return await self._send(direct, parcel)

    async def _send(
        self,
        channel: discord.abc.Messageable,
        parcel: _Parcel,
        *,
        reference: discord.MessageReference | None = None,
    ) -> Posted:
        send: Callable[..., Awaitable[discord.Message]] = channel.send
        extra = {} if reference is None else {"reference": reference}
        message = await send(
            parcel.content,
            embed=parcel.embed,
            files=parcel.files(),
            nonce=parcel.job.id[:_NONCE_LIMIT],
            **extra,
        )
        return Posted(message.id, message.channel.id)

    async def _find(self, channel: discord.abc.Messageable, parcel: _Parcel) -> Posted | None:
        """The message of an earlier try, by its file's name."""
        if parcel.file is None or self._client.user is None:
            return None
        try:
            async for message in channel.history(
                limit=_LOOK_BACK, after=parcel.job.origin.asked_at
            ):
                names = {attachment.filename for attachment in message.attachments}
                if message.author.id == self._client.user.id and parcel.filename in names:
                    return Posted(message.id, message.channel.id)
        except (discord.Forbidden, discord.NotFound):
            return None  # where the bot may not look, the nonce is all there is
        return None

    @staticmethod
    def _reference(job: Job) -> discord.MessageReference | None:
        if job.answer_id is None:
            return None
        return discord.MessageReference(
            message_id=job.answer_id, channel_id=job.origin.channel_id, fail_if_not_exists=False
        )

    def _webhook(self, application_id: int, token: str) -> discord.Webhook:
        return discord.Webhook.partial(application_id, token, client=self._client)


def _is_transient(error: discord.HTTPException) -> bool:
    return error.status == 429 or error.status >= 500


def _undeliverable(error: discord.HTTPException, parcel: _Parcel) -> UndeliverableError:
    if error.status == 413 or error.code == _TOO_LARGE:
        size, limit = parcel.job.size_bytes or 0, parcel.job.origin.upload_limit
        return UndeliverableError(_too_large(size, limit))
    if isinstance(error, discord.Forbidden | discord.NotFound):
        return UndeliverableError(
            "The bot can't write in that channel any more, and a direct message isn't allowed "
            "either; let it in again, then ask once more."
        )
    return UndeliverableError(f"Discord refused the result: {error.text or error.status}.")


def _too_large(size: int, limit: int) -> str:
    return (
        f"The GIF has {text.megabytes(size)} and Discord takes at most {text.megabytes(limit)} "
        "here; ask for fewer frames or a smaller size."
    )


def _now() -> datetime:
    return datetime.now(UTC)
