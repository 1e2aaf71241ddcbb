"""Takes in GIFs, videos and pictures: fetched, read by a child, refused or stored by hash.

Everything is bounded: bytes, time, how many one person may have in hand, and how many are decoded
at once. The file's kind is told by its bytes, never by its name or by what Discord says it is.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.config import AttachmentSettings
from bot.core.errors import RefusedError
from bot.intake.download import AllowedHosts, download, link_hosts, parse_link, too_large
from bot.intake.file_names import shown_name
from bot.intake.quotas import DailyQuota
from bot.intake.user_slots import UserSlots
from bot.storage.blobs import BlobStore
from bot.storage.disk_guard import DiskGuard
from bot.storage.models import Attachment
from generator.contract.errors import MediaError
from generator.contract.text import plural
from generator.media.containers import read_head, sniff
from generator.sources.refusals import is_web_page, unsupported_reason

if TYPE_CHECKING:
    from generator.sources.facts import Facts

MEGABYTE = 2**20
_SUFFIXES = {
    "jpeg": ".jpg",
    "gif": ".gif",
    "png": ".png",
    "webp": ".webp",
    "avif": ".avif",
    "heic": ".heic",
    "bmp": ".bmp",
    "mp4": ".mp4",
    "webm": ".webm",
}
_STILL_KINDS = {"jpeg": "JPEG", "heic": "HEIC", "bmp": "BMP"}
_MAX_TEXT_BYTES = 4 * MEGABYTE
_MAX_PER_USER = 2  # of one person
_MAX_DECODERS = 2  # children that decode


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """What Discord says of a file; only the address is needed, and nothing is believed.

    ``is_link`` tells an address that somebody typed or a message shows from an upload's own.
    """

    url: str
    filename: str
    size_bytes: int
    is_link: bool = False


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that was taken in before, and what a picture's shape is: 0 where nobody asked."""

    attachment: Attachment
    width: int = 0
    height: int = 0


class ConcurrencyLimit:
    """A limit on how many things one person may have in hand at a time."""

    def __init__(self, each: int = _MAX_PER_USER) -> None:
        self._each = each
        self._taken: Counter[int] = Counter()

    @asynccontextmanager
    async def slot(self, user_id: int) -> AsyncIterator[None]:
        """Hold one of this person's slots. Raises RefusedError where all are taken."""
        if self._taken[user_id] >= self._each:
            raise RefusedError(
                plural(
                    "One of your files is still being read; wait until that is done.",
                    "{count} of your files are still being read; wait until they are done.",
                    self._each,
                )
            )
        self._taken[user_id] += 1
        try:
            yield
        finally:
            self._taken[user_id] -= 1
            if not self._taken[user_id]:
                del self._taken[user_id]


