"""Messages that arrive once and in order, over a connection that may lose any of them.

Both sides of a session have one. A message that matters gets a number and is kept until the other
side acknowledges it; whatever isn't is said again, once a second and after each reconnect. The
receiver takes a number in once, and only after the one before it, and acknowledges it with what it
says next, or by itself where that is nothing for a moment. What doesn't matter, such as progress,
has no number and may be lost.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from generator.contract.remote import number_of, pack

ACK = "ack"
_MOST_KEPT = 1000
_ANSWER_SECONDS = 0.2


def answer_later(call: Callable[[], None]) -> None:
    """Acknowledge what comes within a moment by one message."""
    asyncio.get_running_loop().call_later(_ANSWER_SECONDS, call)


class Mailbox:
    """One side of a session; ``publish`` sends a frame, or drops it where nobody is connected.

    ``later`` calls what it is given after a moment: what comes within that is acknowledged at once.
    """

    def __init__(
        self,
        session: str,
        publish: Callable[[bytes], object],
        later: Callable[[Callable[[], None]], object] = lambda call: call(),
    ) -> None:
        self.session = session
        self._publish = publish
        self._later = later
        self._owes_answer = False
        self._answers_owed = 0  # since the start
        self._last_said = 0
        self._last_heard = 0
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    @property
    def is_full(self) -> bool:
        """Whether the other side hasn't acknowledged for so long that it must be gone."""
        return len(self._kept) >= _MOST_KEPT

    @property
    def is_empty(self) -> bool:
        """Whether everything that was said is acknowledged."""
        return not self._kept

    def say(self, kind: str, body: bytes = b"", **values: Any) -> None:
        """Say something once; it may be lost."""
        self._publish(pack({"kind": kind, "session": self.session, **values}, body))

    def insist(self, kind: str, **values: Any) -> None:
        """Say something until it is acknowledged."""
        self._last_said += 1
        head = {"kind": kind, "session": self.session, "id": self._last_said}
        if self._owes_answer:
            self._owes_answer = False
            head[ACK] = self._last_heard
        frame = self._kept[self._last_said] = pack(head | values)
        self._publish(frame)

    def repeat(self) -> None:
        """Say again what isn't acknowledged, in order."""
        for frame in list(self._kept.values()):
            self._publish(frame)

    def takes(self, values: dict[str, Any]) -> bool:
        """Return whether a message of this session is new and in turn; answer it.

        Raises MessageError.
        """
        if values.get("kind") == ACK:
            self._acknowledged(number_of(values, "id"))
            return False
        if ACK in values:
            self._acknowledged(number_of(values, ACK))
        number = number_of(values, "id") if "id" in values else 0
        if not number:
            return True
        is_next = number == self._last_heard + 1
        self._last_heard += is_next
        if not self._owes_answer:
            self._owes_answer = True
            self._answers_owed += 1
            self._later(partial(self._answer, self._answers_owed))
        return is_next

    def _answer(self, owed: int) -> None:
        # else something that was said since has the answer, or the next one isn't due yet
        if self._owes_answer and owed == self._answers_owed:
            self._owes_answer = False
            self.say(ACK, id=self._last_heard)

    def _acknowledged(self, number: int) -> None:
        while self._kept and next(iter(self._kept)) <= number:
            self._kept.popitem(last=False)
