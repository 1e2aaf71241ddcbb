"""A worker: the process that holds one engine, and how to start it. No torch on either side.

The parent calls ``start`` and talks through two pipes made for this worker alone, so a killed one
can't leave a lock or half a message behind for the next, and its death is seen at once as EOF on
``events``. Through them goes the JSON that workers elsewhere get as well, and no pickle: so every
job on one machine tries what two machines need. The child's life is
``generator.worker.job_loop``'s.
"""

from __future__ import annotations

import atexit
import multiprocessing
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import cast

from generator.contract import wire
from generator.contract.messages import Command, Event
from generator.contract.worker_settings import WorkerSettings
from generator.worker.job_loop import PARENT_SIGNALS, run


@dataclass(frozen=True, slots=True)
class WorkerHandle:
    """A started worker. ``events`` turns readable with EOF the moment the process is gone.

    ``events.fileno()`` suits ``loop.add_reader``; then ``receive``.
    """

    process: SpawnProcess
    commands: Connection
    events: Connection

    def send(self, command: Command) -> None:
        """Tell the process; BrokenPipeError (an OSError) is raised once it is gone."""
        self.commands.send_bytes(wire.encode(command))

    def receive(self) -> Event:
        """Return the next event, or wait for it.

        Raises EOFError or OSError once the process is gone, MessageError where it is of another
        version.
        """
        return cast(Event, wire.decode(self.events.recv_bytes()))

    def close(self) -> None:
        """Close the pipes; a worker still alive takes that as its parent's death and leaves."""
        atexit.unregister(self.process.kill)
        self.commands.close()
        self.events.close()


def start(settings: WorkerSettings) -> WorkerHandle:
    """Start a fresh process; return at once, the worker says Ready or StartFailed later."""
    context = multiprocessing.get_context("spawn")
    child_commands, commands = context.Pipe(duplex=False)
    events, child_events = context.Pipe(duplex=False)
    process = context.Process(
        target=run,
        args=(settings, child_commands, child_events),
        name="hotshot-worker",
        daemon=True,  # else a parent on its way out would wait for its jobs
    )
    # Blocked signals stay blocked through exec: a Ctrl-C in the terminal can't hit the child
    # before it has decided to ignore them, and this thread gets its own right after.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, PARENT_SIGNALS)
    try:
        process.start()
        # before multiprocessing would ask it by SIGTERM, and wait for ever
        atexit.register(process.kill)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        # Our copies would keep the pipes open after the child's death and hide it from us.
        child_commands.close()
        child_events.close()
    return WorkerHandle(process, commands, events)
