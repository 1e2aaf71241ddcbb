"""What can go wrong in the bot, as one tree. ``str(error)`` is always one sentence for a person.

Two audiences: ``StartupError`` is read by whoever runs the bot, in the terminal; ``RefusedError``
by whoever typed a command, in Discord, in their language: it is raised as a template and its
values, ``RefusedError("At most {most} fit.", most=8)``. Foreign errors are translated where they
cross into this package (``raise ... from``).

::

    BotError                        internal
    ├── StartupError
    │   ├── ConfigError, TokenError, DataDirectoryError, DatabaseError
    ├── RefusedError
    │   ├── GoneError
    │   ├── WithheldError           withheld
    │   │   └── AppealableError     withheld
    │   └── NotAcceptedError
    │       └── StorageError        disk, may be retried
    ├── BackupError
    ├── WorkerStartError            as the worker says
    ├── WorkerDiedError             worker_died, may be retried
    │   ├── WorkerHungError         worker_hung, may be retried
    │   └── HostLostError           lost_host, may be retried
    └── UndeliverableError          undeliverable
        ├── UnreachableError        undeliverable, may be retried
        └── TooLargeError           too_large

Those that can end a job have the ``FailureKind`` that stands beside them.
"""

from __future__ import annotations

from typing import ClassVar

from generator.contract.errors import Failure, FailureKind
from generator.contract.failures import describe_exit
from generator.contract.text import Text, TranslatableError


class BotError(TranslatableError):
    """Base of every error that a person may read.

    ``kind`` and ``is_retryable`` say the same of one that ends a job as ``HotshotError``'s do.
    """

    kind: ClassVar[FailureKind] = FailureKind.INTERNAL
    is_retryable: ClassVar[bool] = False


class StartupError(BotError):
    """The bot can't start; says what to do. Printed as one line, exit code 2."""

    is_translated = False


class ConfigError(StartupError):
    """A config file, one of its keys or an override is wrong; names it and what is expected."""


class TokenError(StartupError):
    """There is no token, or Discord refuses it."""


class DataDirectoryError(StartupError):
    """The data directory can't be used, or another bot uses it already."""


class DatabaseError(StartupError):
    """The database can't be opened or brought to this version."""


class BackupError(BotError):
    """A backup can't be taken, or not be restored; says why. Nothing was done by halves."""

    is_translated = False


class RefusedError(BotError):
    """A command is refused; says why and what to do instead."""


class GoneError(RefusedError):
    """What a button, menu or form was about is used up or gone; trying it again can't help."""


class WithheldError(RefusedError):
    """A file that was made may not be posted; says why."""

    kind = FailureKind.WITHHELD


class AppealableError(WithheldError):
    """A file may not be posted unless a moderator allows it."""


class NotAcceptedError(RefusedError):
    """A job can't be accepted now: a full queue, a broken model, a bot that is stopping."""


class StorageError(NotAcceptedError):
    """The database or the disk didn't take a write, so nothing was accepted."""

    kind = FailureKind.DISK
    is_retryable = True


class WorkerStartError(BotError):
    """A worker can't load its model; the failure says why and how to mend it."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.text)


class WorkerDiedError(BotError):
    """A worker is gone. ``exit_code`` is its process's, negative for a signal."""

    kind = FailureKind.WORKER_DIED
    is_retryable = True

    def __init__(self, exit_code: int | None, reason: Text | None = None) -> None:
        self.exit_code = exit_code
        self.reason = reason or describe_exit(exit_code)
        super().__init__("The generator process died ({reason}).", reason=self.reason)


class WorkerHungError(WorkerDiedError):
    """A generator process said nothing for too long and was killed."""

    kind = FailureKind.WORKER_HUNG

    def __init__(self, seconds: float) -> None:
        reason = Text("it didn't respond for {seconds:g} s and was stopped", seconds=seconds)
        super().__init__(None, reason)


class HostLostError(WorkerDiedError):
    """The machine that a worker is on can't be reached any more; its job is not to blame."""

    kind = FailureKind.LOST_HOST

    def __init__(self, host: str) -> None:
        super().__init__(None, Text("the connection to {host} was lost", host=host))


class UndeliverableError(BotError):
    """A result can't reach its owner any more; says why."""

    kind = FailureKind.UNDELIVERABLE


class UnreachableError(UndeliverableError):
    """Discord couldn't be reached for so long that a delivery was given up."""

    is_retryable = True


class TooLargeError(UndeliverableError):
    """A file can't be made small enough for any place that Discord has for it."""

    kind = FailureKind.TOO_LARGE
