"""What a bot needs to be watched, and that one which nobody watches needs nothing."""

from __future__ import annotations

import logging
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.app.lock import lock_data_directory
from bot.app.monitoring import Monitoring, Streams
from bot.cli.doctor_monitoring import describe_metrics, describe_tracing
from bot.core.config import Settings
from bot.jobs.service import JobService
from bot.jobs.transitions import Transition, TransitionStream
from bot.policy.decisions import DecisionStream
from bot.storage.database import Database
from generator.contract.errors import MissingExtraError
from generator.contract.findings import Doubt
from tests.bot.jobs.samples import job
from tests.patience import until


def settings(**values: object) -> Settings:
    return Settings(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("module", "extra", "values"),
    [
        ("prometheus_client", "metrics", {"metrics": {"listen": "127.0.0.1:9464"}}),
        ("opentelemetry", "tracing", {"tracing": {"endpoint": "http://127.0.0.1:4318"}}),
    ],
)
def test_a_missing_extra_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, module: str, extra: str, values: dict[str, object]
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)  # as where it isn't installed
    with pytest.raises(MissingExtraError, match=rf"hotshot-bot\[{extra}\]"):
        Monitoring(settings(**values))


def test_a_bot_that_nobody_watches_traces_no_request() -> None:
    assert Monitoring(settings()).http_trace is None


@pytest.mark.parametrize("are_wanted", [False, True])
async def test_prompts_are_logged_where_the_owner_wants_them(
    caplog: pytest.LogCaptureFixture, *, are_wanted: bool
) -> None:
    caplog.set_level(logging.INFO)
    transitions = TransitionStream()
    told: list[Transition] = []
    unused_jobs, unused_database = object.__new__(JobService), object.__new__(Database)
    Monitoring(settings(log={"prompts": are_wanted})).follow(
        Streams(
            transitions=transitions,
            decisions=DecisionStream(),
            database=unused_database,
            jobs=unused_jobs,
        )
    )
    transitions.subscribe(told.append)
    asked = job(prompt="a walrus")
    transitions.publish(Transition(None, asked, datetime.now(UTC)))
    transitions.publish(Transition(None, asked, datetime.now(UTC), is_recovered=True))
    await until(lambda: len(told) == 2)
    assert caplog.text.count("asked for: 'a walrus'") == are_wanted


def test_doctor_says_where_metrics_and_traces_are(tmp_path: Path) -> None:
    endpoint = "http://127.0.0.1:4318"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        given = settings(
            metrics={"listen": listen},
            tracing={"endpoint": f"{endpoint}/"},
            storage={"data_dir": tmp_path},
        )
        found = describe_metrics(given)
        assert isinstance(found, Doubt)
        assert f"nothing can listen at metrics.listen, {listen} (Address already in use)" in found
    assert describe_metrics(given) == f"at {listen}, once the bot runs"
    with lock_data_directory(tmp_path):
        assert describe_metrics(given) == f"at {listen}, of the running bot"
    assert describe_tracing(given) == f"traces go to {endpoint}"