class SourceIntake:
    """Takes in sources of motion, and pictures.

    ``scratch`` is on the blobs' file system.
    """

    def __init__(
        self,
        settings: AttachmentSettings,
        attachments: AllowedHosts,
        *,
        blobs: BlobStore,
        scratch: Path,
        disk_guard: DiskGuard,
        daily: DailyQuota,
    ) -> None:
        self._attachments = attachments
        self.configure(settings, daily)
        self._blobs = blobs
        self._scratch = scratch
        self._disk_guard = disk_guard
        self._in_progress = ConcurrencyLimit()
        self._decoding = UserSlots(at_once=_MAX_DECODERS, each=1, waiting=_MAX_PER_USER)

    def configure(self, settings: AttachmentSettings, daily: DailyQuota) -> None:
        """Go by these settings from now on; what is being fetched goes by those before."""
        self._settings = settings
        self._links = link_hosts(settings.hosts)
        self._daily = daily

    def may_be_linked(self, url: str) -> bool:
        """Return whether an address may be named; where it leads is seen when it is fetched."""
        try:
            self._links_for(url).check_link(parse_link(url))
        except RefusedError:
            return False
        return True

    async def take(self, user_id: int, incoming: IncomingFile) -> Attachment:
        """Fetch, check and store a source that moves; it is on disk when this returns.

        Raises RefusedError or MediaError, one sentence, and nothing is kept.
        """
        file, _ = await self._take(user_id, incoming, must_move=True)
        return file

    async def take_picture(self, user_id: int, incoming: IncomingFile) -> tuple[Attachment, Facts]:
        """Fetch, check and store a picture, which need not move; return it with its facts."""
        return await self._take(user_id, incoming, must_move=False)

    async def take_text(self, user_id: int, incoming: IncomingFile) -> bytes:
        """Return the bytes of a text file, of which nothing is kept. Raises RefusedError."""
        if incoming.size_bytes > _MAX_TEXT_BYTES:
            raise too_large(_MAX_TEXT_BYTES)
        await self._daily.check(user_id, incoming.size_bytes)
        path = self._scratch / f"intake-{secrets.token_hex(8)}"
        async with self._in_progress.slot(user_id), self._disk_guard.claimed(_MAX_TEXT_BYTES):
            try:
                size = await download(
                    incoming.url,
                    path,
                    self._attachments,
                    max_bytes=_MAX_TEXT_BYTES,
                    seconds=self._settings.seconds,
                )
                await self._daily.record(user_id, size)
                return await asyncio.to_thread(path.read_bytes)
            finally:
                await asyncio.to_thread(path.unlink, missing_ok=True)

    def _links_for(self, url: str) -> AllowedHosts:
        """Return the hosts for a link: uploads may be named by their address too."""
        try:
            self._attachments.check_link(parse_link(url))
        except RefusedError:
            return self._links
        return self._attachments

    async def _take(
        self, user_id: int, incoming: IncomingFile, *, must_move: bool
    ) -> tuple[Attachment, Facts]:
        max_bytes = self._settings.max_mb * MEGABYTE
        if incoming.size_bytes > max_bytes:
            raise too_large(max_bytes)
        await self._daily.check(user_id, incoming.size_bytes)
        async with (
            self._in_progress.slot(user_id),
            self._disk_guard.claimed(incoming.size_bytes or max_bytes),
        ):
            download_path = self._scratch / f"intake-{secrets.token_hex(8)}"
            try:
                size = await download(
                    incoming.url,
                    download_path,
                    self._links_for(incoming.url) if incoming.is_link else self._attachments,
                    max_bytes=max_bytes,
                    seconds=self._settings.seconds,
                )
                await self._daily.record(user_id, size)
                async with self._decoding.slot(user_id):
                    file, facts = await asyncio.to_thread(
                        inspect_file, download_path, incoming, must_move=must_move
                    )
                blob = await asyncio.to_thread(self._blobs.adopt, file)
            finally:
                await asyncio.to_thread(_delete_parts, download_path)
        return Attachment(blob, shown_name(incoming.filename), size), facts


def inspect_file(
    download_path: Path, incoming: IncomingFile, *, must_move: bool
) -> tuple[Path, Facts]:
    """Return a fetched file under its own suffix, and its facts, read by a limited process.

    Raises RefusedError or MediaError. Blocking.
    """
    file = _named_by_content(download_path, incoming, must_move=must_move)
    return file, _facts(file, must_move=must_move)


def _named_by_content(download_path: Path, incoming: IncomingFile, *, must_move: bool) -> Path:
    """Rename a file to the suffix of what it is. Raises RefusedError for what can't be used."""
    head = read_head(download_path)
    kind = sniff(head)
    if incoming.is_link and is_web_page(head):
        raise RefusedError(
            "That link leads to a web page, not to a file. Post it here and choose Use as motion "
            "or Animate this in the message's menu, or save the file and upload it."
        )
    if kind is None:
        raise RefusedError(unsupported_reason(head))
    if must_move and kind in _STILL_KINDS:
        raise RefusedError(
            "A {kind} picture doesn't move; attach a GIF or a video.", kind=_STILL_KINDS[kind]
        )
    return download_path.rename(download_path.with_suffix(_SUFFIXES[kind]))


def _facts(file: Path, *, must_move: bool) -> Facts:
    from generator.sources import reader  # numpy, which the bot's start needn't wait for

    facts = reader.probe(file)
    if must_move and len(facts.delays_ms) < 2:
        raise MediaError("That picture doesn't move; attach a GIF or video with several frames.")
    return facts


def _delete_parts(download_path: Path) -> None:
    for left in download_path.parent.glob(f"{download_path.name}*"):
        left.unlink(missing_ok=True)
