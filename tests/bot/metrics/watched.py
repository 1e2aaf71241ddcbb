"""A bot to look at whose every figure a test sets."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.metrics.snapshot import Connections
from bot.workers.device_report import DeviceReport
from bot.workers.host_report import HostReport


def device(state: str, name: str = "cpu", memory: int | None = None) -> DeviceReport:
    return DeviceReport(key="cpu", device=name, state=state, memory_bytes=memory)


WELL = Connections(open=1, wanted=1, heartbeat=0.05, servers=3)


@dataclass
class FakeBot:
    """``bot.metrics.snapshot.Watched``, well unless something else is said."""

    connected: Connections = WELL
    its_devices: list[DeviceReport] = field(default_factory=lambda: [device("idle")])
    its_hosts: list[HostReport] = field(default_factory=list)
    its_queue_limit: int = 100
    its_members: dict[int, int] = field(default_factory=dict)

    def connections(self) -> Connections:
        return self.connected

    def devices(self) -> list[DeviceReport]:
        return self.its_devices

    def hosts(self) -> list[HostReport]:
        return self.its_hosts

    def queue_limit(self) -> int:
        return self.its_queue_limit

    def members(self, guild_id: int) -> int | None:
        return self.its_members.get(guild_id)
