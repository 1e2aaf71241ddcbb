"""The subjects of NATS that a bot and its GPU hosts speak on, and which of them a host may use.

A host is called by a name, and each of its workers by the host's name and a device, two tokens of
a subject: ``home`` and ``cuda0``. The server lets a host publish and subscribe what
``may_publish`` and ``may_subscribe`` list, so that it can neither speak nor listen as another.
``generator.link.client.connect`` connects either side. Standard library only.

==============================  ==========  =======================================================
``hs.to.HOST.DEVICE``           bot, host   commands to a worker
``hs.from.HOST.DEVICE.KIND``    host, bot   ``hello``, ``event`` or ``bye``
``hs.blob.HOST``                host, bot   requests of a file's chunks, answered in a host's inbox
``hs.put.HOST``                 host, bot   a file's chunks, each answered there
``_INBOX.HOST.…``               bot, host   a host's inbox
==============================  ==========  =======================================================
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from generator.contract.errors import HotshotError

HELLO, EVENT, BYE = "hello", "event", "bye"
KINDS = (HELLO, EVENT, BYE)
EVERYTHING = "hs.>"
EVERYTHING_FROM_HOSTS = "hs.from.*.*.*"
EVERY_BLOB = "hs.blob.*"
EVERY_PUT = "hs.put.*"
INBOX = "_INBOX"
MAX_PAYLOAD_BYTES = 4 * 2**20  # the server ends the connection of who sends a longer message

_TOKEN = re.compile(r"[a-z0-9-]{1,32}")
_MOST_REMEMBERED = 10_000  # subjects that were looked at


class HostNameError(HotshotError):
    """A name can't be a host's; says what can."""

    is_translated = False


class Sender(NamedTuple):
    """Whose word on ``hs.from`` a message is, and of which of ``KINDS``."""

    host: str
    device: str
    kind: str


def check_host_name(name: str) -> str:
    """Return the name of a host. Raises HostNameError for any that isn't a token of a subject."""
    if _TOKEN.fullmatch(name) is None:
        raise HostNameError(
            f"{name[:40]!r} can't be a host's name: a name has 1 to 32 of the letters a to z, "
            'digits and hyphens, such as "home" or "rack-2".'
        )
    return name


def device_token(device: str) -> str:
    """Return a device's name as a token of a subject: ``cuda0`` for ``cuda:0``.

    Raises ValueError for what is no device's name.
    """
    token = device.replace(":", "", 1)
    if _TOKEN.fullmatch(token) is None:
        raise ValueError(f"{device[:40]!r} isn't a device's name")
    return token


def to_worker(host: str, device: str) -> str:
    """Return where a worker, by its device's token, hears commands."""
    return f"hs.to.{host}.{device}"


def from_worker(host: str, device: str, kind: str) -> str:
    """Return where a worker says something of one of ``KINDS``."""
    return f"hs.from.{host}.{device}.{kind}"


def blob(host: str) -> str:
    """Return where a host asks for the chunks of a file."""
    return f"hs.blob.{host}"


def put(host: str) -> str:
    """Return where a host sends the chunks of a file."""
    return f"hs.put.{host}"


def inbox_prefix(host: str) -> str:
    """Return what the subjects of a host's answers begin with, as a client is told it."""
    return f"{INBOX}.{host}"


def is_in_inbox(host: str, reply: str) -> bool:
    """Return whether an answer to ``reply`` reaches this host and nobody else.

    The server checks where a host publishes, and not where it wants to be answered: the bot may
    publish anywhere, so it must ask this before it answers a request.
    """
    return reply.startswith(f"{inbox_prefix(host)}.")


@lru_cache(maxsize=_MOST_REMEMBERED)
def parse_sender(subject: str) -> Sender | None:
    """Return whose word a message on ``hs.from`` is; None for a subject of another form."""
    parts = subject.split(".")
    if len(parts) != 5 or parts[:2] != ["hs", "from"] or parts[4] not in KINDS:
        return None
    if not all(map(_TOKEN.fullmatch, parts[2:4])):
        return None
    return Sender(*parts[2:])


@lru_cache(maxsize=_MOST_REMEMBERED)
def parse_host(subject: str) -> str | None:
    """Return which host asked on ``hs.blob`` or ``hs.put``; None for another subject."""
    parts = subject.split(".")
    is_known = len(parts) == 3 and parts[0] == "hs" and parts[1] in ("blob", "put")
    return parts[2] if is_known and _TOKEN.fullmatch(parts[2]) else None


def may_publish(host: str) -> tuple[str, ...]:
    """Return where a host may speak, beside answers to what it was asked."""
    return (f"hs.from.{host}.>", blob(host), put(host))


def may_subscribe(host: str) -> tuple[str, ...]:
    """Return where a host may listen."""
    return (f"hs.to.{host}.>", f"{inbox_prefix(host)}.>")
