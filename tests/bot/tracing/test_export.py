"""Spans reach a real collector as they are; one that is away costs a line in the log."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp.test_utils import unused_port
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from bot.core.errors import ConfigError
from bot.tracing.export import SpanExport
from bot.tracing.spans import Span
from tests.collector import collecting

JOB = "0f" * 16


def span(name: str, span_id: int, parent_id: int | None = None, error: str = "") -> Span:
    return Span(
        name=name,
        trace_id=int(JOB, 16),
        span_id=span_id,
        parent_id=parent_id,
        start=1_000,
        end=3_000,
        attributes={"hotshot.frames": 8},
        error=error,
    )


async def test_spans_come_as_they_are() -> None:
    async with collecting() as collector:
        export = SpanExport(collector.url)
        export.take(span("work", 2, 1, "out_of_memory"))
        export.take(span("gif", 1))
        await asyncio.to_thread(export.close)
    assert collector.services == {"hotshot-bot"}
    found = {each.name: each for each in collector.of(JOB)}
    assert found.keys() == {"gif", "work"}
    assert found["gif"].span_id.hex() == f"{1:016x}"
    assert found["gif"].parent_span_id == b""
    assert found["work"].parent_span_id == found["gif"].span_id
    assert found["work"].status.code == Status.STATUS_CODE_ERROR
    assert found["work"].status.message == "out_of_memory"
    assert (found["gif"].start_time_unix_nano, found["gif"].end_time_unix_nano) == (1_000, 3_000)
    assert found["gif"].attributes[0].key == "hotshot.frames"


async def test_a_collector_that_is_away_is_one_line_and_holds_nobody_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    port = unused_port()
    export = SpanExport(f"http://127.0.0.1:{port}")
    for number in range(5000):
        export.take(span("gif", number + 1))
    await asyncio.to_thread(export.close)
    [line] = [each.getMessage() for each in caplog.records]
    assert line.startswith(f"traces can't be sent to tracing.endpoint, http://127.0.0.1:{port};")


def test_a_variable_that_makes_no_sense_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    with pytest.raises(ConfigError, match=r"OTEL_… in the environment is wrong \(max_queue_size"):
        SpanExport("http://127.0.0.1:9")
