"""A soak of GPU hosts elsewhere: ``python -m tests.soak.hosts --jobs 500`` (root makes networks).

Hosts are network namespaces, every second one behind NAT. Their cables are pulled out, their agents
and workers killed, and so are the bot and its nats-server; then every job is counted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from benchmarks.table import print_table
from bot.sandbox import Sandbox
from tests.bot.fork_server import ROOT
from tests.patience import PATIENCE
from tests.soak.chaos import Blow, Chaos
from tests.soak.network import Network, is_possible, make_network
from tests.soak.rig import Rig
from tests.soak.soak import Outcome, Plan, soak_with
from tests.soak.users import Users

_PORT = 4222


class Agent:
    """``hotshot worker`` on one host, started again whenever it ends."""

    def __init__(self, network: Network, name: str, line: str, directory: Path) -> None:
        self.name = name
        self._command = (
            *network.prefix(name),
            *(sys.executable, "-m", "generator", "worker", "--join", line, "--devices", "cpu"),
            *("--engine", "tests.soak.engine:create", "--cache-dir", str(directory / "cache")),
        )
        self._log = directory / f"{name}.log"
        self._process: asyncio.subprocess.Process | None = None
        self._is_leaving = False

    async def keep_running(self) -> None:
        while not self._is_leaving:
            with self._log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    cwd=ROOT,
                    env={**os.environ, "OMP_NUM_THREADS": "1"},
                    stdout=log,
                    stderr=log,
                )
            await self._process.wait()

    def send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    def workers(self) -> list[psutil.Process]:
        """The generator processes on this host."""
        if self._process is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(self._process.pid).children()
            return [each for each in children if "spawn_main" in " ".join(each.cmdline())]
        return []

    async def stop(self) -> None:
        """End it, finished or not."""
        self._is_leaving = True
        self.send(signal.SIGTERM)
        self.send(signal.SIGTERM)
        if self._process is not None:
            try:
                await asyncio.wait_for(self._process.wait(), PATIENCE)
            finally:
                self.send(signal.SIGKILL)


class HostRig(Rig):
    """A bot without workers of its own, and hosts that join it by their lines."""

    def __init__(
        self,
        directory: Path,
        discord: Sandbox,
        network: Network,
        hosts: list[str],
        *,
        silence_seconds: float = 3.0,
    ):
        listen = f"{network.address}:{_PORT}"
        super().__init__(
            directory,
            discord,
            devices=(),
            silence_seconds=silence_seconds,
            remote={"listen": listen},
        )
        self.network = network
        self.agents: list[Agent] = []
        self._directory = directory
        self._hosts = hosts

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with super().running():
            for name in self._hosts:
                line = await self._add(name)
                self.agents.append(Agent(self.network, name, line, self._directory))
            keeping = [asyncio.create_task(agent.keep_running()) for agent in self.agents]
            try:
                yield
            finally:
                await asyncio.gather(*(agent.stop() for agent in self.agents))
                await asyncio.gather(*keeping)

    async def _add(self, name: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "host", "add", name, "--config", str(self.config)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # what is for a person
            cwd=ROOT,
        )
        line, _ = await process.communicate()
        return line.decode().strip()

    def server(self) -> psutil.Process | None:
        """The bot's nats-server."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.bot.process.pid).children():
                if child.name() == "nats-server":
                    return child
        return None


class HostChaos(Chaos):
    """Blows to the hosts, the lines and the server, and to the bot."""

    first = ("link down 10 s", "agent killed", "bot killed", "nats-server killed", "link down 3 s")

    def __init__(self, discord: Sandbox, rig: HostRig, users: Users, seed: int) -> None:
        super().__init__(discord, rig, users, seed)
        self._hosts = rig
        self._draw = random.Random(f"hosts {seed}")
        self._kinds = {
            name: self._kinds[name] for name in ("bot killed", "gateway dropped", "Discord away")
        } | {
            "worker killed": (4, self._kill_host_worker),
            "agent killed": (4, self._signal_agent(signal.SIGKILL)),
            "agent told to leave": (2, self._signal_agent(signal.SIGTERM)),
            "nats-server killed": (2, self._kill_server),
            "link down 3 s": (4, self._pull_cable(3)),
            "link down 10 s": (3, self._pull_cable(10)),
            "link down 60 s": (1, self._pull_cable(60)),
        }

    async def _kill_host_worker(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            if workers := self._draw.choice(self._hosts.agents).workers():
                self._draw.choice(workers).kill()

    def _signal_agent(self, number: signal.Signals) -> Blow:
        async def send() -> None:
            self._draw.choice(self._hosts.agents).send(number)

        return send

    async def _kill_server(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            if server := self._hosts.server():
                server.kill()

    def _pull_cable(self, seconds: float) -> Blow:
        async def pull() -> None:
            name = self._draw.choice(self._hosts.agents).name
            self._hosts.network.set_link(name, is_up=False)
            try:
                await asyncio.sleep(seconds)
            finally:
                self._hosts.network.set_link(name, is_up=True)

        return pull


async def soak_hosts(plan: Plan, directory: Path, hosts: int) -> Outcome:
    """Run a soak of so many hosts, every second one behind NAT. Only root may."""
    names = [f"host{number}" for number in range(hosts)]
    with make_network({name: bool(at % 2) for at, name in enumerate(names)}) as network:
        return await soak_with(
            plan,
            lambda discord: HostRig(directory, discord, network, names),
            HostChaos,
            check_answers=False,
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.hosts", description=__doc__)
    parser.add_argument("--jobs", type=int, default=500, help="how many are typed")
    parser.add_argument("--hosts", type=int, default=4, help="how many hosts there are")
    parser.add_argument("--seed", type=int, default=1, help="of every choice and moment")
    parser.add_argument("--keep", type=Path, help="where logs and data are left")
    chosen = parser.parse_args()
    if not is_possible():
        parser.error("no networks can be made here: be root, and install iproute2 and iptables")
    plan = Plan(jobs=chosen.jobs, seed=chosen.seed, calm=1200.0)
    with tempfile.TemporaryDirectory() as temporary:
        directory: Path = chosen.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        outcome = asyncio.run(soak_hosts(plan, directory.resolve(), chosen.hosts))
    title = f"{plan.jobs} jobs over {chosen.hosts} hosts, seed {plan.seed}"
    print_table(title, ("", "count"), outcome.figures())
    for problem in outcome.problems:
        print(f"WRONG: {problem}")
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main())
