"""The one message of a command's variations: what is made is put in, what fails is said there.

Each write makes the whole message anew, from the rows and from the files that stand in it, so it
can be repeated, and a restart loses nothing: the files are read from the message itself. Writes to
one message come one after another. Where it can't be written any more, GroupClosedError is raised
and a result goes the ways of a single one (``bot.delivery.sender``).
"""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import discord

from bot.core.logs import bind_log_ids
from bot.core.model_catalogue import ModelCatalogue
from bot.core.translations import in_language
from bot.delivery.response_token import ORIGINAL, is_answerable
from bot.gateway.discord_compat import kept_file
from bot.gateway.discord_errors import readable_answers
from bot.gateway.message_media import gallery_items, name_of, notes_of
from bot.jobs.gate import Gate, may_be_seen_uncovered
from bot.jobs.notifier import Posted
from bot.jobs.service import JobService
from bot.storage import jobs as rows
from bot.storage.database import Database
from bot.storage.models import Job, State
from bot.ui import wording
from bot.ui.group_layout import NOTE_IDS, Variation, group_layout, outcome
from bot.ui.result_layout import SPOILER, ShownFile
from bot.ui.result_message import ResultMessage, stem_of

logger = logging.getLogger(__name__)

_REFRESH_SECONDS = 5.0  # that a result waits at most for an edit that says how far others are
_PREVIEW = "preview"  # how the names of previews begin
_EXPIRED = (401, 403, 404)  # statuses of a message that can't be edited this way any more

Attachments = Callable[[], list[discord.Attachment | discord.File]]
"""Opens a message's files anew for each try, since those that were sent are closed."""
_ByToken = Callable[[discord.Webhook, int], Awaitable[discord.Message]]
_ByBot = Callable[[discord.PartialMessage], Awaitable[discord.Message]]


class GroupClosedError(Exception):
    """The message can't be written any more: it was deleted, say, or nobody lets the bot."""


@dataclass(frozen=True, slots=True)
class _PostedFile:
    id: int
    shown: ShownFile


