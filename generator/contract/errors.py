"""What can go wrong, as one tree. ``str(error)`` is always one sentence for a person.

The command line prints it and exits with 2, the worker sends it as ``Failed``, the bot shows it.
Foreign errors are translated where they cross into this package (``raise ... from``).

What may reach somebody in Discord is raised as a template and its values, not as an f-string:
``RequestError("At most {most} fit.", most=8)``, so that the bot can say it in their language.
"""

from generator.contract.text import TranslatableError


class HotshotError(TranslatableError):
    """Base of every error that a person may read."""


class RequestError(HotshotError):
    """Something asked for is out of range or makes no sense; says what to ask for instead."""


class ModelError(HotshotError):
    """A model can't be found, read or used; says what it is and how to mend it."""


class MediaError(HotshotError):
    """A file of frames can't be written or read."""


class OutOfMemoryError(HotshotError):
    """The device has no room for this request; a smaller one may fit."""


class CancelledError(HotshotError):
    """The request was cancelled between two steps."""


class TrainingError(HotshotError):
    """Training can't begin or go on; its data, its settings or its output directory are why."""
