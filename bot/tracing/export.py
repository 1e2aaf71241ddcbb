"""Sends spans to a collector, by OTLP over HTTP, from a thread of its own.

One that can't be reached costs the spans of meanwhile, and nothing else.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from bot.core.errors import ConfigError
from bot.tracing.spans import Span
from generator.contract.version import VERSION

logger = logging.getLogger(__name__)

_EXPORT_SECONDS = 5.0
_CLOSE_SECONDS = 2.0  # for what is left at the end


class SpanExport:
    """Takes spans that are over; ``close`` sends what is left, for a few seconds at most.

    Raises ConfigError where OpenTelemetry's variables in the environment make no sense.
    """

    def __init__(self, endpoint: str) -> None:
        # it would say the same of every batch, with a traceback
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._ids = _GivenIds()
        try:
            self._collector = _Collector(endpoint)
            self._provider = TracerProvider(
                resource=Resource({"service.name": "hotshot-bot", "service.version": VERSION}),
                id_generator=self._ids,
                shutdown_on_exit=False,
            )
            self._provider.add_span_processor(BatchSpanProcessor(self._collector))
        except ValueError as error:
            raise ConfigError(
                f"A variable OTEL_… in the environment is wrong ({str(error).rstrip('.')}); fix "
                "or unset it, or take tracing.endpoint out of the config."
            ) from error
        self._tracer = self._provider.get_tracer("hotshot")

    def take(self, span: Span) -> None:
        """Have a span sent; returns at once. Called in the event loop alone."""
        self._ids.trace_id, self._ids.span_id = span.trace_id, span.span_id
        made = self._tracer.start_span(
            span.name,
            context=_below(span),
            attributes=dict(span.attributes),
            start_time=span.start,
        )
        if span.error:
            made.set_status(StatusCode.ERROR, span.error)
        made.end(max(span.start, span.end))

    def close(self) -> None:
        """Send what is left; waits for it."""
        self._collector.closes_at = time.monotonic() + _CLOSE_SECONDS
        self._provider.shutdown()


class _GivenIds(IdGenerator):
    """Has the ids that the next span is to have."""

    trace_id = span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class _Collector(SpanExporter):
    """Says once that it can't be reached, and once that it can be again."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._exporter = OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=_EXPORT_SECONDS)
        self._is_lost = False
        self.closes_at: float | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self.closes_at is not None and time.monotonic() > self.closes_at:
            return SpanExportResult.FAILURE
        result = self._exporter.export(spans)
        is_lost = result is not SpanExportResult.SUCCESS
        if is_lost and not self._is_lost:
            logger.warning(
                "traces can't be sent to tracing.endpoint, %s; the bot continues, and traces are "
                "lost until it can send them again",
                self._endpoint,
            )
        elif self._is_lost and not is_lost:
            logger.info("traces are sent to %s again", self._endpoint)
        self._is_lost = is_lost
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _below(span: Span) -> Context:
    """Return the context of a span's parent; an empty one for a trace's first."""
    if span.parent_id is None:
        return Context()
    parent = SpanContext(
        trace_id=span.trace_id,
        span_id=span.parent_id,
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    return set_span_in_context(NonRecordingSpan(parent), Context())
