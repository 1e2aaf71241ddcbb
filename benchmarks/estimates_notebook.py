"""Runs the bot and notes the time left of each job at its start and its middle: ``--notes FILE``.

A line each: the job, which of the two, seconds left (null: unknown), and when (epoch).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TextIO
from unittest.mock import patch

from bot.app import main as app
from bot.cli import settings_with_logs
from bot.core import machine
from bot.jobs.queue import Ticket
from bot.jobs.service import JobService
from bot.storage.models import Job
from generator.contract.messages import Generate, Progress


def service_that_notes(output: TextIO) -> type[JobService]:
    """The job service, which is asked what its users are told, at the moments that matter."""

    class Noting(JobService):
        async def start_job(self, ticket: Ticket, device: str) -> tuple[Job, Generate] | None:
            begun = await super().start_job(ticket, device)
            if begun is not None:
                self._note(begun[0].id, "start")
            return begun

        def job_progressed(self, progress: Progress) -> None:
            super().job_progressed(progress)
            if progress.stage == "denoise" and progress.step == progress.steps // 2:
                self._note(progress.job_id, "middle")

        def _note(self, job_id: str, when: str) -> None:
            status = self.status(job_id)
            left = None if status is None else status.seconds_left
            output.write(json.dumps([job_id, when, left, time.time()]) + "\n")

    return Noting


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notes", type=Path, required=True)
    parser.add_argument("--config", type=Path, required=True)
    chosen = parser.parse_args()
    with (
        chosen.notes.open("w", buffering=1, encoding="ascii") as output,
        patch.object(app, "JobService", service_that_notes(output)),  # what the bot is made of
    ):
        machine.run_event_loop(app.run(settings_with_logs(chosen.config)))


if __name__ == "__main__":
    main()
