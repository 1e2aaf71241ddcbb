"""The child's loop, in real processes: what it says, and that it outlives what jobs do to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from unittest.mock import ANY

import pytest

from generator.contract import wire
from generator.contract.errors import Failure, FailureKind
from generator.contract.file_reference import FileReference
from generator.contract.messages import (
    Cancel,
    Cancelled,
    Failed,
    Finished,
    Generate,
    Progress,
    Ready,
    Request,
    Shutdown,
    SlotFreed,
    Started,
    StartFailed,
)
from generator.contract.text import Text
from generator.contract.worker_settings import WorkerSettings
from generator.worker.process import WorkerHandle
from tests.generator.engines.floods_events import FLOOD
from tests.generator.workers import job_events, outcome, receive, started
from tests.patience import PATIENCE, wait_until

A_REQUEST = Request(prompt="a red ball", seed=1, width=64, height=64, steps=3, guidance_scale=5.0)
Ask = Callable[..., Generate]


@pytest.fixture
def ask() -> Ask:
    """Builds a Generate whose output is a text file."""

    def build(job_id: str, prompt: str = "a red ball", steps: int = 3, width: int = 64) -> Generate:
        request = replace(A_REQUEST, prompt=prompt, steps=steps, width=width)
        return Generate(job_id, 1, request, ".txt")

    return build


Start = Callable[[str], AbstractContextManager[WorkerHandle]]


@pytest.fixture
def double(tmp_path: Path) -> Start:
    """Starts a worker with one of the engines that stand in for the real one."""

    def start(engine: str) -> AbstractContextManager[WorkerHandle]:
        engine = f"tests.generator.engines.{engine}"
        return started(WorkerSettings(engine=engine, threads=1, outputs=str(tmp_path)))

    return start


def test_a_job_is_ready_started_every_step_finished(
    double: Start, ask: Ask, tmp_path: Path
) -> None:
    with double("fast:create") as handle:
        job = ask("one")
        handle.send(job)
        ready = receive(handle)
        assert isinstance(ready, Ready)
        can = ready.capabilities
        assert (can.model, can.device, can.dtype) == ("nano", "cpu", "float32")
        assert (can.max_frames, can.max_pixels, can.stages) == (24, 1024 * 1024, ("upscale",))
        *said, finished = job_events(handle)
        steps = [Progress("one", 1, "denoise", step, 3) for step in (1, 2, 3)]
        assert said == [Started("one", 1), *steps]
        assert isinstance(finished, Finished)
        output = tmp_path / job.output_name
        assert (finished.output.suffix, finished.size_bytes) == (".txt", len("a red ball"))
        assert finished.output == FileReference.of_file(output)
        assert 0 < finished.seconds < PATIENCE
        assert output.read_text() == "a red ball"


def test_jobs_are_made_in_order_and_shutdown_ends_the_process(double: Start, ask: Ask) -> None:
    with double("fast:create") as handle:
        for name in ("one", "two", "three"):
            handle.send(ask(name))
        ends = [outcome(handle) for _ in range(3)]
        assert [end.job_id for end in ends if isinstance(end, Finished)] == ["one", "two", "three"]
        handle.send(Shutdown())
        handle.process.join(PATIENCE)
        assert handle.process.exitcode == 0


def test_shutdown_stops_a_running_job(double: Start, ask: Ask) -> None:
    with double("slow:create") as handle:
        handle.send(ask("long", steps=100_000))
        handle.send(ask("never"))
        assert isinstance(receive(handle), Ready)
        assert receive(handle) == Started("long", 1)
        handle.send(Shutdown())
        assert outcome(handle) == Cancelled("long", 1)
        with pytest.raises(EOFError):
            receive(handle)


def test_cancel_reaches_a_running_and_a_waiting_job_and_no_other(
    double: Start, ask: Ask, tmp_path: Path
) -> None:
    with double("slow:create") as handle:
        for name, steps in (("running", 100_000), ("waiting", 100_000), ("kept", 1)):
            handle.send(ask(name, steps=steps))
        assert isinstance(receive(handle), Ready)
        assert receive(handle) == Started("running", 1)
        handle.send(Cancel("kept", 2))  # another attempt than the one at hand
        handle.send(Cancel("waiting", 1))
        handle.send(Cancel("running", 1))
        assert outcome(handle) == Cancelled("running", 1)
        assert receive(handle) == Started("waiting", 1)
        assert receive(handle) == SlotFreed("waiting", 1, room=ANY)
        assert receive(handle) == Cancelled("waiting", 1)
        assert isinstance(outcome(handle), Finished)
        assert [file.name for file in tmp_path.iterdir()] == ["kept-1.txt"]
        handle.send(Cancel("kept", 1))  # over already: no error
        handle.send(ask("after", steps=1))
        end = outcome(handle)
        assert isinstance(end, Finished)
        assert end.job_id == "after"


def test_a_failing_job_becomes_a_sentence_and_the_worker_goes_on(
    double: Start, ask: Ask, capfd: pytest.CaptureFixture[str]
) -> None:
    with double("raises:create") as handle:
        handle.send(ask("one", prompt="bad request"))
        assert outcome(handle) == Failed(
            "one", 1, Failure(FailureKind.BAD_REQUEST, Text("The width must be a multiple of 8."))
        )
        handle.send(ask("two", prompt="bug"))
        failed = outcome(handle)
        assert isinstance(failed, Failed)
        assert failed.failure.kind is FailureKind.INTERNAL
        assert "secret detail" not in str(failed.failure)
        assert "\n" not in str(failed.failure)
        handle.send(ask("three", prompt="no file"))
        assert isinstance(outcome(handle), Failed)
        handle.send(ask("four"))
        assert isinstance(outcome(handle), Finished)
    log = capfd.readouterr().err
    assert "job=two attempt=1 " in log
    assert "secret detail" in log


def test_out_of_memory_is_survived(double: Start, ask: Ask) -> None:
    with double("out_of_memory:create") as handle:
        for width in (128, 256):
            handle.send(ask(f"wide{width}", width=width))
            failed = outcome(handle)
            assert isinstance(failed, Failed)
            assert failed.failure.kind is FailureKind.OUT_OF_MEMORY
            assert "smaller" in str(failed.failure)
        handle.send(ask("small"))
        assert isinstance(outcome(handle), Finished)


@pytest.mark.parametrize(
    ("factory", "kind", "message"),
    [
        ("raises_in_setup:create", "model", "There is no model at nano; give a directory."),
        ("raises_in_setup:create_with_bug", "internal", "KeyError"),
        ("no_such_module:create", "internal", "ModuleNotFoundError"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_told_and_the_process_leaves(
    double: Start, factory: str, kind: str, message: str
) -> None:
    with double(factory) as handle:
        broken = receive(handle)
        assert isinstance(broken, StartFailed)
        assert broken.failure.kind == kind
        assert message in str(broken.failure)
        handle.process.join(PATIENCE)
        assert handle.process.exitcode == 0


def test_what_a_newer_bot_says_is_refused_by_name_and_the_worker_goes_on(
    double: Start, ask: Ask, capfd: pytest.CaptureFixture[str]
) -> None:
    with double("fast:create") as handle:
        unknown = wire.to_dict(Shutdown()) | {"message": "pause"}
        newer = wire.to_dict(ask("newer"))
        newer["request"]["smell"] = "roses"
        for values in (unknown, wire.to_dict(Shutdown()) | {"version": 99}, newer):
            handle.commands.send_bytes(json.dumps(values).encode())
        failed = outcome(handle)
        assert isinstance(failed, Failed)
        assert (failed.job_id, failed.failure.kind) == ("newer", FailureKind.BAD_REQUEST)
        assert "doesn't understand this request (smell)" in str(failed.failure)
        handle.send(ask("after"))
        assert isinstance(outcome(handle), Finished)
    log = capfd.readouterr().err
    assert "There is no message 'pause' in this version" in log
    assert "messages of version 99, not 1" in log


@pytest.mark.parametrize("engine", ["killed", "killed_in_setup"])
def test_a_killed_worker_is_eof_and_its_signal(double: Start, engine: str, ask: Ask) -> None:
    with double(f"{engine}:create") as handle:
        handle.send(ask("one"))
        with pytest.raises((EOFError, ConnectionResetError)):
            outcome(handle)
        handle.process.join(PATIENCE)
        assert handle.process.exitcode == -signal.SIGKILL
        with pytest.raises(OSError, match="pipe"):
            handle.send(ask("two"))


def test_what_stops_the_bot_leaves_the_worker_at_its_job(double: Start, ask: Ask) -> None:
    """A terminal and systemd send their signals to every process at once."""
    with double("slow:create") as handle:
        handle.send(ask("one"))
        assert isinstance(receive(handle), Ready)
        assert receive(handle) == Started("one", 1)
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(handle.process.pid or 0, number)
        assert isinstance(outcome(handle), Finished)


def test_a_hanging_worker_can_be_killed_from_outside(double: Start, ask: Ask) -> None:
    with double("hangs:create") as handle:
        handle.send(ask("one"))
        assert isinstance(receive(handle), Ready)
        assert receive(handle) == Started("one", 1)
        handle.process.kill()
        with pytest.raises((EOFError, ConnectionResetError)):
            receive(handle)


def test_one_killed_worker_does_not_hide_behind_another(double: Start, ask: Ask) -> None:
    """A second process that had inherited the first one's pipes would hold back its EOF."""
    with double("hangs:create") as first, double("hangs:create") as second:
        assert isinstance(receive(first), Ready)
        assert isinstance(receive(second), Ready)
        first.process.kill()
        with pytest.raises((EOFError, ConnectionResetError)):
            receive(first)
        assert second.process.is_alive()


