"""Messages over a line that loses, doubles and reorders them: each arrives once, and in order."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from generator.contract.errors import MessageError
from generator.contract.remote import unpack
from generator.link.mailbox import Mailbox


class Line:
    """Two mailboxes, and what is under way between them; ``heard`` is what one took in."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._under_way: list[tuple[str, bytes]] = []
        self.heard: list[int] = []
        self.near = Mailbox("s", self._sender("far"))
        self.far = Mailbox("s", self._sender("near"))

    def _sender(self, to: str) -> Callable[[bytes], None]:
        return lambda frame: self._under_way.append((to, frame))

    def deliver(self, *, loses: float = 0.0, shuffles: bool = False) -> None:
        under_way, self._under_way = self._under_way, []
        if shuffles:
            self._random.shuffle(under_way)
        for to, frame in under_way:
            if self._random.random() < loses:
                continue
            values, _ = unpack(frame)
            if to == "near":
                self.near.takes(values)
            elif self.far.takes(values):
                self.heard.append(values["number"])


@pytest.mark.parametrize("seed", range(5))
def test_what_matters_comes_once_and_in_order(seed: int) -> None:
    line = Line(seed)
    for number in range(50):
        line.near.insist("event", number=number)
        line.deliver(loses=0.4, shuffles=True)
    while not line.near.is_empty:
        line.near.repeat()
        line.deliver(loses=0.4, shuffles=True)
    assert line.heard == list(range(50))


def test_what_is_said_next_acknowledges_as_well() -> None:
    sent: list[dict[str, Any]] = []
    due: list[Callable[[], None]] = []
    mailbox = Mailbox("s", lambda frame: sent.append(unpack(frame)[0]), due.append)
    mailbox.takes({"kind": "event", "session": "s", "id": 1})
    mailbox.insist("command")
    mailbox.takes({"kind": "event", "session": "s", "id": 2, "ack": 1})
    assert mailbox.is_empty
    early, in_time = due
    early()
    assert sent == [{"kind": "command", "session": "s", "id": 1, "ack": 1}]
    in_time()
    assert sent[1:] == [{"kind": "ack", "session": "s", "id": 2}]


def test_what_does_not_matter_is_said_once() -> None:
    line = Line()
    line.near.say("event", number=1)
    line.deliver(loses=1.0)
    line.near.repeat()
    line.deliver()
    assert line.heard == []
    assert line.near.is_empty


def test_one_that_is_never_heard_is_known_by_it() -> None:
    line = Line()
    for number in range(1000):
        assert not line.near.is_full
        line.near.insist("event", number=number)
    assert line.near.is_full


def test_a_number_that_is_none_is_refused() -> None:
    line = Line()
    for wrong in (-1, True, "1", 2**80, None):
        with pytest.raises(MessageError):
            line.near.takes({"kind": "event", "session": "s", "id": wrong})
