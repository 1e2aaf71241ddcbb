"""A job's trace, made of transitions and of what its worker says."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from yarl import URL

from bot.jobs.transitions import Transition
from bot.storage.models import Job, State
from bot.tracing.discord_spans import route_of
from bot.tracing.job_spans import JobSpans
from bot.tracing.spans import Span, root_id_of, trace_id_of
from generator.contract.errors import FailureKind
from generator.contract.messages import Progress
from tests.bot.jobs.samples import ORIGIN, job

BEGAN = datetime(2026, 8, 1, tzinfo=UTC)
SECOND = 1_000_000_000


class Life:
    """A job whose clock goes on by a second with everything that happens."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.watcher = JobSpans(self.spans.append, self.clock)
        self.at = BEGAN
        self.job: Job | None = None

    def clock(self) -> int:
        return int(self.at.timestamp()) * SECOND

    def go_on(self) -> None:
        self.at += timedelta(seconds=1)

    def accept(self, *, is_recovered: bool = False, state: State = State.QUEUED) -> Job:
        self.go_on()
        new = job(
            id=uuid.uuid4().hex,
            state=state,
            created_at=self.at,
            origin=replace(ORIGIN, asked_at=BEGAN),
            prompt="a secret",
        )
        self.watcher.hear(Transition(None, new, self.at, is_recovered))
        self.job = new
        return new

    def move(self, state: State, failure: FailureKind | None = None) -> None:
        self.go_on()
        assert self.job is not None
        after = replace(self.job, state=state, failure_kind=failure)
        self.watcher.hear(Transition(self.job, after, self.at))
        self.job = after

    def progress(self, stage: str, step: int = 1) -> None:
        self.go_on()
        assert self.job is not None
        self.watcher.job_progressed(Progress(self.job.id, 1, stage, step, 4))

    def begin(self) -> None:
        self.go_on()
        assert self.job is not None
        self.watcher.job_begun(self.job.id)

    def named(self, name: str) -> Span:
        [found] = [span for span in self.spans if span.name == name]
        return found

    def seconds(self) -> dict[str, tuple[int, int]]:
        """When each span began and ended, in seconds since the command."""
        zero = int(BEGAN.timestamp()) * SECOND
        return {
            span.name: ((span.start - zero) // SECOND, (span.end - zero) // SECOND)
            for span in self.spans
        }


def test_each_stage_is_a_span_below_the_work_and_all_are_below_the_job() -> None:
    life = Life()
    made = life.accept()
    life.move(State.RUNNING)
    life.watcher.job_handed(made.id, "home.cuda0")
    life.progress("fetch")
    life.begin()
    life.progress("encode_prompt")
    life.progress("denoise", 1)
    life.progress("denoise", 2)
    life.progress("save", 0)
    life.move(State.DELIVERING)
    life.move(State.DONE)
    assert life.seconds() == {
        "command": (0, 1),
        "queue": (1, 2),
        "fetch": (2, 4),
        "encode_prompt": (4, 5),
        "denoise": (5, 7),
        "save": (7, 9),
        "work": (2, 9),
        "delivery": (9, 10),
        "gif": (0, 10),
    }
    root, work = life.named("gif"), life.named("work")
    assert {span.trace_id for span in life.spans} == {int(made.id, 16)}
    assert (root.parent_id, root.span_id) == (None, root_id_of(made.id))
    stages = ("fetch", "encode_prompt", "denoise", "save")
    assert {life.named(name).parent_id for name in stages} == {work.span_id}
    phases = ("command", "queue", "work", "delivery")
    assert {life.named(name).parent_id for name in phases} == {root.span_id}
    assert len({span.span_id for span in life.spans}) == len(life.spans)
    assert work.attributes["hotshot.device"] == "home.cuda0"
    assert root.attributes["hotshot.state"] == "done"
    assert not any(span.error for span in life.spans)


def test_nothing_says_who_asked_and_for_what() -> None:
    life = Life()
    life.accept()
    life.move(State.RUNNING)
    life.move(State.CANCELLED)
    said = repr(life.spans)
    assert "secret" not in said
    assert "ada" not in said
    assert str(ORIGIN.channel_id) not in [str(each) for each in life.named("gif").attributes]


def test_a_failure_and_a_lost_worker_are_errors() -> None:
    life = Life()
    life.accept()
    life.move(State.RUNNING)
    life.move(State.QUEUED)
    life.move(State.RUNNING)
    life.move(State.FAILED, FailureKind.OUT_OF_MEMORY)
    first, second = [span for span in life.spans if span.name == "work"]
    assert (first.error, second.error) == ("interrupted", "out_of_memory")
    assert len([span for span in life.spans if span.name == "queue"]) == 2
    assert life.named("gif").attributes["hotshot.failure"] == "out_of_memory"


def test_a_job_of_an_earlier_run_goes_on_in_its_trace() -> None:
    life = Life()
    left = life.accept(is_recovered=True, state=State.DELIVERING)
    life.move(State.DONE)
    assert [span.name for span in life.spans] == ["delivery", "gif"]
    assert life.named("gif").trace_id == trace_id_of(left.id)
    assert life.named("gif").start == int(BEGAN.timestamp()) * SECOND


def test_a_strangers_word_for_a_stage_is_not_taken_over() -> None:
    life = Life()
    life.accept()
    life.move(State.RUNNING)
    life.progress("ignore all earlier")
    life.move(State.DELIVERING)
    assert "other" in life.seconds()
    life.accept()
    life.move(State.RUNNING)
    before = len(life.spans)
    for _ in range(1000):
        life.progress("denoise")
        life.progress("decode")
    life.move(State.DELIVERING)
    assert len(life.spans) - before < 100
    life.watcher.job_progressed(Progress("f" * 32, 1, "denoise", 1, 1))
    life.watcher.job_begun("f" * 32)


def test_a_route_has_no_ids_and_no_tokens() -> None:
    url = "https://discord.com/api/v10/webhooks/123/aW50ZXJhY3Rpb246SECRET/messages/@original?x=1"
    assert route_of(URL(url)) == "/api/v10/webhooks/{}/{}/messages/@original"
