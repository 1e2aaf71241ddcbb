"""Progress messages in Discord: what they say, when they are edited, and by which route.

``EditScheduler`` edits at a rate that Discord bears, across all jobs, and lets the last word pass;
what is written is asked for at the last moment, so nothing stale is ever sent, and nothing that
hasn't changed. ``ProgressMessages`` says what that is. While the command's token lives its answer
is edited, afterwards the message it became, where the bot may.
"""

from __future__ import annotations

import asyncio
import io
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import discord

from bot.core.logs import bind_log_ids, job_context
from bot.core.translations import in_language
from bot.delivery.group_messages import GroupClosedError, GroupMessages
from bot.delivery.response_token import is_answerable, response_message_of
from bot.gateway.discord_errors import SEND_ERRORS, readable_answers
from bot.jobs.estimator import Status
from bot.jobs.gate import Gate, may_be_seen_uncovered
from bot.jobs.service import JobService
from bot.storage.models import Job, State
from bot.ui import embeds, wording
from bot.ui.buttons import cancel_view

logger = logging.getLogger(__name__)

T = TypeVar("T")

EACH_SECONDS = 1.5  # between two edits of one message
WAITING_SECONDS = 6.0  # the same, of one that only waits
ALL_SECONDS = 0.2  # between any two edits
_MAX_CHECKED = 20  # at most so many are looked at for one that has news
_LAST_EDIT_SECONDS = 5.0  # for an edit under way, before the last word
_PREVIEW = "preview.webp"
_EXPIRED = (401, 403, 404)  # statuses of an answer that can't be edited any more


@dataclass(frozen=True, slots=True)
class _Notice:
    """What a progress message says; equal ones look the same. ``preview`` is a file, if any.

    ``job_id`` is a group's of the message of several.
    """

    job_id: str
    words: str
    preview: str = ""


class ProgressMessages:
    """Shows in Discord how far all unfinished jobs are."""

    def __init__(
        self,
        client: discord.Client,
        gate: Gate,
        groups: GroupMessages,
        logged_in: asyncio.Event,
    ) -> None:
        self._client = client
        self._gate = gate
        self._groups = groups
        self._logged_in = logged_in
        self._jobs: JobService | None = None
        self._scheduler = EditScheduler(render=self._render, edit=self._edit)
        self._expired_tokens: set[str] = set()  # jobs whose token is over, whatever the clock says
        # jobs whose messages are one, by its group, and whether each was last seen at work
        self._grouped: dict[str, dict[str, bool]] = {}
        self._shown: dict[str, str] = {}  # the preview that stands in each message
        self._final_edits: set[asyncio.Task[None]] = set()

    def set_job_service(self, jobs: JobService) -> None:
        """Set where the messages learn what to say."""
        self._jobs = jobs

    def track(self, job: Job) -> None:
        """Keep a job's message up to date until ``stop``; more often while it is at work."""
        if not (is_answerable(job) or job.answer_id is not None):
            return
        is_running = job.state is State.RUNNING
        if (group_id := job.origin.group_id) is None:
            self._scheduler.track(job.id, is_running=is_running)
            return
        members = self._grouped.setdefault(group_id, {})
        members[job.id] = is_running  # a status of each would order the whole queue at a start
        self._scheduler.track(group_id, is_running=any(members.values()))

    async def stop(self, job_id: str) -> None:
        """Stop editing a job's message; no edit comes after this."""
        await self._scheduler.stop(job_id)
        self._expired_tokens.discard(job_id)
        self._shown.pop(job_id, None)

    def drop_group(self, group_id: str) -> None:
        """Begin no further edit of the message of variations that are all over."""
        self._scheduler.untrack(group_id)
        self._grouped.pop(group_id, None)

    async def run(self) -> None:
        """Edit messages until cancelled, once there is somebody to write to."""
        await self._logged_in.wait()
        await self._scheduler.run()

    def finalize(self, job: Job) -> None:
        """Edit a job's message a last time: to point to where its result stands, or to say
        that it was cancelled. Tried once.
        """
        if job.answer_id is None:
            return
        task = asyncio.create_task(self._edit_finally(job, job.answer_id))
        self._final_edits.add(task)
        task.add_done_callback(self._final_edits.discard)

    def _statuses(self, group_id: str) -> list[Status]:
        found = [self._jobs.status(each) for each in self._grouped[group_id]] if self._jobs else []
        return sorted(filter(None, found), key=lambda now: now.job.number)

    def _render(self, job_id: str) -> _Notice | None:
        if job_id in self._grouped:
            return self._render_group(job_id)
        now = self._jobs.status(job_id) if self._jobs else None
        if now is None:
            return None
        with in_language(now.job.origin.locale):
            words = wording.status(now)
        return _Notice(job_id, words, now.progress.preview if now.progress else "")

    def _render_group(self, group_id: str) -> _Notice | None:
        now = self._statuses(group_id)
        if not now:
            return None
        words = "\n".join(map(wording.status, now))  # only compared; written in their language
        previews = [each.progress.preview for each in now if each.progress]
        return _Notice(group_id, words, "\n".join(previews))

    async def _edit_group(self, group_id: str) -> None:
        now = self._statuses(group_id)
        if not now:
            return
        try:
            await self._groups.refresh(now[0].job)
        except GroupClosedError:
            self._scheduler.untrack(group_id)
        except SEND_ERRORS as error:
            logger.info("the progress message couldn't be edited: %s", error)

    async def _edit(self, notice: _Notice) -> None:
        """Edit a message; one that fails is no loss, since the last word has its own route."""
        if notice.job_id in self._grouped:
            await self._edit_group(notice.job_id)
            return
        job = self._jobs.unfinished_job(notice.job_id) if self._jobs else None
        if job is None:
            return
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
        """Return the message's files where they change; None where it keeps those it has."""
        if notice.preview == self._shown.get(job.id, ""):
            return None
        data = await self._preview_bytes(job, Path(notice.preview)) if notice.preview else b""
        self._shown[job.id] = notice.preview if data else ""
        alt = wording.preview_alt_text(job.request)
        return [discord.File(io.BytesIO(data), _PREVIEW, description=alt)] if data else []

    async def _preview_bytes(self, job: Job, file: Path) -> bytes:
        """Return what a preview shows; nothing where the gate has the result covered or withheld,
        since an embed's picture can't be covered.
        """
        if not await may_be_seen_uncovered(self._gate, job, file, job.origin.guild_id):
            return b""
        try:
            return await asyncio.to_thread(file.read_bytes)
        except OSError:  # a newer one, or the end of the job, has taken its place
            return b""

    async def _write(self, job: Job, content: dict[str, Any]) -> None:
        """Write by the command's token, or by the bot's own where that one is over."""
        if is_answerable(job) and job.id not in self._expired_tokens:
            try:
                message_id = await self._edit_response(job, content)
            except discord.HTTPException as error:
                if error.status not in _EXPIRED:
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
                "content": None if is_cancelled else wording.ended_elsewhere(job),
                "embed": embeds.ended_job(job) if is_cancelled else None,
                "view": None,
                "attachments": [],
            }
        try:
            await self._edit_message(job, message_id, content)
        except SEND_ERRORS as error:
            logger.info("the old progress message stays as it was: %s", error)


