"""Puts together what erases people's and servers' data, before the bot starts and while it runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.app.client import HotshotClient
from bot.core.config import Settings
from bot.core.errors import StorageError
from bot.delivery.message_removal import DiscordMessageRemover
from bot.jobs.service import JobService
from bot.jobs.transitions import TransitionStream
from bot.policy.blocks import BlockList
from bot.policy.words.judge import WordJudge
from bot.privacy.eraser import Eraser
from bot.privacy.leaving import LeavingPeople
from bot.privacy.steps import erase_before_start
from bot.storage.blobs import BlobStore
from bot.storage.database import Database
from bot.storage.erasure import Subject
from bot.storage.erasure_ledger import NAME, ErasureLedger
from bot.storage.preferences import PERSON, SERVER, Preferences

logger = logging.getLogger(__name__)


def ledger_of(settings: Settings) -> ErasureLedger:
    """Return the list of erasures that the config names."""
    path = settings.privacy.erased or settings.storage.data_dir / NAME
    return ErasureLedger(path, backup_days=settings.privacy.backup_days)


async def finish_earlier_erasures(database: Database, settings: Settings) -> None:
    """Erase what an earlier run had begun to; what fails goes on while the bot runs.

    Raises ConfigError and BackupError where erasures can't be noted.
    """
    storage, ledger = settings.storage, ledger_of(settings)
    await asyncio.to_thread(ledger.check)
    try:
        await erase_before_start(database, BlobStore(storage.blobs), storage.scratch, ledger)
    except (StorageError, OSError) as error:
        logger.warning("an erasure continues later: %s", error)
    except Exception:  # a bug here is no reason not to start
        logger.exception("an erasure failed and will be tried again")


def make_eraser(
    settings: Settings,
    client: HotshotClient,
    database: Database,
    blobs: BlobStore,
    *,
    jobs: JobService,
    transitions: TransitionStream,
    leaving: LeavingPeople,
    forget_cached: Callable[[Subject], Awaitable[None]],
) -> Eraser:
    """Return what erases while the bot runs, by the config."""
    return Eraser(
        database,
        blobs,
        settings.storage.scratch,
        jobs=jobs,
        transitions=transitions,
        leaving=leaving,
        remover=DiscordMessageRemover(client, client.logged_in),
        ledger=ledger_of(settings),
        server_days=settings.privacy.server_days,
        forget_cached=forget_cached,
    )


def forgetting(
    preferences: Preferences, words: WordJudge, blocks: BlockList
) -> Callable[[Subject], Awaitable[None]]:
    """Return what takes erased rows out of what the bot remembers of them."""

    async def forget(subject: Subject) -> None:
        if subject.is_server:
            preferences.forget(SERVER, subject.id)
            words.forget(subject.id)
        else:
            preferences.forget(PERSON, subject.id)
        await blocks.load()

    return forget
