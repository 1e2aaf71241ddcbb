"""Brings results, and reasons why there is none, to a job's owner through Discord, once.

Builds the message (``bot.ui.result_message``) and has it sent (``bot.delivery.sender``), after the
last edit of the progress message.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import ExitStack
from pathlib import Path

import discord

from bot.core.errors import UndeliverableError
from bot.core.model_catalogue import ModelCatalogue
from bot.core.translations import in_language, translate
from bot.delivery.fitting import FittedFiles
from bot.delivery.group_messages import GroupClosedError, GroupMessages
from bot.delivery.progress_messages import ProgressMessages
from bot.delivery.response_token import is_answerable
from bot.delivery.sender import Sender, Sent, Smaller
from bot.gateway.discord_errors import SEND_ERRORS, readable_answers
from bot.gateway.owners_messages import owners_messages
from bot.jobs.notifier import Posted
from bot.storage.models import Job, State
from bot.ui import wording
from bot.ui.result_message import (
    OutputFile,
    ResultMessage,
    ended_message,
    posted_result,
    result_message,
)

logger = logging.getLogger(__name__)

_LOOKING_AT_ONCE = 4  # for results in channels, hundreds of messages each
_ALERT_AGAIN = 3600.0  # seconds before the same words are said again


class DiscordNotifier:
    """``bot.jobs.notifier.Notifier``, by a client that is logged in when ``logged_in`` is set."""

    def __init__(
        self,
        client: discord.Client,
        progress: ProgressMessages,
        groups: GroupMessages,
        *,
        scratch: Path,
        logged_in: asyncio.Event,
        models: ModelCatalogue,
    ) -> None:
        self._client = client
        self._progress = progress
        self._groups = groups
        self._scratch = scratch
        self._logged_in = logged_in
        self._models = models
        self._alerted: dict[str, float] = {}
        self._looking = asyncio.Semaphore(_LOOKING_AT_ONCE)

    def track(self, job: Job) -> None:
        """Keep a job's progress message up to date; see ``Notifier``."""
        self._progress.track(job)

    async def deliver(self, job: Job, file: Path, *, is_spoiler: bool, again: bool) -> Posted:
        """Post a job's result; see ``Notifier``."""
        await self._logged_in.wait()
        await self._stop_progress(job)
        size = job.size_bytes or (await asyncio.to_thread(file.stat)).st_size
        original = OutputFile(file, size)
        with in_language(job.origin.locale), ExitStack() as directories:
            files = FittedFiles([original], self._scratch, directories)

            async def smaller(limit: int) -> ResultMessage:
                fitted = await files.within(limit)
                return result_message(job, self._models, fitted, is_spoiler=is_spoiler)

            message = result_message(job, self._models, original, is_spoiler=is_spoiler)
            sent = await self._send(job, message, again=again, smaller=smaller)
            is_over = self._finalize(job, is_apart=sent.is_apart)
            if job.origin.ping and not job.origin.private and is_over:
                await self._ping(job, sent.posted)
        return sent.posted

    async def _send(
        self, job: Job, message: ResultMessage, *, again: bool, smaller: Smaller | None = None
    ) -> Sent:
        groups = self._groups
        try:
            return await Sender(
                self._client, job, message, again=again, groups=groups, smaller=smaller
            ).send()
        except UndeliverableError:
            if job.origin.group_id is not None:  # the others don't wait for it
                self._finalize(job, is_apart=False)
            raise

    async def _stop_progress(self, job: Job) -> None:
        """Stop editing a job's own progress message; that of several goes on."""
        if job.origin.group_id is None:
            await self._progress.stop(job.id)

    def _finalize(self, job: Job, *, is_apart: bool) -> bool:
        """Bring a job's progress message to its end; return whether nothing is to come there.

        ``is_apart``: the last word stands in another message.
        """
        group_id = job.origin.group_id
        if group_id is None:
            if is_apart:
                self._progress.finalize(job)
            return True
        is_over = self._groups.settle(job, is_elsewhere=is_apart)
        if is_over:
            self._progress.drop_group(group_id)
        return is_over

    async def _ping(self, job: Job, posted: Posted) -> None:
        """Reply to the result, mentioning its owner alone; what fails here is no failed GIF."""
        channel = self._client.get_partial_messageable(posted.channel_id)
        owner = discord.Object(job.user_id)
        words = translate("<@{user}> Your GIF is done.", user=job.user_id)
        try:
            with readable_answers():
                await channel.send(
                    words,
                    reference=discord.MessageReference(
                        message_id=posted.message_id,
                        channel_id=posted.channel_id,
                        fail_if_not_exists=False,
                    ),
                    allowed_mentions=discord.AllowedMentions(
                        everyone=False, users=[owner], roles=False, replied_user=False
                    ),
                    nonce=f"ping{job.id[:20]}",
                )
        except SEND_ERRORS as error:
            logger.info("its owner couldn't be pinged: %s", error)

    async def find_result(self, job: Job) -> Posted | None:
        """Return where a job's result was posted; see ``Notifier``."""
        await self._logged_in.wait()
        message, groups = posted_result(job), self._groups
        async with self._looking:
            sent = await Sender(self._client, job, message, again=True, groups=groups).find()
        return sent.posted if sent is not None else None

    async def notify_owner(self, job: Job, *, again: bool) -> None:
        """Tell a job's owner how it ended; see ``Notifier``."""
        await self._logged_in.wait()
        await self._stop_progress(job)
        if job.state is State.CANCELLED and not is_answerable(job):
            await self._show_cancelled(job)  # whoever cancelled it was told then and there
            return
        with in_language(job.origin.locale):
            sent = await self._send(job, ended_message(job), again=again)
            self._finalize(job, is_apart=sent.is_apart)

    async def _show_cancelled(self, job: Job) -> None:
        if job.origin.group_id is not None:
            try:
                await self._groups.refresh(job)
            except (GroupClosedError, *SEND_ERRORS) as error:
                logger.info("the message stays as it was: %s", error)
        self._finalize(job, is_apart=job.origin.group_id is None)

    async def take_down(self, job: Job) -> bool:
        """Take a result out of its message, or the message away; see ``Notifier``."""
        if job.message_id is None:
            return False
        channel_id = job.message_channel_id or job.origin.channel_id
        place = self._client.get_partial_messageable(channel_id)
        try:
            if job.origin.group_id is not None and await self._groups.take_out(job):
                return True
            with readable_answers():
                await place.get_partial_message(job.message_id).delete()
        except (GroupClosedError, *SEND_ERRORS) as error:
            logger.info("a result can't be taken away: %s", error)
            return False
        return True

    async def alert(self, words: str) -> None:
        """Write to the application's owner and the config's; see ``Notifier``."""
        await self._logged_in.wait()
        now = time.monotonic()
        if now - self._alerted.get(words, -_ALERT_AGAIN) < _ALERT_AGAIN:
            return
        self._alerted[words] = now
        async for direct in owners_messages(self._client):
            try:
                with readable_answers():
                    await direct.send(wording.alert(words))
            except SEND_ERRORS as error:
                logger.warning("an owner couldn't be told: %s", error)