# -- whose turn it is ------------------------------------------------------------------------------


class EditSchedule:
    """Decides whose message may be checked next: newcomers, then whoever was longest ago."""

    def __init__(self, *, each: float) -> None:
        self._each = each
        self._last: OrderedDict[str, float] = OrderedDict()  # in order of the last look

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._last

    def __len__(self) -> int:
        return len(self._last)

    def add(self, job_id: str) -> None:
        """Add a job, due at once; adding twice is no error."""
        if job_id not in self._last:
            self._last[job_id] = float("-inf")
            self._last.move_to_end(job_id, last=False)

    def remove(self, job_id: str) -> None:
        self._last.pop(job_id, None)

    def note_checked(self, job_id: str, now: float) -> None:
        """Note that a job was checked, so its next turn has to wait."""
        if job_id in self._last:
            self._last[job_id] = now
            self._last.move_to_end(job_id)

    def due(self, now: float) -> Iterator[str]:
        """Yield the jobs whose turn it is, most urgent first; nothing may change meanwhile."""
        for job_id, last in self._last.items():
            if now - last < self._each:
                return
            yield job_id


class EditScheduler(Generic[T]):
    """Keeps the messages of unfinished jobs up to date, those at work before those that wait.

    ``render(job_id)`` gives what the message should say now (None: nothing more); equal values mean
    equal messages. ``edit(value)`` writes it and handles its own errors.
    """

    def __init__(
        self,
        *,
        render: Callable[[str], T | None],
        edit: Callable[[T], Awaitable[None]],
        each: float = EACH_SECONDS,
        waiting: float = WAITING_SECONDS,
        all_: float = ALL_SECONDS,
    ) -> None:
        self._render = render
        self._edit = edit
        self._pause = all_
        self._running = EditSchedule(each=each)
        self._waiting = EditSchedule(each=waiting)
        self._shown: dict[str, T] = {}
        self._edits: dict[str, asyncio.Task[None]] = {}

    def track(self, job_id: str, *, is_running: bool = False) -> None:
        """Edit a job's message until ``stop``; one that starts or waits again changes sides."""
        joined, left = self._running, self._waiting
        if not is_running:
            joined, left = left, joined
        left.remove(job_id)
        joined.add(job_id)

    def untrack(self, job_id: str) -> None:
        """Begin no further edit of a job's message."""
        self._running.remove(job_id)
        self._waiting.remove(job_id)
        self._shown.pop(job_id, None)

    async def stop(self, job_id: str) -> None:
        """Stop editing; an edit under way is waited for, so the last word comes last.

        One that Discord keeps waiting is given up, since the last word matters more.
        """
        self.untrack(job_id)
        if (edit := self._edits.get(job_id)) is not None:
            await asyncio.wait((edit,), timeout=_LAST_EDIT_SECONDS)
            edit.cancel()

    async def run(self) -> None:
        """Edit messages until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                now = loop.time()
                if not self._edit_next(self._running, now):
                    self._edit_next(self._waiting, now)
                await asyncio.sleep(self._pause)
        finally:
            for edit in self._edits.values():
                edit.cancel()

    def _edit_next(self, schedule: EditSchedule, now: float) -> bool:
        """Edit the first that is due and has news; return whether there was one."""
        checked: list[str] = []
        chosen: T | None = None
        for job_id in schedule.due(now):
            checked.append(job_id)
            value = self._render(job_id)
            if value is not None and job_id not in self._edits and self._shown.get(job_id) != value:
                chosen = value
                break
            if len(checked) >= _MAX_CHECKED:
                break
        for job_id in checked:
            schedule.note_checked(job_id, now)
        if chosen is None:
            return False
        job_id = checked[-1]
        self._shown[job_id] = chosen
        self._edits[job_id] = asyncio.create_task(self._one(job_id, chosen))
        return True

    async def _one(self, job_id: str, value: T) -> None:
        try:
            with job_context(job_id):
                await self._edit(value)
        finally:
            self._edits.pop(job_id, None)
