"""Takes in LoRA files: fetched within bounds, checked by their header, stored by hash.

Nothing but the header is read before it is known to be a LoRA for this model; a pickle is never
opened at all. No worker sees a file that wasn't taken in here.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.core.config import LoraSettings
from bot.core.errors import RefusedError
from bot.intake.attachments import MEGABYTE, ConcurrencyLimit, IncomingFile
from bot.intake.download import AllowedHosts, download, link_hosts, too_large
from bot.intake.file_names import shown_name
from bot.intake.quotas import DailyQuota
from bot.storage.blobs import BlobStore
from bot.storage.disk_guard import DiskGuard
from generator.checkpoints.inspect.lora_base import SDXL, base_model, unfit
from generator.checkpoints.inspect.lora_facts import LoraFacts, facts_of
from generator.checkpoints.inspect.lora_file import LoraFile, read_lora
from generator.checkpoints.inspect.lora_layers import ModelLayers
from generator.checkpoints.inspect.not_safetensors import PICKLE_SUFFIXES
from generator.contract.errors import ModelError
from generator.contract.limits import ModelLimits
from generator.contract.text import Text

_SDXL_EDGE = 512


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """A stored file and what its header says."""

    blob: str
    size_bytes: int
    facts: LoraFacts
    file_name: str


class LoraIntake:
    """Takes in LoRA files for any of these models: its limits, and its layers if known."""

    def __init__(
        self,
        settings: LoraSettings,
        models: Sequence[tuple[ModelLimits, ModelLayers | None]],
        *,
        attachments: AllowedHosts,
        blobs: BlobStore,
        scratch: Path,
        disk_guard: DiskGuard,
        daily: DailyQuota,
    ) -> None:
        self._models = models
        self._attachments = attachments
        self.configure(settings, daily)
        self._blobs = blobs
        self._scratch = scratch
        self._disk_guard = disk_guard
        self._in_progress = ConcurrencyLimit(each=1)

    def configure(self, settings: LoraSettings, daily: DailyQuota) -> None:
        """Go by these settings from now on; what is being fetched goes by those before."""
        self._settings = settings
        self._links = link_hosts(settings.hosts)
        self._daily = daily

    async def take(self, user_id: int, incoming: IncomingFile, *, room_bytes: int) -> StoredUpload:
        """Store an attachment. Raises RefusedError, one sentence, and nothing is kept."""
        return await self._take(user_id, incoming, self._attachments, room_bytes)

    async def take_link(self, user_id: int, url: str, *, room_bytes: int) -> StoredUpload:
        """Store a file from a link to one of the config's hosts. Raises RefusedError."""
        name = shown_name(url.partition("?")[0])
        return await self._take(user_id, IncomingFile(url, name, 0), self._links, room_bytes)

    async def _take(
        self, user_id: int, incoming: IncomingFile, hosts: AllowedHosts, room_bytes: int
    ) -> StoredUpload:
        name = shown_name(incoming.filename)
        if name.lower().endswith(PICKLE_SUFFIXES):
            raise RefusedError(
                "{name} is a pickle, which could run code when read; use its .safetensors version.",
                name=name,
            )
        max_bytes = min(self._settings.max_mb * MEGABYTE, room_bytes)
        if incoming.size_bytes > max_bytes:
            raise too_large(max_bytes)
        await self._daily.check(user_id, incoming.size_bytes)
        async with (
            self._in_progress.slot(user_id),
            self._disk_guard.claimed(incoming.size_bytes or max_bytes),
        ):
            download_path = self._scratch / f"lora-{secrets.token_hex(8)}.safetensors"
            try:
                seconds = self._settings.seconds
                size = await download(
                    incoming.url, download_path, hosts, max_bytes=max_bytes, seconds=seconds
                )
                await self._daily.record(user_id, size)
                facts = await asyncio.to_thread(self._facts, download_path, name)
                blob = await asyncio.to_thread(self._blobs.adopt, download_path)
            finally:
                await asyncio.to_thread(download_path.unlink, missing_ok=True)
        return StoredUpload(blob, size, facts, name)

    def _facts(self, download_path: Path, name: str) -> LoraFacts:
        def named(value: str) -> str:
            """Return ``value`` with the file called as its owner calls it."""
            return (
                value.replace(str(download_path), name)
                .replace(download_path.name, name)
                .replace(download_path.stem, name)
            )

        try:
            lora = read_lora(download_path)
            _check_fits_any(self._models, lora, name)
            facts = facts_of(lora, name)
            # The file that was read has a name of our own.
            return replace(facts, title=named(facts.title).removesuffix(".safetensors"))
        except ModelError as error:
            raise RefusedError(error.words.mapped(named)) from error


def _check_fits_any(
    models: Sequence[tuple[ModelLimits, ModelLayers | None]], lora: LoraFile, name: str
) -> None:
    """Raise RefusedError, or ModelError, for a LoRA that fits none; it says why not the first."""
    misfits: list[Exception] = []
    for limits, layers in models:
        try:
            _check_fits(limits, layers, lora, name)
        except (RefusedError, ModelError) as error:
            misfits.append(error)
        else:
            return
    raise misfits[0]


def _check_fits(limits: ModelLimits, layers: ModelLayers | None, lora: LoraFile, name: str) -> None:
    """Raise RefusedError, or ModelError, for a LoRA that no worker could apply."""
    reason: Text | None = None
    if layers is not None:
        reason = layers.misfit(lora)
        if reason is None:
            return
    base = base_model(lora)
    if limits.native_edge < _SDXL_EDGE:
        if base is not None:
            raise RefusedError(
                "{name} was made for {base}, and this bot runs a small model of its own; "
                "use a LoRA that was trained for that model.",
                name=name,
                base=base,
            )
    elif base is None:
        raise RefusedError(
            "{name} doesn't say which model it was made for; use a LoRA for SDXL.", name=name
        )
    elif base != SDXL:
        raise RefusedError("{name} was made for {base}; use a LoRA for SDXL.", name=name, base=base)
    if reason is not None:
        raise unfit(lora, reason)
