"""What ``hotshot-bot doctor`` finds of ``[remote]``: the server of GPU hosts, and who may come."""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import subprocess
from pathlib import Path

from bot.app.lock import lock_holder
from bot.broker.broker import bot_access
from bot.broker.errors import BrokerError
from bot.broker.registry import HostRegistry
from bot.broker.server import ADDRESS_IN_USE, NO_SUCH_ADDRESS, find_server
from bot.cli.listening import listen_error
from bot.core.config import Settings
from bot.core.remote_settings import Address
from generator.contract.findings import Doubt
from generator.link.client import connect

_VERSION = re.compile(r"nats-server: v?(\d+)\.(\d+)\.(\d+)")
_OLDEST = (2, 9, 0)
_ANSWERS_WITHIN_SECONDS = 10.0


def describe_remote(settings: Settings, *, is_online: bool) -> str:
    """Return how the server of GPU hosts stands. Raises BrokerError, LinkError."""
    registry = HostRegistry(settings.storage.data_dir)
    facts = [_own_server(settings) if settings.remote.listen else settings.remote.url]
    if is_online and (settings.remote.url or _is_running(settings)):
        facts.append(_log_in(settings, registry))
    hosts = sorted(registry.read().hosts)
    facts.append(f"hosts that may connect: {', '.join(hosts) or 'none'}")
    said = "; ".join(facts)
    if settings.remote.dial_address is None:
        return Doubt(
            f"{said}; set remote.address to the address that hosts connect to; `hotshot-bot host "
            "add` needs it"
        )
    return said if hosts else Doubt(f"{said}; `hotshot-bot host add NAME` adds one")


def _own_server(settings: Settings) -> str:
    program = find_server(settings.remote.server)
    version = ".".join(map(str, _version_of(program)))
    listen = settings.remote.listen_address
    if _is_running(settings):
        return f"{program} {version} at {listen}, of the running bot"
    _check_free(listen)
    return f"{program} {version} for {listen}"


def _version_of(program: Path) -> tuple[int, ...]:
    try:
        done = subprocess.run(  # noqa: S603 - the operator named it
            [program, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWERS_WITHIN_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BrokerError(f"{program} can't be run ({error}).") from error
    found = _VERSION.search(done.stdout + done.stderr)
    if found is None:
        raise BrokerError(f"{program} isn't a nats-server; fix remote.server.")
    version = tuple(map(int, found.groups()))
    if version < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise BrokerError(f"{program} is too old; {oldest} or newer is needed.")
    return version


def _check_free(listen: Address) -> None:
    """Raise BrokerError where the bot couldn't listen there."""
    error = listen_error(listen)
    if error is None:
        return
    if error.errno == errno.EADDRINUSE:
        raise BrokerError(ADDRESS_IN_USE) from error
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        raise BrokerError(NO_SUCH_ADDRESS) from error
    raise BrokerError(f"remote.listen can't be used: {error.strerror}.") from error


def _log_in(settings: Settings, registry: HostRegistry) -> str:
    """Connect as the bot. Raises LinkError, BrokerError."""
    if not registry.has_bot_key:
        raise BrokerError(
            "The bot has no key for that server yet: `hotshot-bot host config` makes one, and "
            "prints what goes into the server's configuration."
        )
    access = bot_access(settings.remote, registry)

    async def try_it() -> None:
        client = await connect(access, name="doctor")
        await client.close()

    asyncio.run(try_it())
    return "it accepts the bot"


def _is_running(settings: Settings) -> bool:
    return lock_holder(settings.storage.data_dir) is not None
