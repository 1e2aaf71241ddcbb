"""Limits what one person may bring within 24 hours: bytes of files and of LoRAs, and drafts.

What is fetched is counted whether or not it is used, so that bringing and taking back without end
costs the disk and the line no more than this.
"""

from __future__ import annotations

from bot.core.errors import RefusedError
from bot.policy.decisions import Answer, DecisionStream, Rule
from bot.storage import daily_usage, drafts
from bot.storage.database import Database
from bot.storage.drafts import Draft
from generator.contract.text import Text

FILES, LORAS, REPORTS, EXPORTS = "files", "loras", "reports", "exports"
_MOST_REPORTS = 20


class RecordedDailyQuota:
    """``bot.intake.quotas.DailyQuota``: a limit on what is counted as ``kind``; 0 is none.

    ``refusal`` is said to whoever is above it, and told to ``decisions``.
    """

    def __init__(
        self,
        database: Database,
        kind: str,
        most: int,
        refusal: Text,
        decisions: DecisionStream | None = None,
    ) -> None:
        self._decisions = decisions or DecisionStream()
        self._database = database
        self._kind = kind
        self._most = most
        self._refusal = refusal

    async def check(self, user_id: int, amount: int) -> None:
        """Raise RefusedError where ``amount`` more would be too much, before it is fetched."""
        if not self._most:
            return
        used = await self._database.read(daily_usage.within_a_day, user_id, self._kind)
        if used + max(amount, 1) > self._most:
            raise self._refused()

    async def record(self, user_id: int, amount: int) -> None:
        """Count ``amount``. Raises RefusedError, and counts nothing, where it is too much."""
        if self._most and not await self._database.write(
            daily_usage.note_within, user_id, self._kind, amount, self._most
        ):
            raise self._refused()

    def _refused(self) -> RefusedError:
        self._decisions.publish(Answer.REFUSED, Rule(self._kind))
        return RefusedError(self._refusal)


def daily_bytes(
    database: Database, kind: str, megabytes: int, decisions: DecisionStream | None = None
) -> RecordedDailyQuota:
    """Return the quota on files that are fetched."""
    refusal = Text(
        "That is more than the {most} MB of files that one person may send within 24 hours "
        "here; try again later.",
        most=megabytes,
    )
    return RecordedDailyQuota(database, kind, megabytes * 2**20, refusal, decisions)


class DailyDraftQuota:
    """``bot.intake.quotas.DraftQuota``: on panels, contact sheets and forms that wait for their
    owner; a limit of 0 is none. Each is counted in the transaction that adds it.
    """

    def __init__(
        self, database: Database, most: int, decisions: DecisionStream | None = None
    ) -> None:
        self._decisions = decisions or DecisionStream()
        self._database = database
        self._most = most

    async def add(self, draft: Draft) -> list[str]:
        """Write a draft; see ``DraftQuota``."""
        if not self._most:
            return await self._database.write(drafts.add, draft)
        freed = await self._database.write(drafts.add_within, draft, self._most)
        if freed is None:
            self._decisions.publish(Answer.REFUSED, Rule.DRAFTS)
            raise RefusedError(
                "You have opened {most} contact sheets and forms within 24 hours, and that is the "
                "limit here; try again later.",
                most=self._most,
            )
        return freed


def daily_reports(
    database: Database, decisions: DecisionStream | None = None
) -> RecordedDailyQuota:
    """Return the quota on reports to moderators."""
    refusal = Text("You have reported a lot within 24 hours; try again tomorrow.")
    return RecordedDailyQuota(database, REPORTS, _MOST_REPORTS, refusal, decisions)


def daily_exports(
    database: Database, most: int, decisions: DecisionStream | None = None
) -> RecordedDailyQuota:
    """Return the quota on exports of everything of a person's."""
    refusal = Text("You can ask for {most} exports within 24 hours; try again later.", most=most)
    return RecordedDailyQuota(database, EXPORTS, most, refusal, decisions)
