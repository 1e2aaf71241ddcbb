"""Hosts of a test's own on one machine: network namespaces on a bridge, some of them behind NAT.

Only root may make them, and the bot stays outside: it is at ``Network.address`` for all of them.
A host behind NAT can dial out, and nobody can dial it. A link that is down drops what is sent, as a
cable does that is pulled out: neither side hears that the connection is over.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

_OUTSIDE = "10.217"
_INSIDE = "192.168.217"


class Network:
    """A bridge and the hosts on it. Made by ``make_network``."""

    def __init__(self) -> None:
        self._tag = f"hs{os.getpid() % 100_000:05}"
        self._subnet = f"{_OUTSIDE}.{os.getpid() % 250}"
        self.address = f"{self._subnet}.1"
        self._ports: dict[str, str] = {}  # host -> its end of the cable at the bridge
        self._namespaces: list[str] = []

    def make_bridge(self) -> None:
        _ip("link", "add", self._tag, "type", "bridge")
        _ip("address", "add", f"{self.address}/24", "dev", self._tag)
        _ip("link", "set", self._tag, "up")

    def add(self, name: str, *, is_behind_nat: bool = False) -> None:
        """Add a host, whose commands begin with ``prefix(name)``."""
        number = len(self._ports) + 11
        outer = self._namespace(f"{name}-gw" if is_behind_nat else name)
        port = f"{self._tag}p{number}"
        _ip("link", "add", port, "type", "veth", "peer", "name", "out", "netns", outer)
        _ip("link", "set", port, "master", self._tag, "up")
        _ip("-n", outer, "address", "add", f"{self._subnet}.{number}/24", "dev", "out")
        _ip("-n", outer, "link", "set", "out", "up")
        self._ports[name] = port
        if is_behind_nat:
            self._put_behind(outer, self._namespace(name))

    def prefix(self, name: str) -> tuple[str, ...]:
        """Return what runs a command on a host."""
        return ("ip", "netns", "exec", f"{self._tag}-{name}")

    def set_link(self, name: str, *, is_up: bool) -> None:
        """Pull out a host's cable, or put it in again."""
        _ip("link", "set", self._ports[name], "up" if is_up else "down")

    def close(self) -> None:
        """Take all of it away; what runs there must be gone."""
        for namespace in self._namespaces:
            _run("ip", "netns", "delete", namespace, must_work=False)
        _run("ip", "link", "delete", self._tag, must_work=False)

    def _namespace(self, name: str) -> str:
        made = f"{self._tag}-{name}"
        _ip("netns", "add", made)
        self._namespaces.append(made)
        _ip("-n", made, "link", "set", "lo", "up")
        return made

    def _put_behind(self, gateway: str, host: str) -> None:
        """Connect a host to the world by a gateway that lets in nothing but answers."""
        _ip(
            "-n", gateway, "link", "add", "in", "type", "veth", "peer", "name", "out", "netns", host
        )
        for namespace, device, last in ((gateway, "in", 1), (host, "out", 2)):
            _ip("-n", namespace, "address", "add", f"{_INSIDE}.{last}/24", "dev", device)
            _ip("-n", namespace, "link", "set", device, "up")
        _ip("-n", host, "route", "add", "default", "via", f"{_INSIDE}.1")
        inside = ("ip", "netns", "exec", gateway)
        _run(*inside, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        _run(*inside, "iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "out", "-j", "MASQUERADE")
        answers = ("-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT")
        _run(*inside, "iptables", "-A", "FORWARD", "-i", "out", *answers)
        _run(*inside, "iptables", "-A", "FORWARD", "-i", "out", "-j", "DROP")


@contextmanager
def make_network(hosts: dict[str, bool]) -> Iterator[Network]:
    """Make a network of these hosts, each with whether it is behind NAT, and take it away."""
    network = Network()
    try:
        network.make_bridge()
        for name, is_behind_nat in hosts.items():
            network.add(name, is_behind_nat=is_behind_nat)
        yield network
    finally:
        network.close()


def is_possible() -> bool:
    """Return whether namespaces, bridges and NAT can be made here."""
    if os.getuid() != 0:
        return False
    try:
        with make_network({"probe": True}):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def _ip(*words: str) -> None:
    _run("ip", *words)


def _run(*words: str, must_work: bool = True) -> None:
    subprocess.run(words, check=must_work, capture_output=True)
