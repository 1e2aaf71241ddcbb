"""What the bot knows of its GPU hosts, for reports."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.workers.host_report import HostReport
from bot.workers.remote.hub import RemoteWorker

AWAY = "away"


def host_reports(workers: Sequence[RemoteWorker], hosts: Collection[str]) -> list[HostReport]:
    """Return a report of each worker of these hosts, and of each host that says nothing."""
    theirs = [worker for worker in workers if worker.host in hosts]
    heard = {worker.host for worker in theirs}
    reports = [_report(worker) for worker in theirs]
    reports += [HostReport(name=host, state=AWAY) for host in hosts if host not in heard]
    return sorted(reports, key=lambda report: report.name)


def _report(worker: RemoteWorker) -> HostReport:
    hello = worker.hello
    if hello is None or not worker.is_here:
        return HostReport(name=worker.name, state=AWAY, refusal=worker.trouble)
    return HostReport(
        name=worker.name,
        state=hello.state,
        card=hello.card,
        model=hello.model,
        memory_bytes=hello.memory,
        cached_bytes=hello.cached,
        package=hello.package,
        python=hello.python,
        job_id=hello.job,
        refusal=worker.trouble,
    )
