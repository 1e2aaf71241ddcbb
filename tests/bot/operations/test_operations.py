"""What the bot's owner does with it, and what it says."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from bot.core.errors import NotAcceptedError, RefusedError
from bot.core.logs import job_context
from bot.operations.needs import Operator
from bot.operations.outcome import Outcome, shell_text
from bot.storage import moderation
from bot.storage.models import BOT, Attachment, State
from bot.storage.moderation import AuditEntry
from generator.contract.errors import Failure, FailureKind
from generator.contract.messages import Failed
from generator.contract.text import Text
from tests.bot.jobs.samples import ABLE, ORIGIN, REQUEST
from tests.bot.operations.rig import OperationsRig

SHELL = Operator()
ADA = Operator(ORIGIN.user_id)
SMALL = replace(REQUEST, width=128, height=128)  # which nano makes


async def done(owner: OperationsRig, name: str, by: Operator = SHELL, **said: Any) -> Outcome:
    return await owner.operations.run(name, said, by)


async def refused(owner: OperationsRig, name: str, by: Operator = SHELL, **said: Any) -> str:
    with pytest.raises(RefusedError) as caught:
        await owner.operations.run(name, said, by)
    return str(caught.value)


async def audit(owner: OperationsRig) -> list[AuditEntry]:
    return await owner.rig.database.read(moderation.logged, None, limit=50)


async def test_a_drained_bot_takes_nothing_and_begins_nothing(owner: OperationsRig) -> None:
    await owner.rig.accept()
    first, running = await owner.rig.start_job()
    second = await owner.rig.accept()
    for _ in range(2):
        drained = await done(owner, "drain")
        assert drained.values["jobs"] == {"queued": 1, "running": 1, "delivering": 0}
    with pytest.raises(NotAcceptedError, match=r"paused it for a while. Please try again later"):
        await owner.rig.accept()
    assert owner.rig.jobs._queue.take(owner.rig.jobs._roster.fit(ABLE)) is None
    status = owner.rig.jobs.status(second.id)
    assert status is not None
    assert "paused it" in str(status.unavailable_reason)
    # what was running goes its way
    owner.rig.jobs.job_ended(first, owner.rig.finished(running))
    await owner.rig.until(first, State.DONE)
    assert "No new GIFs" in shell_text((await done(owner, "status")).lines)
    assert (await done(owner, "resume", ADA)).values == {"is_drained": False}
    await done(owner, "resume", ADA)
    assert (await owner.rig.start_job())[0].id == second.id
    assert [(each.action, each.actor_id) for each in await audit(owner)] == [
        ("resumed", ADA.user_id),
        ("drained", moderation.SHELL),
    ]


async def test_a_paused_model_waits_over_a_restart_and_others_go_on(owner: OperationsRig) -> None:
    await done(owner, "pause", model="ANIME ")
    anime = replace(REQUEST, model="anime")
    with pytest.raises(NotAcceptedError, match="The model anime is paused"):
        async with owner.rig.accepting(request=anime):
            pass
    await owner.rig.accept()
    assert (await owner.rig.start_job())[0].request.model == ""
    owner.rig.restarted()
    restarted = owner.made()
    assert owner.rig.jobs.holds.models == {}
    await restarted.restore()
    assert list(owner.rig.jobs.holds.models) == ["anime"]
    assert (await restarted.run("status", {}, SHELL)).values["paused_models"] == ["anime"]
    await restarted.run("resume", {"model": "anime"}, SHELL)
    async with owner.rig.accepting(request=anime):
        pass
    await owner.made().restore()
    assert owner.rig.jobs.holds.models == {}
    assert "no model" in await refused(owner, "pause", model="other")


async def test_jobs_are_found_by_id_person_and_state(owner: OperationsRig) -> None:
    mine = await owner.rig.accept()
    other = await owner.rig.accept(replace(ORIGIN, user_id=8))
    hers = await owner.rig.accept(replace(ORIGIN, user_id=8))
    await owner.rig.jobs.cancel(other.id, by=8)
    own = replace(ORIGIN, user_id=BOT)
    await owner.rig.accept(own)

    async def found(**said: Any) -> list[str]:
        return [job["id"] for job in (await done(owner, "jobs", **said)).values["jobs"]]

    assert await found() == [hers.id, other.id, mine.id]
    assert await found(user="8", state="cancelled") == [other.id]
    assert await found(state="unfinished") == [hers.id, mine.id]
    assert await found(job=mine.id[:9]) == [mine.id]
    assert await found(most=1) == [hers.id]
    assert await found(user=9) == []
    [shown] = (await done(owner, "jobs", ADA, user=7)).values["jobs"]
    assert shown["prompt"] == "x"
    [hidden] = (await done(owner, "jobs", ADA, job=hers.id)).values["jobs"]
    assert "prompt" not in hidden
    assert "prompt" not in (await done(owner, "jobs", job=mine.id)).values["jobs"][0]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("jobs", {"job": "%"}),
        ("jobs", {"job": "abc"}),
        ("jobs", {"state": "burning"}),
        ("jobs", {"most": 10**9}),
        ("jobs", {"user": "<@1>"}),
        ("jobs", {"user": 2**70}),
        ("jobs", {"what": 1}),
        ("pause", {}),
        ("pause", {"model": ["x"]}),
        ("pause", {"model": "x" * 101}),
        ("announce", {"text": " \n"}),
        ("announce", {"text": "x" * 1001}),
        ("block", {"user": 8, "hours": -1}),
        ("explode", {}),
        ("__class__", {}),
    ],
)
async def test_what_makes_no_sense_is_refused(
    owner: OperationsRig, name: str, said: dict[str, Any]
) -> None:
    sentence = await refused(owner, name, **said)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 300
    assert await audit(owner) == []


async def test_a_job_is_cancelled_and_made_again(owner: OperationsRig) -> None:
    blob = owner.rig.blobs.put(b"picture", ".png")
    request = replace(SMALL, image=blob)
    async with owner.rig.accepting(
        replace(ORIGIN, group_id="g" * 32, group_place=1),
        request,
        [Attachment(blob, "a.png", 7)],
    ) as job:
        pass
    assert "isn't finished" in await refused(owner, "again", job=job.id)
    await done(owner, "cancel", job=job.id[:8])
    assert "no longer waiting" in await refused(owner, "cancel", job=job.id)
    again = await done(owner, "again", job=job.id)
    new = await owner.rig.row(replace(job, id=again.values["job"]))
    assert (new.request, new.user_id, new.state) == (request, job.user_id, State.QUEUED)
    origin = new.origin
    assert (origin.parent_id, origin.relation, origin.token) == (job.id, "again", "")
    assert origin.group_id is None
    owner.rig.blobs.path(blob).unlink()
    assert "no longer stored" in await refused(owner, "again", job=job.id)
    assert "no job" in await refused(owner, "again", job="0" * 32)
    assert [entry.action for entry in await audit(owner)] == ["again", "cancelled"]


async def test_what_the_rules_refuse_isnt_made_again(owner: OperationsRig) -> None:
    async with owner.rig.accepting(request=SMALL) as job:
        pass
    await done(owner, "block", user=7, reason="spam")
    await owner.rig.until(job, State.CANCELLED)
    sentence = await refused(owner, "again", job=job.id)
    assert "its owner would read: You can't make GIFs here any more: spam" in sentence
    assert "spam" in shell_text((await done(owner, "blocked")).lines)
    assert "can't block yourself" in await refused(owner, "block", ADA, user=7)
    await done(owner, "unblock", user=7)
    assert "aren't blocked" in await refused(owner, "unblock", user=7)
    assert shell_text((await done(owner, "blocked")).lines) == "Nobody."


async def test_how_a_job_went(owner: OperationsRig) -> None:
    with owner.journal.listening():
        job = await owner.rig.accept()
        running, _ = await owner.rig.start_job()
        with job_context(job.id):
            logging.getLogger("bot.somewhere").warning("it creaks")
            logging.getLogger("aiohttp").warning("a stranger's")
            logging.getLogger("bot.x").warning("asked for: %r", "fog", extra={"has_prompt": True})
        logging.getLogger("bot.somewhere").warning("of nobody's")
        await owner.rig.jobs.job_interrupted(running)
    went = await done(owner, "logs", ADA, job=job.id)
    states = [change["state"] for change in went.values["changes"]]
    assert states == ["queued", "running", "queued"]
    [line] = [line for line in went.values["log"] if "creaks" in line]
    assert f"job={job.id}" in line
    assert "stranger" not in str(went.values)
    assert "nobody" not in str(went.values)
    assert "fog" not in str(went.values)
    assert went.values["attempt"] == 1
    assert went.values["prompt"] == "x"
    assert await audit(owner) == []  # his own
    # of another's, the prompt isn't shown, unless the config says so; then it is noted who looked
    assert "prompt" not in (await done(owner, "logs", Operator(8), job=job.id)).values
    shown = owner.settings.owner.model_copy(update={"show_prompts": True})
    owner.config.settings = owner.settings.model_copy(update={"owner": shown})
    assert (await done(owner, "logs", Operator(8), job=job.id)).values["prompt"] == "x"
    assert [entry.action for entry in await audit(owner)] == ["read"]


async def test_an_announcement_is_read_once_by_each_who_waits(owner: OperationsRig) -> None:
    for user_id in (7, 7, 8, BOT):
        await owner.rig.accept(replace(ORIGIN, user_id=user_id))
    owner.announcer.deaf = {8}
    first = await done(owner, "announce", text="soon ")
    assert first.values == {"people": 2, "new": 2, "reached": 1}
    owner.announcer.deaf = set()
    assert (await done(owner, "announce", text="soon")).values["reached"] == 1
    again = await done(owner, "announce", text="soon")
    assert again.values == {"people": 2, "new": 0, "reached": 0}
    await done(owner, "announce", text="later")
    assert sorted(owner.announcer.told) == [
        (7, "later"),
        (7, "soon"),
        (8, "later"),
        (8, "soon"),
    ]
    assert len(await audit(owner)) == 3


async def test_workers_are_named(owner: OperationsRig) -> None:
    assert "There is no worker gpu" in await refused(owner, "restart", worker="gpu")
    assert "no workers" in shell_text((await done(owner, "workers")).lines)


async def test_a_failure_is_shown(owner: OperationsRig) -> None:
    job = await owner.rig.accept()
    running, generate = await owner.rig.start_job()
    failure = Failure(FailureKind.OUT_OF_MEMORY, Text("No memory."), is_retryable=True)
    owner.rig.jobs.job_ended(running, Failed(generate.job_id, generate.attempt, failure))
    await owner.rig.until(job, State.FAILED)
    [shown] = (await done(owner, "jobs", state="failed")).values["jobs"]
    assert (shown["failure"], shown["reason"]) == ("out_of_memory", "No memory.")
    assert "No memory." in shell_text((await done(owner, "jobs")).lines)
