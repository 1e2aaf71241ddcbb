"""``hotshot-bot host add | list | remove | config``: which GPU hosts elsewhere may come.

What a program may want is printed on standard output, and what is for a person on standard error.
The bot may run meanwhile: it follows the list, and the command waits until it has.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime

from bot.app.lock import lock_holder
from bot.broker.broker import authority_of
from bot.broker.errors import BrokerError
from bot.broker.registry import HostRegistry, bot_id
from bot.broker.server_config import accounts_block
from bot.cli import print_json
from bot.core.config import Settings, load
from generator.contract.join_line import JoinLine
from generator.contract.subjects import check_host_name

_FOLLOWS_WITHIN_SECONDS = 10.0
_LOOK_EVERY_SECONDS = 0.05


def execute(arguments: argparse.Namespace) -> int:
    settings = load(arguments.config)
    if not settings.remote.is_used:
        raise BrokerError(
            'This config has no GPU hosts elsewhere: set remote.listen, such as "0.0.0.0:4222", '
            "and remote.address (see docs/remote.md)."
        )
    registry = HostRegistry(settings.storage.data_dir)
    if arguments.action == "add":
        return _add(settings, registry, arguments.name)
    if arguments.action == "remove":
        return _remove(settings, registry, arguments.name)
    if arguments.action == "list":
        return _list(registry, as_json=arguments.json)
    return _config(settings, registry)


def _add(settings: Settings, registry: HostRegistry, name: str) -> int:
    check_host_name(name)
    address = settings.remote.dial_address
    if address is None:
        raise BrokerError(
            f"remote.listen ({settings.remote.listen}) means every address of this machine, but a "
            "host has to know which one to connect to: set remote.address to this machine's name "
            "or IP address."
        )
    authority = authority_of(settings.remote, registry)
    bot = bot_id(registry.bot_key().public)
    key = registry.add(name)
    record = registry.read()
    line = JoinLine(
        url=f"tls://{address}",
        host=name,
        seed=key.seed,
        ca=authority,
        bot=bot,
        created=record.hosts[name].created,
    )
    _tell(
        f"{name} may connect. Run this on the GPU host, which has to reach {address} over TCP:\n\n"
        '  pip install "hotshot-bot[generator,remote]"\n'
        "  hotshot worker --join LINE\n\n"
        f"LINE is the line below. It contains the key of {name} and isn't shown again: anybody "
        f"who has it can connect as {name} until `hotshot-bot host remove {name}`.\n"
    )
    print(line.to_text())
    return _wait_until_followed(settings, registry, record.revision)


def _remove(settings: Settings, registry: HostRegistry, name: str) -> int:
    after = registry.remove(name)
    code = _wait_until_followed(settings, registry, after.revision)
    if code == 0:
        _tell(f"{name} can no longer connect.")
    return code


def _list(registry: HostRegistry, *, as_json: bool) -> int:
    hosts = registry.read().hosts
    if as_json:
        shown = [
            {"name": name, "added": datetime.fromtimestamp(record.created, UTC).isoformat()}
            for name, record in sorted(hosts.items())
        ]
        print_json({"hosts": shown})
        return 0
    if not hosts:
        _tell("No host may connect yet; `hotshot-bot host add NAME` adds one.")
    width = max(map(len, hosts), default=0)
    for name, record in sorted(hosts.items()):
        added = datetime.fromtimestamp(record.created, UTC)
        print(f"{name:<{width}}  added {added:%Y-%m-%d %H:%M} UTC")
    return 0


def _config(settings: Settings, registry: HostRegistry) -> int:
    if settings.remote.listen:
        raise BrokerError(
            "The bot configures its own server (remote.listen) by itself; this command is for "
            "somebody else's server, which remote.url names."
        )
    print(accounts_block(registry.read().hosts, bot_key=registry.bot_key().public), end="")
    return 0


def _wait_until_followed(settings: Settings, registry: HostRegistry, revision: int) -> int:
    """Wait until the running bot goes by this revision; return the exit code."""
    if settings.remote.url:
        _tell(
            "The server of remote.url has to know: put what `hotshot-bot host config` prints "
            "into its configuration, in place of the earlier block, and reload it."
        )
    deadline = time.monotonic() + _FOLLOWS_WITHIN_SECONDS
    while lock_holder(settings.storage.data_dir) is not None:
        if registry.applied_revision() >= revision:
            return 0
        if time.monotonic() > deadline:
            _tell(
                "The running bot hasn't applied this; perhaps it was started before [remote] was "
                "in its config. Restart it."
            )
            return 1
        time.sleep(_LOOK_EVERY_SECONDS)
    return 0


def _tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
