"""What nats-server logs, as the bot's own lines: few, and with hosts' names for their keys.

Who knocks at the port decides how often the server complains, and partly in which words. So a
complaint is logged once, and counted from then on; the count follows a minute later.
"""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping

from bot.broker.keys import PUBLIC_KEY

logger = logging.getLogger(__name__)

AGAIN_AFTER_SECONDS = 60.0
MOST_KINDS = 20  # logged in that time; more are counted together
_LONGEST = 300
_LINE = re.compile(r"(?:\[\d+\] )?\[(?P<level>INF|WRN|ERR|FTL|DBG|TRC)\] (?P<text>.*)")
_PEER = re.compile(r"^(?P<ip>[0-9a-fA-F.:\[\]]+):\d+ - (?:\w+:\d+ - )?")
_VARIABLE = re.compile(r"\d+|\"[^\"]*\"|'[^']*'|0x[0-9a-f]+")
_LEVELS = {"WRN": logging.WARNING, "ERR": logging.WARNING, "FTL": logging.ERROR}
# What the server says, and what that means to whoever runs the bot.
_MEANINGS = (
    ("authentication error", "its key isn't that of a host that may connect"),
    ("authentication timeout", "it sent no key in time"),
    ("maximum connections exceeded", "there are already as many connections as allowed"),
    ("maximum payload exceeded", "it sent a longer message than allowed"),
    (
        "tls handshake",
        "it doesn't speak TLS, or trusts another server; perhaps it isn't a GPU host",
    ),
    ("parser error", "it doesn't speak NATS"),
    ("slow consumer", "it reads what is sent to it too slowly"),
    ("publish violation", "it may not publish there"),
    ("subscription violation", "it may not subscribe there"),
)
_OTHERS = "other complaints of the server"


class ServerLog:
    """Passes on the server's complaints; its other lines are for DEBUG."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._names: Mapping[str, str] = {}
        self._since = clock()
        self._seen: Counter[str] = Counter()

    def set_names(self, names: Mapping[str, str]) -> None:
        """Say which public key is whose."""
        self._names = names

    def take(self, line: str) -> None:
        """Log a line of the server's, or count it."""
        found = _LINE.match(line)
        level = _LEVELS.get(found["level"], logging.DEBUG) if found else logging.WARNING
        text = self._readable(found["text"] if found else line)
        if level == logging.DEBUG:
            logger.debug("%s", text)
            return
        self.tell_counts()
        kind = _kind(text)
        if kind not in self._seen and len(self._seen) >= MOST_KINDS:
            kind = _OTHERS
        self._seen[kind] += 1
        if self._seen[kind] == 1 and kind != _OTHERS:
            logger.log(level, "nats-server: %s", text)

    def tell_counts(self) -> None:
        """Log how often each complaint came again, once a minute."""
        if self._clock() < self._since + AGAIN_AFTER_SECONDS:
            return
        for kind, count in self._seen.items():
            more = count if kind == _OTHERS else count - 1
            if more:
                logger.warning("nats-server: %d times more: %s", more, kind)
        self._seen.clear()
        self._since = self._clock()

    def _readable(self, text: str) -> str:
        named = PUBLIC_KEY.sub(lambda key: self._names.get(key[0], "an unknown key"), text)
        plain = "".join(each if each.isprintable() else "?" for each in named)[:_LONGEST]
        meant = next((words for said, words in _MEANINGS if said in plain.lower()), "")
        return f"{plain} ({meant})" if meant else plain


def _kind(text: str) -> str:
    """Return a complaint with the address it is about, without what differs each time."""
    peer = _PEER.match(text)
    what = _VARIABLE.sub("…", text[peer.end() :] if peer else text)
    return f"{peer['ip']}: {what}" if peer else what
