"""The gate that every request and every result passes, and what commands ask of it beforehand.

A request is looked at twice: by the command, for all that somebody asks for at once and before
anything is fetched, and once more where its job is accepted, which nothing gets round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bot.core.config import Settings
from bot.core.errors import NotAcceptedError, WithheldError
from bot.jobs.gate import (
    Actor,
    Admission,
    Allow,
    Place,
    QuotaLine,
    RequestLimits,
    Spoiler,
    UnfinishedLimit,
    Verdict,
    Withhold,
)
from bot.jobs.store import JobStore, estimated_bytes
from bot.policy.adult_rules import AdultRules
from bot.policy.blocks import BlockList
from bot.policy.decisions import DecisionStream, Rule
from bot.policy.memory_limit import MemoryLimit
from bot.policy.pictures.picture_judge import PictureJudge
from bot.policy.rate_limit import RateLimit
from bot.policy.seconds_quota import SecondsQuota
from bot.policy.server_rules import ServerRules, rules_for, too_many_here
from bot.policy.time_limit import TimeLimit
from bot.policy.words.judge import WordJudge
from bot.privacy.leaving import REFUSAL, LeavingPeople
from bot.storage.disk_guard import DiskGuard
from bot.storage.models import Attachment, Job
from bot.storage.preferences import Preferences
from generator.contract.messages import Request
from generator.contract.text import plural


class PolicyGate:
    """``bot.jobs.gate.Policy``: a server's rules, words, disk, time, what one person may have."""

    def __init__(
        self,
        store: JobStore,
        preferences: Preferences,
        disk_guard: DiskGuard,
        *,
        words: WordJudge,
        blocks: BlockList,
        adult: AdultRules,
        pictures: PictureJudge,
        seconds: SecondsQuota,
        per_user: int,
        time_limit: TimeLimit | None = None,
        cooldown_seconds: float = 0.0,
        priority_roles: Mapping[str, float] | None = None,
        leaving: LeavingPeople | None = None,
    ) -> None:
        self.decisions = DecisionStream()
        self._store = store
        self._preferences = preferences
        self._disk_guard = disk_guard
        self._words = words
        self._seconds = seconds
        self._set_cooldown(cooldown_seconds)
        self._blocks = blocks
        self._adult = adult
        self._pictures = pictures
        self._per_person = self.decisions.counted(UnfinishedLimit(per_user, too_many_of_yours))
        self._time_limit = time_limit
        self._memory_limit: MemoryLimit | None = None
        self._priority_roles: Mapping[str, float] = priority_roles or {}
        self._leaving = LeavingPeople() if leaving is None else leaving

    def configure(self, settings: Settings) -> None:
        """Go by these settings from now on."""
        queue = settings.queue
        limit = UnfinishedLimit(queue.per_user, too_many_of_yours)
        self._per_person = self.decisions.counted(limit)
        self._priority_roles = queue.priority_roles
        if queue.cooldown_seconds != self._cooldown_seconds:
            self._set_cooldown(queue.cooldown_seconds)
        if self._time_limit is not None:
            self._time_limit = replace(self._time_limit, most_minutes=queue.most_minutes)
        self._seconds.configure(settings.quota)
        self._adult.configure(settings)

    def set_memory_limit(self, limit: MemoryLimit) -> None:
        """Ask this of each request from now on; workers say what they have once they are there."""
        self._memory_limit = limit

    def _set_cooldown(self, seconds: float) -> None:
        self._cooldown_seconds = seconds
        self._cooldown = RateLimit(at_once=1.0, each_second=1 / seconds if seconds else 0.0)

    async def check_actor(self, actor: Actor, place: Place) -> None:
        """Raise RefusedError where this person may not make GIFs there."""
        await self._checked_rules(actor, place, ())

    async def check_requests(self, actor: Actor, place: Place, requests: Sequence[Request]) -> None:
        """Raise RefusedError where this person may not ask for all of these there."""
        asking = self.decisions.asking
        rules = await self._checked_rules(actor, place, requests)
        with asking(Rule.WORDS):
            for text in dict.fromkeys(request.prompt for request in requests):
                await self.check_words(place, text)
        self._check_cost(requests)
        if requests:
            with asking(Rule.QUOTA):
                await self._seconds.check(actor, place, requests)
        with asking(Rule.UNFINISHED):
            own = self._unfinished_there(actor, place) if rules.waiting else 0
            if rules.waiting and own + len(requests) > rules.waiting:
                raise too_many_here(rules.waiting)
        with asking(Rule.COOLDOWN):
            if requests and not self._cooldown.take(actor.user_id):
                raise NotAcceptedError(
                    "You have just asked for one; wait a little, then ask for the next."
                )

    async def check_words(self, place: Place, text: str) -> None:
        """Raise WithheldError where lists of words keep a text out there."""
        verdict = await self._words.judge(text, place.guild_id)
        if isinstance(verdict, Withhold):
            raise WithheldError(verdict.reason)

    async def check_shown(self, place: Place, request: Request, style: str = "") -> None:
        """Raise RefusedError where what a request makes isn't for this place to see."""
        await self._adult.check(place, request, style)
        await self.check_words(place, request.prompt)

    async def check_shared(self, place: Place, job: Job) -> None:
        """Raise RefusedError where a result is not for a place, by what it was made with there."""
        await self._adult.check(place, job.request, job.origin.style)
        if job.origin.guild_id != place.guild_id:
            await self._pictures.check_shared(job.output, place.guild_id)
            verdict = await self._words.judge(job.request.prompt, place.guild_id)
            if isinstance(verdict, Withhold):
                raise WithheldError(verdict.reason)
            if isinstance(verdict, Spoiler):  # its file is covered where it was made alone
                raise WithheldError(
                    "GIFs with such words are posted as spoilers here, so this one can't be shared."
                )

    async def quota(self, actor: Actor, place: Place) -> Sequence[QuotaLine]:
        """Return what this person has used of the workers' time, and what they may."""
        return await self._seconds.lines(actor, place)

    async def limits(self, actor: Actor, place: Place) -> RequestLimits:
        """Return the most that this person may ask for there."""
        return (await self._rules(actor, place)).limits

    async def check_request(
        self,
        actor: Actor,
        place: Place,
        request: Request,
        files: Sequence[Attachment],
        *,
        style: str = "",
    ) -> Admission:
        """Return what the job is held to when it is added. Raises RefusedError."""
        asking = self.decisions.asking
        with asking(Rule.ERASURE):
            self._leaving.check(actor.user_id)
        rules = await self._checked_rules(actor, place, [request])
        with asking(Rule.ADULT):
            await self._adult.check(place, request, style)
        with asking(Rule.WORDS):
            await self.check_words(place, request.prompt)
        self._check_cost([request])
        with asking(Rule.PICTURES):
            await self._pictures.check_brought(files, place.guild_id)
        with asking(Rule.DISK):
            await self._disk_guard.check(self._store.pending_bytes + estimated_bytes(request))
        there = rules.unfinished
        with asking(Rule.QUOTA):  # the last, since nothing may be used until the job is added
            check_seconds = await self._seconds.check(actor, place, [request])
        return Admission(
            per_person=self._per_person,
            in_guild=None if there is None else self.decisions.counted(there),
            check_seconds=asking(Rule.QUOTA)(check_seconds),
            priority=self._priority(actor),
        )

    async def check_result(self, job: Job, file: Path, guild_id: int | None) -> Verdict:
        """Return how a file made for a job's owner may be posted there, by the rules as of now.

        A moderator's word holds against a detector's, where the GIF was asked for; and against
        nobody else's.
        """
        of_file = self.decisions.of_file
        if job.user_id in self._leaving:
            return of_file(Withhold(REFUSAL), Rule.ERASURE)
        if (reason := self._blocks.reason(job.user_id, guild_id)) is not None:
            return of_file(Withhold(reason), Rule.BLOCK)
        of_words = await self._words.judge(job.request.prompt, guild_id)
        is_allowed = job.allowed_by is not None and guild_id == job.origin.guild_id
        if isinstance(of_words, Withhold) or is_allowed:
            return of_file(of_words, Rule.WORDS)
        of_picture = await self._pictures.judge(file, guild_id)
        if isinstance(of_picture, Allow):
            return of_file(of_words, Rule.WORDS)
        return of_file(of_picture, Rule.PICTURES)

    async def takes_long(self, place: Place, files: Sequence[Attachment]) -> bool:
        """Return whether ``check_request`` with these files takes longer than Discord waits."""
        return await self._pictures.looks_at(files, place.guild_id)

    def _priority(self, actor: Actor) -> float:
        """Return the largest priority of somebody's roles."""
        of_roles = self._priority_roles.items()
        return max((each for role, each in of_roles if int(role) in actor.roles), default=1.0)

    def _check_cost(self, requests: Sequence[Request]) -> None:
        if self._time_limit is not None:
            with self.decisions.asking(Rule.TIME):
                self._time_limit.check(requests)
        if self._memory_limit is not None:
            with self.decisions.asking(Rule.MEMORY):
                self._memory_limit.check(requests)

    async def _checked_rules(
        self, actor: Actor, place: Place, requests: Sequence[Request]
    ) -> ServerRules:
        """Return the rules that hold there. Raises RefusedError where they refuse these."""
        with self.decisions.asking(Rule.BLOCK):
            self._blocks.check(actor.user_id, place.guild_id)
        rules = await self._rules(actor, place)
        with self.decisions.asking(Rule.SERVER):
            rules.check_actor(actor, place)
            rules.check_requests(requests)
        return rules

    async def _rules(self, actor: Actor, place: Place) -> ServerRules:
        return await rules_for(self._preferences, actor, place)

    def _unfinished_there(self, actor: Actor, place: Place) -> int:
        asked = self._store.asked_by(actor.user_id)
        return sum(origin.guild_id == place.guild_id for origin, _ in asked)


def too_many_of_yours(own: int) -> NotAcceptedError:
    """Return what is said to somebody who has as many unfinished jobs as one person may have."""
    return NotAcceptedError(
        plural(
            "You already have 1 GIF waiting or running, and that is the limit here; "
            "wait for it, or cancel it with /cancel.",
            "You already have {count} GIFs waiting or running, and that is the limit "
            "here; wait for one, or cancel one with /cancel.",
            own,
        )
    )
