"""``hotshot-bot``, killed at one of its writes to the database: ``killed_at WRITE before|after
COMMAND``.

Every change of a job's state is a write, so this is a bot killed at every state change: either
before the row changes, all that led to it done, or after, with nothing yet done that follows. A
write goes by the name of its query, a move by the state it leads to, a note by what it notes. They
are listed in ``writes.txt`` beside the config as they come.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot import __main__
from bot.storage import database


def name_of(query: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """``jobs.move:running`` for the write that says so."""
    name = f"{query.__module__.rpartition('.')[2]}.{query.__name__}"
    match query.__name__:
        case "move":
            return f"{name}:{args[1]}"
        case "note":
            return f"{name}:{min(kwargs)}"
        case _:
            return name


class KillingDatabase(database.Database):
    """A database that lists the writes of this process and kills it at one of them."""

    deadly = ""
    when = ""
    listed = Path()

    async def write(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        name = name_of(query, args, kwargs)
        with self.listed.open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")
        if name == self.deadly and self.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = await super().write(query, *args, **kwargs)
        if name == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return result


if __name__ == "__main__":
    KillingDatabase.deadly, KillingDatabase.when = sys.argv[1:3]
    config = Path(sys.argv[sys.argv.index("--config") + 1])
    KillingDatabase.listed = config.with_name("writes.txt")
    database.Database = KillingDatabase  # type: ignore[misc]
    sys.exit(__main__.main(sys.argv[3:]))
