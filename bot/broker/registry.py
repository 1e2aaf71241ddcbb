"""Which GPU hosts may come: a file beside the database, and the bot's own key.

Only public keys are kept; a host's seed is in the line that was printed for it and nowhere else.
The file is changed by commands while the bot runs, which looks at it often: ``revision`` grows with
each change, and the bot writes the one that holds at its server into a file of its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from bot.broker.errors import BrokerError
from bot.broker.keys import PUBLIC_KEY, KeyPair, make_key, public_key
from bot.broker.private_files import locked_directory, read_private, write_private
from generator.contract.json_text import JsonError, parse_json
from generator.contract.subjects import HostNameError, check_host_name

_VERSION = 1
_ID_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class HostRecord:
    """A GPU host that may come: its nkey's public key, and when it was added (since 1970)."""

    public_key: str
    created: int


@dataclass(frozen=True, slots=True)
class HostList:
    """All hosts by name, as they stood at a revision; 0 is before the first was added."""

    revision: int = 0
    hosts: Mapping[str, HostRecord] = field(default_factory=dict)


class HostRegistry:
    """The list of hosts and the keys in a bot's data directory. Its methods block for a moment."""

    def __init__(self, data_dir: Path) -> None:
        self.directory = data_dir.resolve() / "remote"
        self._file = self.directory / "hosts.json"
        self._applied = self.directory / "applied"
        self._bot_seed = self.directory / "bot.seed"

    def read(self) -> HostList:
        """Return the hosts that may come. Raises BrokerError."""
        data = read_private(self._file)
        if data is None:
            return HostList()
        try:
            return _parse(data)
        except (JsonError, KeyError, TypeError, ValueError, HostNameError) as error:
            raise BrokerError(
                f"The list of hosts {self._file} is damaged; put it back from a copy, or remove it "
                "and add the hosts again."
            ) from error

    def add(self, name: str) -> KeyPair:
        """Let a host come, and return its key, which isn't kept. Raises BrokerError."""
        check_host_name(name)
        with locked_directory(self.directory):
            before = self.read()
            if name in before.hosts:
                raise BrokerError(
                    f"There is a host {name} already; choose another name, or remove that one "
                    f"with `hotshot-bot host remove {name}`."
                )
            made = make_key()
            record = HostRecord(made.public, int(time.time()))
            self._write(before, {**before.hosts, name: record})
        return made

    def remove(self, name: str) -> HostList:
        """Let a host come no more, and return those that still may. Raises BrokerError."""
        with locked_directory(self.directory):
            before = self.read()
            if name not in before.hosts:
                raise BrokerError(_unknown(name, before))
            left = {other: it for other, it in before.hosts.items() if other != name}
            return self._write(before, left)

    @property
    def has_bot_key(self) -> bool:
        """Whether the bot's own key was made."""
        return self._bot_seed.exists()

    def bot_key(self) -> KeyPair:
        """Return the bot's own key, made on first use. Raises BrokerError."""
        file = self._bot_seed
        with locked_directory(self.directory):
            data = read_private(file)
            if data is None:
                made = make_key()
                write_private(file, made.seed.encode())
                return made
        seed = data.decode(errors="replace").strip()
        try:
            return KeyPair(seed, public_key(seed))
        except ValueError:
            raise BrokerError(
                f"The bot's key {file} is damaged; put it back from a copy, or remove it so that a "
                "new one is made."
            ) from None

    def applied_revision(self) -> int:
        """Return the revision that the running bot's server goes by."""
        data = read_private(self._applied) or b"0"
        return int(data) if data.isdigit() else 0

    def note_applied(self, revision: int) -> None:
        """Say which revision the server goes by. Raises BrokerError."""
        write_private(self._applied, str(revision).encode())

    def _write(self, before: HostList, hosts: Mapping[str, HostRecord]) -> HostList:
        after = replace(before, revision=before.revision + 1, hosts=hosts)
        values = {
            "version": _VERSION,
            "revision": after.revision,
            "hosts": {name: asdict(record) for name, record in hosts.items()},
        }
        write_private(self._file, json.dumps(values, indent=1).encode())
        return after


def bot_id(public: str) -> str:
    """Return a few characters of a bot's public key, which tell it from others."""
    return public[:_ID_CHARACTERS]


def _parse(data: bytes) -> HostList:
    values = parse_json(data)
    if values["version"] != _VERSION:
        raise ValueError("of another version")
    hosts = {check_host_name(name): HostRecord(**of) for name, of in values["hosts"].items()}
    if not all(PUBLIC_KEY.fullmatch(record.public_key) for record in hosts.values()):
        raise ValueError("no public key")
    return HostList(int(values["revision"]), hosts)


def _unknown(name: str, known: HostList) -> str:
    if not known.hosts:
        return f"There is no host {name[:40]!r}, nor any other."
    return f"There is no host {name[:40]!r}; there are {', '.join(sorted(known.hosts))}."
