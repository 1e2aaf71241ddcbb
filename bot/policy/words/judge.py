"""Judges what people write by the owner's lists and by those of the server they write on."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from pathlib import Path

from bot.core.errors import ConfigError, RefusedError
from bot.core.moderation_settings import ModerationSettings
from bot.jobs.gate import Allow, Spoiler, Verdict, Withhold
from bot.policy.words.lists import Entry, read_list
from bot.policy.words.word_rules import WordLists, WordRules
from bot.storage import word_lists as rows
from bot.storage.database import Database
from bot.storage.word_lists import LIST_KINDS
from generator.contract.text_files import EncodingError, read_text

_MAX_CACHED = 200  # servers whose lists are kept ready


def read_owners_lists(settings: ModerationSettings) -> WordRules:
    """Return the rules of the lists that the config names. Raises ConfigError."""
    return WordRules(
        WordLists(
            withhold=_read_all(settings.withhold),
            spoiler=_read_all(settings.spoiler),
            allow=_read_all(settings.allow),
        )
    )


def _read_all(files: tuple[Path, ...]) -> list[Entry]:
    return [entry for file in files for entry in _read(file)]


def _read(file: Path) -> tuple[Entry, ...]:
    try:
        return read_list(read_text(file))
    except EncodingError as error:
        raise ConfigError(f"The list of words {file} {error}.") from error
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(f"The list of words {file} can't be read: {reason}.") from error
    except RefusedError as error:
        raise ConfigError(f"{file}: {error}") from error


class WordJudge:
    """The rules of the bot's owner, and of each server; those of servers are in the database."""

    def __init__(self, database: Database, owners: WordRules) -> None:
        self._database = database
        self._owners = owners
        self._servers: OrderedDict[int, WordRules | None] = OrderedDict()
        self._changes = 0

    def set_owners(self, owners: WordRules) -> None:
        """Go by these rules of the bot's owner from now on."""
        self._owners = owners

    async def judge(self, text: str, guild_id: int | None) -> Verdict:
        """Return the stricter of what both say. Raises StorageError."""
        verdicts = [self._owners.judge(text)]
        if guild_id is not None and (rules := await self._rules(guild_id)) is not None:
            verdicts.append(rules.judge(text))
        for kind in (Withhold, Spoiler):
            for verdict in verdicts:
                if isinstance(verdict, kind):
                    return verdict
        return Allow()

    async def lists(self, guild_id: int) -> dict[str, str]:
        """Return a server's lists, as they were written, by their kinds."""
        return await self._database.read(rows.get, guild_id)

    async def change(self, guild_id: int, kind: str, text: str) -> int:
        """Set a server's list; an empty one is none. Return how many entries it has.

        Raises RefusedError, and what was there stays.
        """
        entries = await asyncio.to_thread(read_list, text)
        try:
            await self._database.write(rows.put, guild_id, kind, text if entries else "")
        finally:
            self._changes += 1
            self._servers.pop(guild_id, None)
        return len(entries)

    def forget(self, guild_id: int) -> None:
        """Forget a server's lists, whose rows are gone."""
        self._changes += 1
        self._servers.pop(guild_id, None)

    async def _rules(self, guild_id: int) -> WordRules | None:
        if guild_id in self._servers:
            self._servers.move_to_end(guild_id)
            return self._servers[guild_id]
        before = self._changes
        lists = await self._database.read(rows.get, guild_id)
        rules = await asyncio.to_thread(_rules_of, lists) if lists else None
        if self._changes == before:  # else they may be older than what was written meanwhile
            self._servers[guild_id] = rules
            if len(self._servers) > _MAX_CACHED:
                self._servers.popitem(last=False)
        return rules


def _rules_of(lists: dict[str, str]) -> WordRules:
    entries = {kind: read_list(lists.get(kind, "")) for kind in LIST_KINDS}
    return WordRules(WordLists(**entries))