@dataclass(slots=True)
class _Board:
    """What is known of one message; ``files`` is None where that has to be read first."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    message_id: int | None = None
    posted: Posted | None = None  # where it stands, once it was written
    is_token_over: bool = False  # whatever the clock says
    files: dict[str, _PostedFile] | None = None  # by job
    has_strays: bool = False  # files of jobs that were erased
    pending: dict[str, ResultMessage] = field(default_factory=dict)  # to be put in, by job
    notes: dict[str, str] = field(default_factory=dict)  # on files, by job
    previews: dict[str, str] = field(default_factory=dict)  # what is shown of a job, its path
    elsewhere: set[str] = field(default_factory=set)  # jobs whose results stand in other messages
    settled: set[str] = field(default_factory=set)  # jobs that have had their last word


class GroupMessages:
    """Writes the messages of variations, each of which has its own lock."""

    def __init__(
        self, client: discord.Client, gate: Gate, database: Database, models: ModelCatalogue
    ) -> None:
        self._client = client
        self._gate = gate
        self._database = database
        self._models = models
        self._jobs: JobService | None = None
        self._boards: dict[str, _Board] = {}

    def set_job_service(self, jobs: JobService) -> None:
        """Set where the messages learn how far the jobs are."""
        self._jobs = jobs

    def upload_limit(self, job: Job) -> int:
        """Return how many bytes a file may have that is put in now."""
        guild = self._client.get_guild(job.origin.guild_id or 0)
        if self._is_token_good(job) or guild is None:
            return job.origin.upload_limit
        return guild.filesize_limit

    async def put_in(self, job: Job, result: ResultMessage) -> Posted:
        """Put a job's result in, or say why there is none. Raises GroupClosedError.

        Raises what discord.py raises where that may pass.
        """
        board = self._board(job)
        if result.file is not None:
            board.pending[job.id] = result
        try:
            async with board.lock:
                if result.file is None:
                    return await self._write(board, job, {})
                if job.id not in board.pending and board.posted is not None:
                    return board.posted  # it was taken along by another
                return await self._put_in_pending(board, job, result)
        finally:
            board.pending.pop(job.id, None)

    async def _put_in_pending(self, board: _Board, job: Job, result: ResultMessage) -> Posted:
        """Put in all that waits, so the last of several waits for one upload; else this alone."""
        every = dict(board.pending)
        try:
            posted = await self._write(board, job, every)
        except discord.HTTPException:
            if len(every) == 1:
                raise
            return await self._write(board, job, {job.id: result})
        for key in every:
            board.pending.pop(key, None)
        return posted

    async def refresh(self, job: Job) -> None:
        """Say how far the jobs are. Raises as ``put_in``, and TimeoutError."""
        board = self._board(job)
        async with asyncio.timeout(_REFRESH_SECONDS), board.lock:
            await self._write(board, job, {})

    async def take_out(self, job: Job) -> bool:
        """Take the file of a job out that was erased; return whether others stand there still.

        Raises as ``put_in``.
        """
        board = self._board(job)
        async with board.lock:
            others = await self._database.read(rows.group, _group_of(job))
            if not any(other.message_id == job.message_id for other in others):
                return False
            await self._write(board, others[0], {})
        if not (self._jobs and self._jobs.unfinished_in(_group_of(job))):
            self._boards.pop(_group_of(job), None)
        return True

    def settle(self, job: Job, *, is_elsewhere: bool = False) -> bool:
        """Note that a job has had its last word; return whether all of its message have.

        What is known of the message is dropped then; it can be read again.
        """
        group_id, board = _group_of(job), self._board(job)
        board.settled.add(job.id)
        if is_elsewhere:
            board.elsewhere.add(job.id)
        unfinished = self._jobs.unfinished_in(group_id) if self._jobs else []
        if any(other.id not in board.settled for other in unfinished):
            return False
        self._boards.pop(group_id)
        return True

    def _board(self, job: Job) -> _Board:
        return self._boards.setdefault(_group_of(job), _Board())

    def _is_token_good(self, job: Job) -> bool:
        return is_answerable(job) and not self._board(job).is_token_over

    # -- writing -----------------------------------------------------------------------------------

    async def _write(self, board: _Board, job: Job, new: Mapping[str, ResultMessage]) -> Posted:
        """Write the message anew, with ``new`` files by their jobs."""
        members = await self._database.read(rows.group, _group_of(job))
        board.message_id = board.message_id or _answer_of([job, *members])
        if board.files is None:
            self._learn(board, await self._fetch(board, job), members)
        files = self._kept_files(board, members, new)
        with in_language(job.origin.locale), bind_log_ids(**job.origin.ids):
            attachments = await self._attachments(board, members, files, new)
            shown = {key: file.shown for key, file in files.items()}
            shown |= {key: result.shown for key, result in new.items()}
            board.notes |= {key: result.note for key, result in new.items()}
            variations = [self._variation(board, member, shown) for member in members]
            view = group_layout(variations, self._models.known_limits(job.request.model))
            board.files = None  # till Discord says what stands there now
            message = await self._edit(board, job, view, attachments)
        self._learn(board, message, members)
        await self._note_answer(members, message.id)
        board.posted = Posted(message.id, message.channel.id)
        return board.posted

    def _kept_files(
        self, board: _Board, members: list[Job], new: Mapping[str, ResultMessage]
    ) -> dict[str, _PostedFile]:
        """Return the files that stay: of jobs that there are, without those that come again."""
        stay = {member.id for member in members} - new.keys()
        return {key: file for key, file in (board.files or {}).items() if key in stay}

    async def _attachments(
        self,
        board: _Board,
        members: list[Job],
        files: dict[str, _PostedFile],
        new: Mapping[str, ResultMessage],
    ) -> Attachments | None:
        """Return what opens the message's files for an edit; None where it keeps those it has."""
        previews = self._wanted_previews(members, {*files, *new})
        if not (new or board.has_strays or previews != board.previews):
            return None
        loaded = [(member, await self._preview_bytes(member, previews)) for member in members]
        loaded = [(member, data) for member, data in loaded if data]
        board.previews = {member.id: previews[member.id] for member, _ in loaded}

        def opened() -> list[discord.Attachment | discord.File]:
            kept = [
                kept_file(self._client, file.id, file.shown.name, file.shown.description)
                for file in files.values()
            ]
            shown = [_opened(_preview_file(member), data) for member, data in loaded]
            return [*kept, *(file for each in new.values() for file in each.opened_files()), *shown]

        return opened

    def _wanted_previews(self, members: list[Job], made: set[str]) -> dict[str, str]:
        """Return the previews of the jobs at work, paths by ids, but of those that are made."""
        wanted: dict[str, str] = {}
        for member in members:
            now = self._jobs.status(member.id) if self._jobs else None
            is_running = now is not None and now.job.state is State.RUNNING
            if is_running and now and now.progress and now.progress.preview:
                wanted[member.id] = now.progress.preview
        return {key: path for key, path in wanted.items() if key not in made}

    def _variation(self, board: _Board, job: Job, shown: dict[str, ShownFile]) -> Variation:
        note = board.notes.get(job.id, "")
        if job.id in shown:
            return Variation(job=job, file=shown[job.id], note=note)
        if job.id in board.elsewhere or job.state.is_final:
            return Variation(job=job, words=outcome(job))
        now = self._jobs.status(job.id) if self._jobs else None
        preview = _preview_file(job) if board.previews.get(job.id) else None
        words = wording.status(now) if now is not None else ""
        return Variation(job=job, preview=preview, words=words)

    async def _preview_bytes(self, job: Job, previews: dict[str, str]) -> bytes:
        """Return what a preview shows; nothing where the result is to be covered or withheld."""
        if job.id not in previews:
            return b""
        file = Path(previews[job.id])
        if not await may_be_seen_uncovered(self._gate, job, file, job.origin.guild_id):
            return b""
        try:
            return await asyncio.to_thread(file.read_bytes)
        except OSError:  # a newer one, or the end of the job, has taken its place
            return b""

    # -- reading -----------------------------------------------------------------------------------

    def _learn(self, board: _Board, message: discord.Message, members: list[Job]) -> None:
        """Note what stands in the message."""
        board.message_id = message.id
        board.files, board.has_strays = {}, False
        notes = notes_of(message)
        for item in gallery_items(message):
            name, file_id = name_of(item.media), item.media.attachment_id
            owner = next((one for one in members if _is_of(one, name)), None)
            if owner is None or file_id is None:
                board.has_strays |= not name.startswith(_PREVIEW)
                continue
            shown = ShownFile(name, item.description or "")
            board.files[owner.id] = _PostedFile(file_id, shown)
            place = owner.origin.group_place
            if note := notes.get(NOTE_IDS + place, ""):
                board.notes.setdefault(owner.id, note.removeprefix(f"-# {place}: "))

    async def _note_answer(self, members: list[Job], message_id: int) -> None:
        if self._jobs is None:
            return
        for member in members:
            if member.answer_id != message_id and not member.state.is_final:
                self._jobs.note_answer(member.id, message_id)
                await self._jobs.save_answer(member.id)

    # -- the two ways to the message ---------------------------------------------------------------

    async def _fetch(self, board: _Board, job: Job) -> discord.Message:
        async def by_token(webhook: discord.Webhook, response: int) -> discord.Message:
            return await webhook.fetch_message(response)

        async def by_bot(message: discord.PartialMessage) -> discord.Message:
            return await message.fetch()

        return await self._reach(board, job, by_token, by_bot)

    async def _edit(
        self, board: _Board, job: Job, view: discord.ui.LayoutView, attachments: Attachments | None
    ) -> discord.Message:
        async def content() -> dict[str, Any]:
            opened = await asyncio.to_thread(attachments) if attachments is not None else None
            files = {} if opened is None else {"attachments": opened}
            return {"content": None, "embeds": [], "view": view, **files}

        async def by_token(webhook: discord.Webhook, response: int) -> discord.Message:
            return await webhook.edit_message(response, **await content())

        async def by_bot(message: discord.PartialMessage) -> discord.Message:
            return await message.edit(**await content())

        return await self._reach(board, job, by_token, by_bot)

    async def _reach(
        self, board: _Board, job: Job, by_token: _ByToken, by_bot: _ByBot
    ) -> discord.Message:
        """Reach the message by the command's token, or by the bot's own where that one is over."""
        origin = job.origin
        if self._is_token_good(job):
            webhook = discord.Webhook.partial(
                origin.application_id, origin.token, client=self._client
            )
            try:
                with readable_answers():
                    return await by_token(webhook, ORIGINAL)
            except discord.HTTPException as error:
                if error.status not in _EXPIRED:
                    raise
                logger.info("the answer can't be reached any more: %s", error)
                board.is_token_over = True
        if board.message_id is None or origin.private:
            raise GroupClosedError
        place = self._client.get_partial_messageable(origin.channel_id)
        try:
            with readable_answers():
                return await by_bot(place.get_partial_message(board.message_id))
        except (discord.Forbidden, discord.NotFound) as error:
            raise GroupClosedError from error


def _group_of(job: Job) -> str:
    return job.origin.group_id or ""


def _answer_of(jobs: list[Job]) -> int | None:
    return next((job.answer_id for job in jobs if job.answer_id is not None), None)


def _is_of(job: Job, name: str) -> bool:
    return name.removeprefix(SPOILER).startswith(stem_of(job))


def _preview_file(job: Job) -> ShownFile:
    name = f"{_PREVIEW}-{job.origin.group_place}.webp"
    return ShownFile(name, wording.preview_alt_text(job.request))


def _opened(shown: ShownFile, data: bytes) -> discord.File:
    return discord.File(io.BytesIO(data), shown.name, description=shown.description)
