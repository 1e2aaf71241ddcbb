"""Operations on jobs: found, cancelled, made again, and what is known of how one went."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bot.core.errors import RefusedError
from bot.jobs.gate import Actor, Place
from bot.jobs.store import now
from bot.operations.needs import Needs, Operator
from bot.operations.outcome import Line, Outcome, Row, moment, person
from bot.operations.requests import Jobs, OneJob
from bot.storage import jobs as rows
from bot.storage import library
from bot.storage.models import UNFINISHED, Attachment, Job, State
from generator.contract.text import Text

_ID_SHOWN = 12
_PROMPT_SHOWN = 200
_UNFINISHED = "unfinished"


class JobOperations:
    """What the bot's owner does with people's jobs."""

    def __init__(self, needs: Needs) -> None:
        self._needs = needs

    async def find(self, said: Jobs, by: Operator) -> Outcome:
        """Show jobs, the newest first."""
        found = await self._needs.database.read(
            rows.find,
            id_prefix=said.job,
            user_id=said.user,
            states=_states(said.state),
            limit=said.most,
        )
        lines: Sequence[Line] = [self._row(job, by) for job in found]
        values = {"jobs": [self._values(job, by) for job in found]}
        return Outcome(values, lines or [Text("No GIFs match.")])

    async def cancel(self, said: OneJob, by: Operator) -> Outcome:
        """End a job; its owner reads that it was cancelled."""
        job = await self._one(said.job)
        await self._needs.jobs.cancel(job.id, by=job.user_id, is_free=True)
        await self._needs.record(by, "cancelled", person(job.user_id), job.id)
        return Outcome({"job": job.id}, [Text("Cancelled: {job}", job=job.id)])

    async def again(self, said: OneJob, by: Operator) -> Outcome:
        """Make a job that is over once more, just as it was, for whoever asked for it."""
        job = await self._one(said.job)
        if not job.state.is_final:
            raise RefusedError("It isn't finished yet; wait for it, or cancel it first.")
        self._needs.models.check(job.request)
        origin = replace(
            job.origin,
            token="",  # so it comes as a message of its own
            asked_at=now(),
            parent_id=job.id,
            relation="again",
            is_followup=False,
            group_id=None,
            group_place=0,
        )
        actor = Actor(user_id=job.user_id, manages_guild=True)  # the owner's word goes before rules
        place = Place(
            guild_id=origin.guild_id,
            channels=frozenset({origin.channel_id}),
            is_age_restricted=self._needs.is_age_restricted(origin.channel_id),
        )
        files = await self._files(job)
        try:
            async with self._needs.jobs.accept(
                origin, job.request, files, actor=actor, place=place
            ) as new:
                pass
        except RefusedError as error:
            raise RefusedError(
                "It can't be made again; its owner would read: {reason}", reason=error.words
            ) from error
        await self._needs.record(by, "again", person(job.user_id), job.id)
        return Outcome({"job": new.id}, [Text("It is made again: {job}", job=new.id)])

    async def logs(self, said: OneJob, by: Operator) -> Outcome:
        """Show how a job went, as far as its row and this process know."""
        job = await self._one(said.job)
        journal = self._needs.journal
        changes, lines = journal.changes(job.id), journal.lines(job.id)
        if self._shows_prompt(job, by) and job.user_id != by.user_id:
            await self._needs.record(by, "read", person(job.user_id), job.id)
        values = self._values(job, by) | {
            "changes": [
                {"at": each.at.isoformat(), "state": each.state.value, "attempt": each.attempt}
                for each in changes
            ],
            "log": lines,
        }
        moves: list[Row] = [
            (moment(each.at), each.state.value, f"#{each.attempt}") for each in changes
        ]
        shown: list[Line] = [self._row(job, by), *moves, *((line,) for line in lines)]
        return Outcome(values, shown)

    async def _one(self, prefix: str) -> Job:
        """Return the job whose id begins so. Raises RefusedError."""
        found = await self._needs.database.read(rows.find, id_prefix=prefix, limit=2)
        if not found:
            raise RefusedError("There is no job {job}.", job=prefix)
        if len(found) > 1:
            raise RefusedError("Several jobs begin with {job}; give more of its id.", job=prefix)
        return found[0]

    async def _files(self, job: Job) -> list[Attachment]:
        """Return the files that a job needs. Raises RefusedError where one is gone."""
        needs = self._needs
        kept = {file.blob: file for file in await needs.database.read(rows.attachments_of, job.id)}
        needed = [file.name for file in job.request.files]
        for name in needed:
            if not await asyncio.to_thread(needs.blobs.path(name).exists):
                raise RefusedError("A LoRA, GIF or picture it was made with is no longer stored.")
        for lora in job.request.loras:
            if not await needs.database.read(
                library.may_use_lora, job.user_id, job.origin.guild_id, lora.path
            ):
                raise RefusedError(
                    "It was made with a LoRA that its owner can no longer use there."
                )
        return [kept[name] for name in needed if name in kept]

    # -- how they are shown ------------------------------------------------------------------------

    def _shows_prompt(self, job: Job, by: Operator) -> bool:
        is_own = job.user_id == by.user_id
        return is_own or self._needs.config.settings.owner.show_prompts

    def _row(self, job: Job, by: Operator) -> Row:
        words: list[str | Text] = [
            job.id[:_ID_SHOWN],
            job.state.value,
            person(job.user_id),
            moment(job.created_at),
            job.request.model or job.model,
        ]
        words += [f"{job.seconds:.1f} s"] if job.seconds is not None else []
        words += [f"{job.failure_kind}"] if job.failure_kind else []
        words += [job.why] if job.state is State.FAILED else []
        words += [job.request.prompt[:_PROMPT_SHOWN]] if self._shows_prompt(job, by) else []
        return tuple(words)

    def _values(self, job: Job, by: Operator) -> dict[str, Any]:
        values: dict[str, Any] = {
            "id": job.id,
            "state": job.state.value,
            "attempt": job.attempt,
            "crashes": job.crashes,
            "user": str(job.user_id),
            "server": job.origin.guild_id and str(job.origin.guild_id),
            "channel": str(job.origin.channel_id),
            "model": job.request.model or job.model,
            "created": job.created_at.isoformat(),
            "started": job.started_at and job.started_at.isoformat(),
            "finished": job.finished_at and job.finished_at.isoformat(),
            "seconds": job.seconds,
            "bytes": job.size_bytes,
            "failure": job.failure_kind and job.failure_kind.value,
            "is_retryable": job.failure_is_retryable,
            "reason": job.error,
        }
        return values | ({"prompt": job.request.prompt} if self._shows_prompt(job, by) else {})


def _states(said: str) -> Sequence[State]:
    """Return the states that are meant; none for all."""
    if said == _UNFINISHED:
        return UNFINISHED
    return [State(said)] if said else ()
