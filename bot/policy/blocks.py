"""Who is blocked, on a server or everywhere, for a time or for good; all of it in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from bot.core.errors import RefusedError
from bot.core.markdown import Markdown
from bot.storage import moderation as rows
from bot.storage.database import Database
from bot.storage.moderation import EVERYWHERE, PERSON, SERVER, AuditEntry, Block
from generator.contract.text import Text


class BlockList:
    """``bot.jobs.gate.Blocks``; the bot is the only one to write them."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._clock = clock
        self._blocks: dict[tuple[str, int, int], Block] = {}
        self._changes = 0

    async def load(self) -> None:
        """Read what an earlier run left, or an erasure. Raises StorageError."""
        before = -1
        while before != self._changes:  # else it may be older than what was decided meanwhile
            before = self._changes
            found = await self._database.read(rows.all_blocks)
        self._blocks = {block.key: block for block in found}

    def reason(self, user_id: int, guild_id: int | None) -> Text | None:
        """Return what is said to somebody who is blocked there; None where nobody is."""
        keys = [(PERSON, user_id, EVERYWHERE)]
        if guild_id is not None:
            keys += [(SERVER, guild_id, EVERYWHERE), (PERSON, user_id, guild_id)]
        for key in keys:
            block = self._blocks.get(key)
            if block is not None and block.holds(self._clock()):
                return _words(block)
        return None

    def check(self, user_id: int, guild_id: int | None) -> None:
        """Raise RefusedError where somebody is blocked there."""
        if (reason := self.reason(user_id, guild_id)) is not None:
            raise RefusedError(reason)

    def listed(self, guild_id: int) -> list[Block]:
        """Return the blocks that hold on a server, or EVERYWHERE, the newest first."""
        now = self._clock()
        found = [
            block
            for block in self._blocks.values()
            if block.guild_id == guild_id and block.holds(now)
        ]
        return sorted(found, key=lambda block: block.created_at, reverse=True)

    async def block(self, block: Block, entry: AuditEntry) -> None:
        """Add a block. Raises StorageError."""
        await self._database.write(rows.put_block, block, entry)
        self._changes += 1
        self._blocks[block.key] = block

    async def unblock(self, key: tuple[str, int, int], entry: AuditEntry) -> None:
        """Take a block away. Raises RefusedError where there is none, and StorageError."""
        is_gone = await self._database.write(rows.drop_block, key, entry)
        self._changes += 1
        self._blocks.pop(key, None)
        if not is_gone:
            raise RefusedError("They aren't blocked.")


def _words(block: Block) -> Text:
    until = Markdown("" if block.until is None else f"<t:{int(block.until.timestamp())}:f>")
    if block.kind == SERVER:
        return Text(
            "Whoever runs the bot has blocked this server, so GIFs can't be made here any more."
        )
    if until and block.reason:
        return Text(
            "You can't make GIFs here until {until}: {reason}", until=until, reason=block.reason
        )
    if until:
        return Text("You can't make GIFs here until {until}.", until=until)
    if block.reason:
        return Text("You can't make GIFs here any more: {reason}", reason=block.reason)
    return Text("You can't make GIFs here any more.")
