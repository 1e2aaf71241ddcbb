"""The parts of a training: they end in time or when asked, and the log has each line once."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tools.nano import parts, run_log
from tools.nano.run_log import RunLog


def test_a_part_is_over_after_its_time_or_a_signal() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with parts.part(hours=1):
        assert not parts.is_part_over()
        os.kill(os.getpid(), signal.SIGTERM)
        assert parts.is_part_over()
        with pytest.raises(KeyboardInterrupt):  # asked twice
            os.kill(os.getpid(), signal.SIGINT)
    assert parts.was_asked_to_end()
    assert signal.getsignal(signal.SIGTERM) == before
    with parts.part(hours=0):
        assert parts._over.wait(60)
        assert not parts.was_asked_to_end()
    assert not parts.is_part_over()


def test_a_stage_takes_back_what_it_logged_after_its_checkpoint(tmp_path: Path) -> None:
    first, second = RunLog(tmp_path, "first"), RunLog(tmp_path, "second")
    first.forget_after(0)
    first.add(100, 0.5, 7200)
    first.finish(100, 7200)
    for step in (100, 200):
        second.add(step, 0.25, 36 * step)
    with (tmp_path / run_log.FILE).open("a") as file:
        file.write('{"stage": "sec')  # killed amidst a line
    second.forget_after(150)
    second.add(200, 0.125, 7200)
    assert [(one["stage"], one["step"]) for one in run_log.read(tmp_path)] == [
        ("first", 100), ("first", 100), ("second", 100), ("second", 200),
    ]  # fmt: skip
    rows = list(run_log.sums(tmp_path))
    assert rows[2:] == [
        "| first | 100 | 0.5000 | 0.5000 | 2.00 |",
        "| second | 200 | 0.2500 | 0.1250 | 2.00 |",
        "| all | | | | 4.00 |",
    ]
