"""What can go wrong, as one tree, and of which kind it is. Standard library only.

::

    HotshotError            internal
    ├── RequestError        bad_request
    ├── ModelError          model
    ├── MissingExtraError   not_installed
    ├── MediaError          media
    │   └── OutputError     disk, may be retried
    ├── OutOfMemoryError    out_of_memory
    ├── CancelledError      cancelled
    ├── MessageError        version
    └── TrainingError       training

``str(error)`` is always one sentence for a person: the command line prints it and exits with 2, the
worker sends it as a ``Failure``, the bot shows it. Programs branch on ``kind`` and
``is_retryable``, never on the sentence. Foreign errors are translated where they cross into this
package (``raise ... from``).

What may reach somebody in Discord is raised as a template and its values, not as an f-string:
``RequestError("At most {most} fit.", most=8)``, so that the bot can say it in their language.
"""

from __future__ import annotations

import enum
import errno
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from generator.contract.text import Text, TranslatableError


class FailureKind(enum.StrEnum):
    """Why there is no result, for programs; rows and log lines say it in these words."""

    BAD_REQUEST = "bad_request"
    MODEL = "model"
    NOT_INSTALLED = "not_installed"  # an extra of the package
    MEDIA = "media"
    OUT_OF_MEMORY = "out_of_memory"
    CANCELLED = "cancelled"
    TRAINING = "training"
    DISK = "disk"
    VERSION = "version"  # the other process speaks another one
    WORKER_DIED = "worker_died"
    WORKER_HUNG = "worker_hung"
    LOST_HOST = "lost_host"
    HOST_FULL = "host_full"  # another GPU host may have room for its files
    TOO_LARGE = "too_large"  # for any place that Discord has for it
    UNDELIVERABLE = "undeliverable"
    WITHHELD = "withheld"  # by a rule on what may be posted
    INTERRUPTED = "interrupted"  # by going back to a backup
    INTERNAL = "internal"  # a bug


class HotshotError(TranslatableError):
    """Base of every error that a person may read.

    ``is_retryable``: the very same request may succeed later.
    """

    kind: ClassVar[FailureKind] = FailureKind.INTERNAL
    is_retryable: ClassVar[bool] = False


class RequestError(HotshotError):
    """Something asked for is out of range or makes no sense; says what to ask for instead."""

    kind = FailureKind.BAD_REQUEST


class ModelError(HotshotError):
    """A model can't be found, read or used; says what it is and how to mend it."""

    kind = FailureKind.MODEL


class MissingExtraError(HotshotError):
    """An extra of the package isn't installed; says which line installs it."""

    kind = FailureKind.NOT_INSTALLED


class MediaError(HotshotError):
    """A file of frames can't be written or read."""

    kind = FailureKind.MEDIA


class OutputError(MediaError):
    """There is no writing to where a file is to go: a full or read-only disk, no directory.

    Its sentence names the path, which is for whoever chose it, and for nobody else.
    """

    kind = FailureKind.DISK
    is_retryable = True
    is_translated = False


class OutOfMemoryError(HotshotError):
    """The device has no room for this request; a smaller one may fit."""

    kind = FailureKind.OUT_OF_MEMORY


class CancelledError(HotshotError):
    """The request was cancelled between two steps."""

    kind = FailureKind.CANCELLED


class MessageError(HotshotError):
    """A message can't be read: it is damaged, or the other side is of another version."""

    kind = FailureKind.VERSION


class TrainingError(HotshotError):
    """Training can't begin or go on; its data, its settings or its output directory are why."""

    kind = FailureKind.TRAINING
    is_translated = False


class _HasKind(Protocol):
    """An error of this tree, or of the bot's."""

    @property
    def words(self) -> Text: ...

    @property
    def kind(self) -> FailureKind: ...

    @property
    def is_retryable(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no result: ``kind`` for programs, ``text``, one sentence, for people.

    ``is_retryable``: the very same request may succeed later.
    """

    kind: FailureKind
    text: Text
    is_retryable: bool = False

    @classmethod
    def of(cls, error: _HasKind, text: Text | None = None) -> Self:
        """Return an error's failure, with another sentence where one is given."""
        return cls(error.kind, text or error.words, error.is_retryable)

    def __str__(self) -> str:
        return str(self.text)


# -- foreign errors --------------------------------------------------------------------------------

# Of a CPU's memory torch has no error of its own, only words; oneDNN and the system have theirs.
_NO_MEMORY = (
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "out of memory",
    "could not create a primitive",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error is a device's or the machine's word for "no memory is left".

    The one place where that is decided, for Python, torch and CUDA alike; torch is not imported,
    so its error is known by name.
    """
    if isinstance(error, MemoryError | OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if not isinstance(error, RuntimeError):
        return False
    if type(error).__name__ == OutOfMemoryError.__name__:
        return True
    said = str(error).lower()
    return any(words in said for words in _NO_MEMORY)


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error says that a disk, or this user's part of it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
