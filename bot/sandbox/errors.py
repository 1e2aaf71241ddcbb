"""What the sandbox answers when it refuses, and what it raises at the person who types.

``ApiError`` becomes Discord's JSON error body. ``SandboxError`` and below never travel over HTTP:
they tell a test or the demo that what it asked for can't happen in Discord.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a payload: where, Discord's name for it, and a sentence."""

    path: tuple[str | int, ...]
    code: str
    message: str

    def __str__(self) -> str:
        place = ".".join(str(part) for part in self.path) or "the body"
        return f"{place}: {self.message} ({self.code})"


class ApiError(Exception):
    """A refusal in Discord's form: ``status`` of HTTP, ``code`` of Discord."""

    def __init__(
        self, status: int, code: int, message: str, problems: tuple[Problem, ...] = ()
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.problems = problems

    @property
    def body(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.problems:
            answer["errors"] = _nested(self.problems)
        return answer


def invalid_form(*problems: Problem) -> ApiError:
    return ApiError(400, 50035, "Invalid Form Body", problems)


def _nested(problems: tuple[Problem, ...]) -> dict[str, Any]:
    """Return problems nested along their paths, under ``_errors`` at the end, as Discord does."""
    tree: dict[str, Any] = {}
    for problem in problems:
        node = tree
        for part in problem.path:
            node = node.setdefault(str(part), {})
        node.setdefault("_errors", []).append({"code": problem.code, "message": problem.message})
    return tree


class SandboxError(Exception):
    """The base of the errors that a person in the sandbox gets; each is one sentence.

    It is a template and the values in it, so that a page can say it in another language. Without
    values the template is taken as it stands, braces and all.
    """

    def __init__(self, template: str, /, **values: object) -> None:
        self.template = template
        self.values = {name: str(value) for name, value in values.items()}
        super().__init__(template.format(**self.values) if values else template)


class NotOffered(SandboxError):  # noqa: N818 - it reads as what happened, like LookupError's kin
    """Discord's client would not let this person do that: no such command, option or button."""


class NobodyListening(SandboxError):  # noqa: N818 - as above
    """No bot is connected, nor one that could resume: the event would be lost."""
