"""``hotshot-bot``, killed at its n-th write to the database: ``killed_at N before|after COMMAND``.

Every change of a job's state is a write, so this is a bot killed at every state change: either
before the row changes, all that led to it done, or after, with nothing yet done that follows.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from bot import __main__
from bot.storage import database


class KillingDatabase(database.Database):
    """A database that counts the writes of this process and kills it at one of them."""

    number = 0
    when = ""
    written = 0

    async def write(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        KillingDatabase.written += 1
        is_due = self.written == self.number
        if is_due and self.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = await super().write(query, *args, **kwargs)
        if is_due:
            os.kill(os.getpid(), signal.SIGKILL)
        return result


if __name__ == "__main__":
    KillingDatabase.number, KillingDatabase.when = int(sys.argv[1]), sys.argv[2]
    database.Database = KillingDatabase  # type: ignore[misc]
    sys.exit(__main__.main(sys.argv[3:]))
