"""A short soak of two GPU hosts, one behind NAT, on networks of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.sandbox import Verdict
from tests.programs import need_program
from tests.soak.hosts import soak_hosts
from tests.soak.network import is_possible
from tests.soak.soak import Plan

pytestmark = pytest.mark.slow

SEED = 3


async def test_hosts_that_come_and_go_lose_nothing_and_deliver_once(tmp_path: Path) -> None:
    for program in ("nats-server", "ip", "iptables"):
        need_program(program)
    if not is_possible():
        pytest.skip("only root may make network namespaces")
    plan = Plan(jobs=30, seed=SEED, pause=0.8, chaos_every=1.0)
    outcome = await soak_hosts(plan, tmp_path, hosts=2)
    assert outcome.problems == [], "\n".join(outcome.problems)
    assert outcome.chaos["link down 10 s"]
    assert outcome.chaos["agent killed"]
    assert outcome.chaos["nats-server killed"]
    assert outcome.totals.counts[Verdict.DELIVERED] > plan.jobs / 2
