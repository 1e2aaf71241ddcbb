"""A collector of traces: takes OTLP over HTTP as a real one does, and keeps what comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import unused_port
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collector:
    """What has come by now, as it came and as spans."""

    url: str
    bodies: list[bytes] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    def of(self, job_id: str) -> list[Span]:
        """The spans of a job's trace, in the order of their beginnings."""
        own = [span for span in self.spans if span.trace_id.hex() == job_id]
        return sorted(own, key=lambda span: (span.start_time_unix_nano, -span.end_time_unix_nano))

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.services.add(named["service.name"])
            for scope in resource.scope_spans:
                self.spans += scope.spans
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/x-protobuf")


@asynccontextmanager
async def collecting(port: int | None = None) -> AsyncIterator[Collector]:
    """A collector on this machine."""
    port = port or unused_port()
    collector = Collector(f"http://127.0.0.1:{port}")
    application = web.Application(client_max_size=16 * 2**20)
    application.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield collector
    finally:
        await runner.cleanup()
