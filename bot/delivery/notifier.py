"""Brings words and files to a job's owner through Discord, once, whatever Discord answers.

Tried in turn: the command's answer, a message in its channel, a direct message
(``bot.delivery.routes``). Trouble that may pass is waited out; a file too large is made smaller
(``bot.delivery.fitting``).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import discord

from bot.core.errors import TooLargeError, UndeliverableError, UnreachableError
from bot.core.translations import in_language, translate
from bot.delivery.fitting import fit
from bot.delivery.message import OutputFile, ResultMessage
from bot.delivery.progress_messages import ProgressMessages
from bot.delivery.routes import (
    ChannelRoute,
    InteractionResponseRoute,
    channel_route,
    direct_message_route,
    is_answerable,
)
from bot.gateway.discord_errors import (
    SEND_ERRORS,
    TRANSPORT_ERRORS,
    UnreadableAnswerError,
    readable_answers,
)
from bot.jobs.notifier import Posted
from bot.storage.models import Job, State
from bot.ui import text
from generator.contract.limits import ModelLimits

logger = logging.getLogger(__name__)

_TOO_LARGE = 40005
_FIRST_PAUSES = (1, 2, 4, 8, 15, 30)
_PAUSE = 60  # seconds between tries after those
_TRIES = 24 * 60  # about a day
_SHRINK = 0.75  # of a size that was refused
_SMALLEST = 32 * 1024  # bytes; who refuses even that may have another reason
_REFUSALS = 8  # as too large, before a file is given up
_STUBBORN_SECONDS = 1.0  # before a file that gets no smaller is tried once more
_ALERT_AGAIN = 3600.0  # seconds before the same words are said again
_MISREAD = 3  # answers that make no sense, before one is taken for a bug


class DiscordNotifier:
    """``bot.jobs.notifier.Notifier``, by a client that is logged in when ``logged_in`` is set."""

    def __init__(
        self,
        client: discord.Client,
        progress: ProgressMessages,
        scratch: Path,
        logged_in: asyncio.Event,
        limits: ModelLimits,
    ) -> None:
        self._client = client
        self._progress = progress
        self._scratch = scratch
        self._logged_in = logged_in
        self._limits = limits
        self._alerted: dict[str, float] = {}

    def track(self, job: Job) -> None:
        """Keeps its progress message up to date; see ``Notifier``."""
        self._progress.track(job)

    async def deliver(self, job: Job, file: Path, *, again: bool) -> Posted:
        """Posts the result; see ``Notifier``."""
        await self._logged_in.wait()
        await self._progress.stop(job.id)
        size = (await asyncio.to_thread(file.stat)).st_size
        with in_language(job.origin.locale):
            posted = await self._bring(
                ResultMessage(job, self._limits, OutputFile(file, size)), again=again
            )
            if job.origin.ping and not job.origin.private:
                await self._ping(job, posted)
        return posted

    async def _ping(self, job: Job, posted: Posted) -> None:
        """Replies to the result, mentioning its owner alone; what fails here is no failed GIF."""
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

    async def notify_owner(self, job: Job, *, again: bool) -> None:
        """Says how it ended; see ``Notifier``."""
        await self._logged_in.wait()
        await self._progress.stop(job.id)
        if job.state is State.CANCELLED and not is_answerable(job):
            self._progress.finalize(job)  # whoever cancelled it was told then and there
            return
        with in_language(job.origin.locale):
            await self._bring(ResultMessage(job, self._limits), again=again)

    async def alert(self, words: str) -> None:
        """Writes to the application's owner; see ``Notifier``."""
        await self._logged_in.wait()
        application = self._client.application
        now = time.monotonic()
        if application is None or now - self._alerted.get(words, -_ALERT_AGAIN) < _ALERT_AGAIN:
            return
        self._alerted[words] = now
        team = application.team
        owner = team.owner_id if team is not None else application.owner.id
        try:
            with readable_answers():
                direct = await self._client.create_dm(discord.Object(owner or application.owner.id))
                await direct.send(text.alert(words))
        except SEND_ERRORS as error:
            logger.warning("the bot's owner couldn't be told: %s", error)

    async def _bring(self, message: ResultMessage, *, again: bool) -> Posted:
        """By the first way that works. Raises UndeliverableError."""
        with ExitStack() as rooms:

            def new_directory() -> Path:
                # only where a file has to be fitted: a full disk is no reason not to deliver
                made = tempfile.TemporaryDirectory(dir=self._scratch, prefix="fit-")
                return Path(rooms.enter_context(made))

            fitter = _Fitter(message, new_directory, may_be_direct=again)
            misread = 0
            # discord.py has tried a few times itself before anything is raised here
            for pause in _pauses():
                try:
                    return await self._once(message, fitter, again=again)
                except discord.HTTPException as error:
                    if not _is_transient(error):
                        raise _undeliverable(error) from error
                    logger.warning("not delivered yet: %s", error)
                except UnreadableAnswerError as error:
                    misread += 1
                    if misread > _MISREAD:
                        raise
                    logger.warning("not delivered yet: %s", error)
                except (*TRANSPORT_ERRORS, OSError) as error:  # a disk has room again some day
                    logger.warning("not delivered yet: %s: %s", type(error).__name__, error)
                again = True  # it may have got through all the same
                await asyncio.sleep(pause)
        raise UnreachableError("Discord couldn't be reached for a day, so the bot gave up.")

    async def _once(self, message: ResultMessage, fitter: _Fitter, *, again: bool) -> Posted:
        channel = channel_route(self._client, message.job)
        if again and (found := await self._found(message, fitter, channel)):
            return found
        if fitter.may_answer and is_answerable(message.job):
            try:
                return await fitter.send(InteractionResponseRoute(self._client, message.job))
            except discord.HTTPException as error:
                if _is_transient(error):
                    raise
                logger.info("the answer can't be edited (%s), so a message is sent", error)
                fitter.may_answer = False
        if fitter.may_post:
            try:
                return self._retired(message.job, await fitter.send(channel))
            except (discord.Forbidden, discord.NotFound) as error:
                logger.info("no message there (%s), so a direct one is sent", error)
                fitter.may_post = False
        fitter.may_be_direct = True
        return await fitter.send(await direct_message_route(self._client, message.job))

    async def _found(
        self, message: ResultMessage, fitter: _Fitter, channel: ChannelRoute
    ) -> Posted | None:
        """What an earlier try has sent, by whatever way: an answer that can be edited again, or a
        channel that is open again, would double it.
        """
        if found := await self._found_in_answer(message, fitter) or await channel.find(message):
            return self._retired(message.job, found)
        if not fitter.may_be_direct:
            return None
        try:
            direct = await direct_message_route(self._client, message.job)
        except discord.HTTPException as error:
            if _is_transient(error):
                raise
            return None
        found = await direct.find(message)
        fitter.may_be_direct = False
        return found

    async def _found_in_answer(self, message: ResultMessage, fitter: _Fitter) -> Posted | None:
        """Before Discord says of an answer that it can't be edited any more: then a message is
        sent, and that would be a second one.
        """
        if not (fitter.may_answer and is_answerable(message.job)):
            return None
        try:
            return await InteractionResponseRoute(self._client, message.job).find(message)
        except discord.HTTPException as error:
            if _is_transient(error):
                raise
            return None

    def _retired(self, job: Job, posted: Posted) -> Posted:
        """The progress message points to where the last word stands now."""
        if posted.message_id != job.answer_id:
            self._progress.finalize(job)
        return posted