def test_a_flood_of_events_is_neither_lost_nor_deadlocked(double: Start, ask: Ask) -> None:
    with double("floods_events:create") as handle:
        handle.send(ask("one"))
        assert isinstance(receive(handle), Ready)
        assert receive(handle) == Started("one", 1)
        time.sleep(0.2)  # nobody reads for a while: the pipe is full
        *said, finished = job_events(handle)
        assert said == [Progress("one", 1, "denoise", n + 1, FLOOD) for n in range(FLOOD)]
        assert isinstance(finished, Finished)


def test_it_gives_way_ignores_interrupts_and_imports_no_torch(
    double: Start, ask: Ask, tmp_path: Path
) -> None:
    with double("tells:create") as handle:
        job = ask("one")
        handle.send(job)
        assert isinstance(outcome(handle), Finished)
        facts = json.loads((tmp_path / job.output_name).read_text())
        assert facts["niceness"] >= min(os.nice(0) + 10, 19)
        assert facts["threads"] == "1"
        assert facts["ignores_interrupt"]
        assert not facts["holds_torch"]
        pid = handle.process.pid
        assert pid is not None
        os.kill(pid, signal.SIGINT)
        handle.send(ask("two"))
        assert isinstance(outcome(handle), Finished)


PARENT = """
import sys
from generator.contract.worker_settings import WorkerSettings
from generator.worker import process as worker
from generator.contract.messages import Generate, Request
if __name__ == "__main__":
    handle = worker.start(WorkerSettings(engine="tests.generator.engines.hangs:create"))
    request = Request(prompt="x", seed=1, width=64, height=64, steps=1, guidance_scale=1.0)
    handle.send(Generate("one", 1, request, ".gif"))
    handle.receive(), handle.receive()
    print(handle.process.pid, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("death", ["killed", "leaves"])
def test_the_end_of_the_parent_ends_the_worker_in_mid_job(death: str, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_alive(child)
        if death == "killed":
            parent.kill()
        parent.stdin.close()
        parent.wait(PATIENCE)
        wait_until(lambda: not is_alive(child))


def is_alive(pid: int) -> bool:
    """An orphan that nobody has buried yet is dead all the same."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"
