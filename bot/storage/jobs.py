"""Queries on ``jobs``. Every change of state is conditional on the state and attempt believed in.

Functions of a plain connection, run by ``Database.read`` and ``Database.write``. They know the
columns, not the rules: which states may follow which is checked by ``bot.jobs``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, func, insert, select, update

from bot.storage import shares, usage
from bot.storage.models import BOT, RESUMED, UNFINISHED, Attachment, Job, Origin, State
from bot.storage.tables import attachments as attachment_rows
from bot.storage.tables import jobs
from generator.contract.errors import FailureKind
from generator.contract.messages import Request

_ORIGIN = tuple(field.name for field in fields(Origin))
_WORDS = 500  # characters of a prompt that it is found by
# made once, since building them takes longer than running them; an update sets what it is given
_ADD = insert(jobs).returning(jobs.c.number)
_NOTE = update(jobs).where(jobs.c.id == bindparam("its_id"))
_MOVE = _NOTE.where(
    jobs.c.state == bindparam("old_state"), jobs.c.attempt == bindparam("old_attempt")
).returning(*jobs.c)


def add(
    connection: Connection,
    job_id: str,
    *,
    origin: Origin,
    request: Request,
    model: str,
    now: datetime,
    attachments: Sequence[Attachment] = (),
) -> Job:
    """Add a queued job and the rows of its attachments; return the job with its number."""
    values: dict[str, Any] = {
        "id": job_id,
        "state": State.QUEUED,
        "attempt": 0,
        "crashes": 0,
        "model": model,
        "created_at": now,
        "owner_notified": False,
    }
    files = {each.blob: each for each in attachments}  # one file may serve as two things
    values["lora_names"] = tuple(
        files[lora.path].filename if lora.path in files else lora.path for lora in request.loras
    )
    columns = {name: getattr(origin, name) for name in _ORIGIN} | {
        "request": request.to_dict(),
        "words": request.prompt.casefold()[:_WORDS],
    }
    number = connection.execute(_ADD, values | columns).scalar_one()
    if files:
        connection.execute(
            insert(attachment_rows), [{"job_id": job_id, **asdict(each)} for each in files.values()]
        )
    return Job(number=number, origin=origin, request=request, **values)


def add_within(
    connection: Connection,
    job_id: str,
    server_limit: int,
    /,
    *,
    origin: Origin,
    **values: Any,
) -> Job | None:
    """Add a job as ``add``; None, and no row, where its owner has ``server_limit`` there.

    All writes are one writer's (``bot.storage.database``), so nobody adds another in between.
    """
    if _unfinished_here(connection, origin) >= server_limit:
        return None
    return add(connection, job_id, origin=origin, **values)


def _unfinished_here(connection: Connection, origin: Origin) -> int:
    query = (
        select(func.count())
        .select_from(jobs)
        .where(
            jobs.c.state.in_(UNFINISHED),
            # by the index on states: somebody's history may be long, what is unfinished never is
            jobs.c.user_id + 0 == origin.user_id,
            jobs.c.guild_id == origin.guild_id,
        )
    )
    return connection.execute(query).scalar_one()


def move(connection: Connection, job: Job, state: State, /, **values: Any) -> Job | None:
    """Set ``state`` and ``values`` where the row still is as ``job`` says.

    None where it isn't: somebody else was first, and nothing was changed.
    """
    believed = {"its_id": job.id, "old_state": job.state, "old_attempt": job.attempt}
    given = believed | {"state": state} | values
    row = connection.execute(_MOVE, given).mappings().one_or_none()
    if row is None:
        return None
    moved = _job(row)
    is_paid = state is State.DONE or (state is State.CANCELLED and moved.seconds is not None)
    if is_paid and not moved.origin.is_background:
        usage.note(connection, moved)
        shares.note(connection, moved)
    return moved


def note(connection: Connection, job_id: str, /, **values: Any) -> None:
    """Set columns that no state hangs on: ``answer_id``, ``owner_notified``."""
    connection.execute(_NOTE, {"its_id": job_id} | values)


def get(connection: Connection, job_id: str) -> Job | None:
    """Return a job; None where there is none of that id."""
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one_or_none()
    return None if row is None else _job(row)


def attachments_of(connection: Connection, job_id: str) -> list[Attachment]:
    """Return the files that came with a job."""
    columns = attachment_rows.c
    query = select(columns.blob, columns.filename, columns.size_bytes).where(
        columns.job_id == job_id
    )
    return [Attachment(*row) for row in connection.execute(query)]


def group(connection: Connection, group_id: str) -> list[Job]:
    """Return the variations that share a message, those that are over too, by their places."""
    return _all(connection, select(jobs).where(jobs.c.group_id == group_id).order_by("group_place"))


def unfinished(connection: Connection, *, after: int = 0, limit: int = 1000) -> list[Job]:
    """Return jobs that aren't over, by number: the first ``limit`` of those above ``after``."""
    query = select(jobs).where(jobs.c.state.in_(UNFINISHED), jobs.c.number > after)
    return _all(connection, query.order_by("number").limit(limit))


def find(
    connection: Connection,
    *,
    id_prefix: str = "",
    user_id: int | None = None,
    states: Sequence[State] = (),
    limit: int,
) -> list[Job]:
    """Return people's jobs, the newest first: those whose ids, in hex, begin so, of one person, in
    one of these states.
    """
    query = select(jobs).where(jobs.c.user_id != BOT)
    if id_prefix:  # by the index, which a pattern wouldn't use
        query = query.where(jobs.c.id >= id_prefix, jobs.c.id < f"{id_prefix}g")
    if user_id is not None:
        query = query.where(jobs.c.user_id == user_id)
    if states:
        query = query.where(jobs.c.state.in_(states))
    return _all(connection, query.order_by(jobs.c.number.desc()).limit(limit))


def counts(connection: Connection) -> dict[State, int]:
    """Return how many jobs stand in each state, where any do."""
    query = select(jobs.c.state, func.count()).group_by(jobs.c.state)
    return {State(state): count for state, count in connection.execute(query)}


def is_resumed(connection: Connection, job_id: str) -> bool:
    """Return whether a job that was interrupted has been made again, or is being."""
    query = select(jobs.c.id).where(
        jobs.c.parent_id == job_id,
        jobs.c.relation == RESUMED,
        jobs.c.state.not_in((State.FAILED, State.CANCELLED)),
    )
    return connection.execute(query.limit(1)).one_or_none() is not None


def owner_not_notified(connection: Connection) -> list[Job]:
    """Return failed and cancelled jobs whose owner may not know yet."""
    query = select(jobs).where(
        jobs.c.state.in_((State.FAILED, State.CANCELLED)), jobs.c.owner_notified.is_(False)
    )
    return _all(connection, query.order_by("number"))


def _all(connection: Connection, query: Select[Any]) -> list[Job]:
    return [_job(row) for row in connection.execute(query).mappings()]


def _job(row: RowMapping) -> Job:
    values = {name: value for name, value in row.items() if name != "words"}
    origin = Origin(**{name: values.pop(name) for name in _ORIGIN})
    request = Request.from_dict(values.pop("request"))
    state = State(values.pop("state"))
    values["lora_names"] = tuple(values["lora_names"] or ())
    if values["failure_kind"] is not None:
        values["failure_kind"] = FailureKind(values["failure_kind"])
    return Job(origin=origin, request=request, state=state, **values)
