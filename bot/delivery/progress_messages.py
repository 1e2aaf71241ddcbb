"""Progress messages in Discord: what they say, and by which way they are edited.

While the command's token lives its answer is edited, afterwards the message it became, where the
bot may. When an edit's turn comes is ``bot.delivery.edit_scheduler``'s business.
"""

from __future__ import annotations

import asyncio
import io
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord

from bot.core.logs import bind_log_ids
from bot.core.translations import in_language
from bot.delivery.edit_scheduler import EditScheduler
from bot.delivery.routes import is_answerable, response_message_of
from bot.gateway.discord_errors import SEND_ERRORS, readable_answers
from bot.jobs.service import JobService
from bot.storage.models import Job, State
from bot.ui import embeds, text
from bot.ui.buttons import cancel_view

logger = logging.getLogger(__name__)

_PREVIEW = "preview.webp"
_OVER = (401, 403, 404)  # statuses of an answer that can't be edited any more


@dataclass(frozen=True, slots=True)
class _Notice:
    """What a progress message says; equal ones look the same. ``preview`` is a file, if any."""

    job_id: str
    words: str
    preview: str = ""


class ProgressMessages:
    """The messages of all unfinished jobs."""

    def __init__(self, client: discord.Client, logged_in: asyncio.Event) -> None:
        self._client = client
        self._logged_in = logged_in
        self._jobs: JobService | None = None
        self._scheduler = EditScheduler(render=self._render, edit=self._edit)
        self._expired_tokens: set[str] = set()  # jobs whose token is over, whatever the clock says
        self._shown: dict[str, str] = {}  # the preview that stands in each message
        self._final_edits: set[asyncio.Task[None]] = set()

    def set_job_service(self, jobs: JobService) -> None:
        """Where the messages learn what to say."""
        self._jobs = jobs

    def track(self, job: Job) -> None:
        """From now on, until ``stop``; those at work come more often than those that wait."""
        if is_answerable(job) or job.answer_id is not None:
            self._scheduler.track(job.id, is_running=job.state is State.RUNNING)

    async def stop(self, job_id: str) -> None:
        """No edit after this."""
        await self._scheduler.stop(job_id)
        self._expired_tokens.discard(job_id)
        self._shown.pop(job_id, None)

    async def run(self) -> None:
        """Edits until cancelled, once there is somebody to write to."""
        await self._logged_in.wait()
        await self._scheduler.run()

    def finalize(self, job: Job) -> None:
        """The last word stands in a message of its own, and this one points there; or it is that
        the job was cancelled, said here. Tried once.
        """
        if job.answer_id is None:
            return
        task = asyncio.create_task(self._edit_finally(job, job.answer_id))
        self._final_edits.add(task)
        task.add_done_callback(self._final_edits.discard)

    def _render(self, job_id: str) -> _Notice | None:
        now = self._jobs.status(job_id) if self._jobs else None
        if now is None:
            return None
        with in_language(now.job.origin.locale):
            words = text.status(now)
        return _Notice(job_id, words, now.progress.preview if now.progress else "")

    async def _edit(self, notice: _Notice) -> None:
        """An edit that fails is no loss: the next one comes, and the last word has its own way."""
        now = self._jobs.status(notice.job_id) if self._jobs else None
        if self._jobs is None or now is None:
            return
        job = now.job
        with in_language(job.origin.locale), bind_log_ids(**job.origin.ids):
            await self._edit_in_language(notice, job)

    async def _edit_in_language(self, notice: _Notice, job: Job) -> None:
        embed = embeds.progress(job.request, notice.words)
        content: dict[str, Any] = {"embed": embed, "view": cancel_view(job.id)}
        if (preview := await self._preview(notice, job)) is not None:
            content["attachments"] = preview
        if self._shown.get(job.id):
            embed.set_image(url=f"attachment://{_PREVIEW}")
        try:
            await self._write(job, content)
        except (discord.Forbidden, discord.NotFound) as error:
            logger.info("the progress message can't be edited any more: %s", error)
            self._scheduler.untrack(job.id)
        except SEND_ERRORS as error:
            logger.info("the progress message couldn't be edited: %s", error)

    async def _preview(self, notice: _Notice, job: Job) -> list[discord.File] | None:
        """The message's files where they change; None where it keeps those that it has."""
        if notice.preview == self._shown.get(job.id, ""):
            return None
        try:
            data = await asyncio.to_thread(Path(notice.preview).read_bytes)
        except OSError:  # a newer one, or the end of the job, has taken its place
            data = b""
        self._shown[job.id] = notice.preview if data else ""
        alt = text.preview_alt_text(job.request)
        return [discord.File(io.BytesIO(data), _PREVIEW, description=alt)] if data else []

    async def _write(self, job: Job, content: dict[str, Any]) -> None:
        """By the command's token, or by the bot's own where that one is over."""
        if is_answerable(job) and job.id not in self._expired_tokens:
            try:
                message_id = await self._edit_response(job, content)
            except discord.HTTPException as error:
                if error.status not in _OVER:
                    raise
                self._expired_tokens.add(job.id)
            else:
                if self._jobs is not None:
                    self._jobs.note_answer(job.id, message_id)
                    await self._jobs.save_answer(job.id)
                return
        if job.answer_id is None:
            self._scheduler.untrack(job.id)
        else:
            await self._edit_message(job, job.answer_id, content)

    async def _edit_response(self, job: Job, content: dict[str, Any]) -> int:
        origin = job.origin
        webhook = discord.Webhook.partial(origin.application_id, origin.token, client=self._client)
        with readable_answers():
            return (await webhook.edit_message(response_message_of(job), **content)).id

    async def _edit_message(self, job: Job, message_id: int, content: dict[str, Any]) -> None:
        place = self._client.get_partial_messageable(job.origin.channel_id)
        with readable_answers():
            await place.get_partial_message(message_id).edit(**content)

    async def _edit_finally(self, job: Job, message_id: int) -> None:
        with in_language(job.origin.locale):
            is_cancelled = job.state is State.CANCELLED  # then nothing more is said elsewhere
            content: dict[str, Any] = {
                "content": None if is_cancelled else text.ended_elsewhere(job),
                "embed": embeds.ended_job(job) if is_cancelled else None,
                "view": None,
                "attachments": [],
            }
        try:
            await self._edit_message(job, message_id, content)
        except SEND_ERRORS as error:
            logger.info("the old progress message stays as it was: %s", error)
