"""A short soak: 30 jobs, with faults closer together than in the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.sandbox import Verdict
from tests.soak.soak import Plan, soak

pytestmark = pytest.mark.slow

SEED = 4


async def test_nothing_is_lost_and_nothing_comes_twice(tmp_path: Path) -> None:
    print(f"seed {SEED}")  # shown where it fails
    plan = Plan(jobs=30, seed=SEED, pause=0.3, chaos_every=1.5, backup_every=2.0)
    outcome = await soak(plan, tmp_path)
    assert outcome.problems == [], "\n".join(outcome.problems)
    assert outcome.chaos["bot killed"]
    assert outcome.chaos["worker killed"]
    assert outcome.chaos["encoder killed"]
    assert outcome.requests_hit
    assert outcome.backups
    assert outcome.totals.counts[Verdict.DELIVERED] > plan.jobs / 2