class _Fitter:
    """Sends a parcel, its file made as small as a way's limit or a refusal asks for.

    ``may_answer`` and ``may_post`` turn False for good: nobody goes back to an earlier way.
    ``may_be_direct``: a direct message may have got through, before the bot was killed, say.
    """

    def __init__(
        self, message: ResultMessage, new_directory: Callable[[], Path], *, may_be_direct: bool
    ) -> None:
        self.parcel = message
        self._new_directory = new_directory
        self.may_be_direct = may_be_direct
        self.may_answer = True
        self.may_post = not message.job.origin.private  # nobody else may see it
        self._made = [message.file] if message.file else []  # the largest first

    async def send(self, way: InteractionResponseRoute | ChannelRoute) -> Posted:
        """Raises TooLargeError where it can't be made small enough."""
        allowed, size = way.upload_limit, 0
        for _ in range(_REFUSALS):
            file = await self._file(allowed)
            try:
                return await way.send(self.parcel if file is None else self.parcel.with_file(file))
            except discord.HTTPException as error:
                if file is None or not _is_too_large(error):
                    raise
                logger.info("Discord refused %d bytes as too many", file.size_bytes)
                size = file.size_bytes
                allowed = int(size * _SHRINK)
        raise TooLargeError(
            "Discord refuses even {size} here; try another channel.",
            size=text.file_size(size),
        )

    async def _file(self, allowed: int) -> OutputFile | None:
        """The best that was made so far and is small enough, or a new one."""
        if not self._made:
            return None
        for file in self._made:
            if file.size_bytes <= allowed:
                return file
        try:
            self._made.append(await fit(self._made[0].path, allowed, self._new_directory()))
        except TooLargeError:
            if allowed >= _SMALLEST:
                raise
            await asyncio.sleep(_STUBBORN_SECONDS)
        return self._made[-1]


def _pauses() -> Iterator[float]:
    return itertools.chain(_FIRST_PAUSES, itertools.repeat(_PAUSE, _TRIES))


def _is_transient(error: discord.HTTPException) -> bool:
    """A refused bot token may be mended, too; the gateway says so as well, and ends the bot."""
    is_own_token = error.status == 401 and error.code == 0
    return error.status == 429 or error.status >= 500 or is_own_token


def _is_too_large(error: discord.HTTPException) -> bool:
    return error.status == 413 or error.code == _TOO_LARGE


def _undeliverable(error: discord.HTTPException) -> UndeliverableError:
    if isinstance(error, discord.Forbidden | discord.NotFound):
        return UndeliverableError(
            "The bot can no longer post in that channel, and can't send you a direct message "
            "either; allow one of the two again, then try again."
        )
    return UndeliverableError(
        "Discord refused the result: {reason}.", reason=error.text or error.status
    )
