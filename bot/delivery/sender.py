"""The routes to a job's owner, tried until one has brought the message there, and never two.

In this order: the command's response, a message in its channel, a direct message. Variations of one
command are put into the message that they share, whatever reaches it. The response is
edited while its token lives, which can be repeated safely. A message can't, so it carries a nonce,
and one that may have got through before is looked for first. Each route has a limit of its own for
what may be uploaded; a file that is too large is made smaller (``bot.delivery.fitting``). Trouble
that may pass is waited out.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import discord

from bot.core.errors import TooLargeError, UndeliverableError, UnreachableError
from bot.delivery.group_messages import GroupClosedError, GroupMessages
from bot.delivery.response_token import is_answerable, response_message_of
from bot.gateway.discord_errors import (
    TRANSPORT_ERRORS,
    UnreadableAnswerError,
    readable_answers,
)
from bot.jobs.notifier import Posted
from bot.storage.models import Job
from bot.ui import wording
from bot.ui.result_message import ResultMessage

T = TypeVar("T")

logger = logging.getLogger(__name__)

_NONCE_LIMIT = 25
_LOOK_BACK = 500  # messages, from the newest or the oldest
_TOO_LARGE = 40005
_FIRST_PAUSES = (1, 2, 4, 8, 15, 30)
_PAUSE = 60  # seconds between tries after those
_TRIES = 24 * 60  # about a day
_SHRINK = 0.75  # of a size that was refused
_REFUSALS = 8  # as too large, before a file is given up
_MISREAD = 3  # answers that make no sense, before one is taken for a bug

Smaller = Callable[[int], Awaitable[ResultMessage]]
"""The message with a file of at most so many bytes. Raises TooLargeError."""


@dataclass(frozen=True, slots=True)
class Sent:
    """Where a message stands now; ``is_apart`` from the job's progress message, in its channel."""

    posted: Posted
    is_apart: bool = False


class Sender:
    """Brings one message to a job's owner; what it learns of the routes holds for all its tries.

    ``again``: an earlier run may have brought it. ``smaller`` is for a message with a file.
    """

    def __init__(
        self,
        client: discord.Client,
        job: Job,
        message: ResultMessage,
        *,
        again: bool,
        groups: GroupMessages,
        smaller: Smaller | None = None,
    ) -> None:
        self._client = client
        self._job = job
        self._message = message
        self._smaller = smaller
        self._group = GroupRoute(groups, job)
        self._may_be_there = again
        self._may_be_direct = again  # a direct message may have got through before a kill, say
        self._response = InteractionResponseRoute(client, job)
        # these turn False for good: nobody goes back to an earlier route
        self._group_is_open = job.origin.group_id is not None
        self._response_is_open = not self._group_is_open
        self._channel_is_open = not job.origin.private  # nobody else may see it

    async def send(self) -> Sent:
        """Send it by the first route that works. Raises UndeliverableError.

        Raises UnreadableAnswerError where answers make no sense time after time.
        """
        return await self._until_answered(self._try_once)

    async def find(self) -> Sent | None:
        """Return where it stands already, also from long ago. Raises as ``send``."""
        return await self._until_answered(self._find_anywhere)

    async def _until_answered(self, attempt: Callable[[], Awaitable[T]]) -> T:
        misread = 0
        # discord.py has tried a few times itself before anything is raised here
        for pause in itertools.chain(_FIRST_PAUSES, itertools.repeat(_PAUSE, _TRIES)):
            try:
                return await attempt()
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
            self._may_be_there = True  # it may have got through all the same
            await asyncio.sleep(pause)
        raise UnreachableError("Discord couldn't be reached for a day, so the bot gave up.")

    async def _try_once(self) -> Sent:
        channel = channel_route(self._client, self._job)
        if self._may_be_there and (found := await self._find(channel)):
            return found
        if self._group_is_open:
            try:
                return Sent(await self._send_by(self._group))
            except GroupClosedError:
                logger.info(
                    "the message of all variations can't be edited, so a separate one is sent"
                )
                self._group_is_open = False
        if self._response_is_open and is_answerable(self._job):
            try:
                return Sent(await self._send_by(self._response))
            except discord.HTTPException as error:
                if _is_transient(error):
                    raise
                logger.info("the answer can't be edited (%s), so a message is sent", error)
                self._response_is_open = False
        if self._channel_is_open:
            try:
                return self._apart(await self._send_by(channel))
            except (discord.Forbidden, discord.NotFound) as error:
                logger.info("no message there (%s), so a direct one is sent", error)
                self._channel_is_open = False
        self._may_be_direct = True
        return Sent(await self._send_by(await direct_message_route(self._client, self._job)))

    async def _send_by(self, route: GroupRoute | InteractionResponseRoute | ChannelRoute) -> Posted:
        """Send it with a file as small as the route's limit, or a refusal, asks for.

        Raises TooLargeError where it can't be made small enough.
        """
        limit, refused = route.upload_limit, 0
        for _ in range(_REFUSALS):
            message, file = self._message, self._message.file
            if file is not None and file.size_bytes > limit and self._smaller is not None:
                message = await self._smaller(limit)
                file = message.file
            try:
                return await route.send(message)
            except discord.HTTPException as error:
                if file is None or not _is_too_large(error):
                    raise
                logger.info("Discord refused %d bytes as too many", file.size_bytes)
                refused = file.size_bytes
                limit = int(refused * _SHRINK)
        raise TooLargeError(
            "Discord refuses even {size} here; try another channel.",
            size=wording.file_size(refused),
        )

    async def _find(self, channel: ChannelRoute) -> Sent | None:
        """Return what an earlier try has sent, by whatever route: a response that can be edited
        again, or a channel that is open again, would double it.
        """
        if found := await self._find_in_response() or await channel.find(self._message):
            return self._apart(found)
        if not self._may_be_direct:
            return None
        try:
            direct = await direct_message_route(self._client, self._job)
        except discord.HTTPException as error:
            if _is_transient(error):
                raise
            return None
        found = await direct.find(self._message)
        self._may_be_direct = False
        return Sent(found) if found else None

    async def _find_anywhere(self) -> Sent | None:
        """Look at what followed the command first, since much may have been said since then."""
        channel = channel_route(self._client, self._job)
        if found := await channel.find(self._message, oldest_first=True):
            return self._apart(found)
        return await self._find(channel)

    async def _find_in_response(self) -> Posted | None:
        """Look into the response before Discord says that it can't be edited any more: then a
        message is sent, and that would be a second one.
        """
        is_open = self._response_is_open or self._group_is_open
        if not (is_open and is_answerable(self._job)):
            return None
        try:
            return await self._response.find(self._message)
        except discord.HTTPException as error:
            if _is_transient(error):
                raise
            return None

    def _apart(self, posted: Posted) -> Sent:
        return Sent(posted, is_apart=posted.message_id != self._job.answer_id)


