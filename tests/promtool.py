"""Prometheus's own judgement of figures as they are scraped."""

from __future__ import annotations

import subprocess

from tests.programs import need_program


def check_metrics(scraped: str) -> None:
    """Fail with what promtool says where it finds anything wrong, or against its conventions."""
    checked = subprocess.run(
        [need_program("promtool"), "check", "metrics"],
        input=scraped, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
