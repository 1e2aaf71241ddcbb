"""A whole bot with a GPU host, as whoever runs it sees it: metrics, health, traces and logs."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import jsonschema_rs
from aiohttp.test_utils import unused_port

from bot.sandbox import Person, Sandbox
from tests.bot.end_to_end.process import Bot, Setup, running
from tests.bot.end_to_end.test_gif import posted
from tests.bot.end_to_end.test_gpu_host import host_command
from tests.bot.engines.staged import STAGES
from tests.bot.metrics.test_shipped import alerts, dashboard_queries, named_in
from tests.collector import collecting
from tests.patience import until
from tests.programs import need_program
from tests.promtool import check_metrics

SCHEMA = Path(__file__).parents[3] / "deploy" / "monitoring" / "log-line.schema.json"
PLANTED = "a planted walrus"


async def get(port: int, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"http://127.0.0.1:{port}{path}") as answer,
    ):
        return answer.status, await answer.text()


async def is_ready(port: int) -> str:
    """What stands on the page once it says that all is well."""
    while (found := await get(port, "/readyz"))[0] != 200:
        assert json.loads(found[1])["reasons"], found
        await asyncio.sleep(0.02)
    return found[1]


async def scraped_with(port: int, line: str) -> str:
    """The figures once that line is among them, such as what a host says each second."""
    scraped = ""
    while line not in scraped.splitlines():
        await asyncio.sleep(0.1)
        _, scraped = await get(port, "/metrics")
    return scraped


async def test_a_bot_and_its_host_are_watched(
    setup: Setup, discord: Sandbox, ada: Person, tmp_path: Path
) -> None:
    need_program("nats-server")
    port = unused_port()
    async with collecting() as collector:
        config = setup.write(
            generator={"devices": []},
            remote={"listen": f"127.0.0.1:{unused_port()}"},
            metrics={"listen": f"127.0.0.1:{port}"},
            tracing={"endpoint": collector.url},
            log={"format": "json"},
        )
        async with running(config, discord) as bot:
            assert await is_ready(port) == '{"ready": true, "reasons": {}}\n'
            _, line, _ = await host_command(config, "host", "add", "home")
            engine = ("--engine", "tests.bot.engines.staged:create")
            flags = ("--devices", "cpu", *engine, "--log-format", "json")
            join = ("worker", "--join", line.strip(), "--cache-dir", str(tmp_path / "cache"))
            agent = await Bot.launch(tmp_path / "host.log", *join, *flags, module="generator")
            try:
                await posted(await ada.slash("gif", prompt=PLANTED, steps=4))
                failed = await ada.slash("gif", prompt=f"{PLANTED} will explode")
                await failed.message(lambda message: "went wrong" in message.text)
                await setup.all_notified()
                await until(lambda: "job failed" in agent.log, lambda: agent.log)
                scraped = await scraped_with(port, 'hotshot_hosts{state="idle"} 1.0')
            finally:
                await agent.stop()
    made, broken = setup.rows("id, state")
    assert_metrics(scraped)
    assert_trace(collector.of(made["id"]))
    names = {span.name: span for span in collector.of(broken["id"])}
    assert names["work"].status.message == names["gif"].status.message == "internal"
    assert not any(PLANTED.encode() in body for body in collector.bodies)
    lines = log_lines(bot.log)
    of_job = [line for line in lines if line.get("job") == made["id"]]
    assert {"accepted as number 1", "done, attempt 1"} <= {line["message"] for line in of_job}
    assert {"user", "server", "channel"} <= of_job[0].keys()
    theirs = log_lines(agent.log)  # by the job's id they belong to the trace
    assert {made["id"], broken["id"]} <= {line.get("job") for line in theirs}
    assert any("Traceback" in line.get("trace", "") for line in theirs)


def assert_metrics(scraped: str) -> None:
    check_metrics(scraped)
    there = set(re.findall(r"^# TYPE (\S+)", scraped, re.MULTILINE))
    assert named_in("\n".join((*dashboard_queries(), alerts()))) <= there
    for line in (
        'hotshot_jobs_ended_total{failure="",state="done"} 1.0',
        'hotshot_jobs_ended_total{failure="internal",state="failed"} 1.0',
        'hotshot_jobs_accepted_total{owner="people"} 2.0',
        'hotshot_deliveries_total{way="response"} 1.0',
        'hotshot_discord_shards{state="connected"} 1.0',
        'hotshot_workers{state="idle"} 1.0',
        'hotshot_jobs{owner="people",state="queued"} 0.0',
    ):
        assert line in scraped.splitlines(), scraped
    [held] = re.findall(
        r'^hotshot_gpu_memory_peak_bytes\{device="home.cpu"\} (\S+)$', scraped, re.MULTILINE
    )
    assert float(held) == 7 * 2**30
    for name in ("job_wait", "job_work", "database", "discord_request", "event_loop_lag"):
        counts = re.findall(rf"^hotshot_{name}_seconds_count\S* (\S+)$", scraped, re.MULTILINE)
        assert any(float(count) > 0 for count in counts), name
    assert PLANTED not in scraped


def assert_trace(spans: list[Any]) -> None:
    """Every stage is there, below the work, and all are in time below the whole."""
    by_name = {span.name: span for span in spans}
    expected = {"gif", "command", "queue", "work", *STAGES, "delivery", "upload"}
    assert expected <= by_name.keys()
    root, work = by_name["gif"], by_name["work"]
    assert root.parent_span_id == b""
    for name in ("command", "queue", "work", "delivery"):
        assert by_name[name].parent_span_id == root.span_id
    for name in STAGES:
        assert by_name[name].parent_span_id == work.span_id
        assert work.start_time_unix_nano <= by_name[name].start_time_unix_nano
        assert by_name[name].end_time_unix_nano <= work.end_time_unix_nano
    assert by_name["upload"].parent_span_id == by_name["delivery"].span_id
    device = {each.key: each.value.string_value for each in work.attributes}["hotshot.device"]
    assert device == "home.cpu"
    routes = [name for name in by_name if name.startswith("POST ")]
    assert "POST /api/v10/interactions/{}/{}/callback" in routes


def log_lines(log: str) -> list[dict[str, Any]]:
    """Every line, an object as the schema has it, and none with a prompt."""
    assert PLANTED not in log
    validator = jsonschema_rs.validator_for(json.loads(SCHEMA.read_text(encoding="utf-8")))
    lines: list[dict[str, Any]] = [json.loads(line) for line in log.splitlines()]
    for line in lines:
        assert not [error.message for error in validator.iter_errors(line)], line
    return lines