# -- the routes ------------------------------------------------------------------------------------


class GroupRoute:
    """The message that a command's variations share."""

    def __init__(self, groups: GroupMessages, job: Job) -> None:
        self._groups = groups
        self._job = job

    @property
    def upload_limit(self) -> int:
        return self._groups.upload_limit(self._job)

    async def send(self, result: ResultMessage) -> Posted:
        """Put it in. Raises GroupClosedError where that message can't be written any more."""
        return await self._groups.put_in(self._job, result)


class InteractionResponseRoute:
    """The command's response, edited."""

    def __init__(self, client: discord.Client, job: Job) -> None:
        self._client = client
        self._job = job
        self.upload_limit = job.origin.upload_limit

    async def find(self, result: ResultMessage) -> Posted | None:
        """Return the response where an earlier try had got through; its token opens it even where
        the bot is no member.
        """
        with readable_answers():
            message = await self._webhook().fetch_message(response_message_of(self._job))
        if not result.is_in(message):
            return None
        logger.info("found: an earlier edit had got through")
        return Posted(message.id, message.channel.id)

    async def send(self, result: ResultMessage) -> Posted:
        content: dict[str, Any] = {
            "content": result.content or None,
            "embed": result.embed,
            "attachments": await asyncio.to_thread(result.opened_files),
            "view": result.view or result.buttons,
        }
        with readable_answers():
            message = await self._webhook().edit_message(response_message_of(self._job), **content)
        return Posted(message.id, message.channel.id)

    def _webhook(self) -> discord.Webhook:
        origin = self._job.origin
        return discord.Webhook.partial(origin.application_id, origin.token, client=self._client)


class ChannelRoute:
    """A message in a channel, replying to the progress message where that stands there."""

    def __init__(
        self,
        client: discord.Client,
        channel: discord.abc.Messageable,
        job: Job,
        *,
        upload_limit: int,
        replies: bool,
    ) -> None:
        self._client = client
        self._channel = channel
        self._job = job
        self._replies = replies
        self.upload_limit = upload_limit

    async def find(self, result: ResultMessage, *, oldest_first: bool = False) -> Posted | None:
        """Return the message of an earlier try.

        Where the bot may not look, the nonce is all there is.
        """
        me = self._client.user
        if me is None:
            return None
        since = self._job.origin.asked_at
        history = self._channel.history(limit=_LOOK_BACK, after=since, oldest_first=oldest_first)
        try:
            with readable_answers():
                async for message in history:
                    if message.author.id == me.id and result.is_in(message):
                        logger.info("found: an earlier try had got through")
                        return Posted(message.id, message.channel.id)
        except (discord.Forbidden, discord.NotFound):
            return None
        return None

    async def send(self, result: ResultMessage) -> Posted:
        content: dict[str, Any] = {
            "files": await asyncio.to_thread(result.opened_files),
            "nonce": result.nonce[:_NONCE_LIMIT],
        }
        if self._replies and self._job.answer_id is not None:
            content["reference"] = discord.MessageReference(
                message_id=self._job.answer_id,
                channel_id=self._job.origin.channel_id,
                fail_if_not_exists=False,
            )
        if result.view is not None:  # nothing else stands beside components like these
            content["view"] = result.view
        else:
            content |= {"content": result.content, "embed": result.embed}
            content |= {"view": result.buttons} if result.buttons is not None else {}
        with readable_answers():
            message = await self._channel.send(**content)
        return Posted(message.id, message.channel.id)


def channel_route(client: discord.Client, job: Job) -> ChannelRoute:
    """Return the route to where the command was typed; the server says what fits there."""
    origin = job.origin
    guild = client.get_guild(origin.guild_id) if origin.guild_id is not None else None
    limit = guild.filesize_limit if guild else discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
    place = client.get_partial_messageable(origin.channel_id)
    return ChannelRoute(client, place, job, upload_limit=limit, replies=True)


async def direct_message_route(client: discord.Client, job: Job) -> ChannelRoute:
    """Return the route to a job's owner alone."""
    with readable_answers():
        place = await client.create_dm(discord.Object(job.origin.user_id))
    limit = discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
    return ChannelRoute(client, place, job, upload_limit=limit, replies=False)


# -- what Discord's refusals mean ------------------------------------------------------------------


def _is_transient(error: discord.HTTPException) -> bool:
    """Return whether a refusal may pass; that of the bot's token, too, which the gateway tells."""
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
