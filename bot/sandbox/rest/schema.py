"""Checks payloads against Discord's own description of its API (``openapi.json``, trimmed).

What the bot sends, and in tests what the sandbox answers. Discord differs from its description in
two points: an id may be sent as a number too, and the codes of a form's errors are words.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any, cast

from jsonschema_rs import Draft202012Validator, ValidationError

from bot.sandbox.errors import Problem
from bot.sandbox.rest.trim_openapi import TRIMMED

_MAX_PROBLEMS = 10
_SNOWFLAKE = {"type": ["string", "integer"], "pattern": "^(0|[1-9][0-9]*)$"}
_INNER_ERRORS = {
    "type": "object",
    "properties": {
        "_errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
                "required": ["code", "message"],
            },
        }
    },
    "additionalProperties": False,
    "required": ["_errors"],
}


def request_problems(method: str, path: str, payload: Any) -> list[Problem]:
    """Return what Discord would refuse in a request; ``path`` is a template of OPERATIONS."""
    if _validator(method.lower(), path, "body") is None:
        return []
    return list(_body_problems(method.lower(), path, json.dumps(payload)))


@lru_cache(maxsize=256)
def _body_problems(method: str, path: str, text: str) -> tuple[Problem, ...]:
    """Check a body once: it costs a millisecond, and a crowd's first answers are all alike."""
    return tuple(_found(_validator(method, path, "body"), json.loads(text)))


def answer_problems(method: str, path: str, status: int, payload: Any) -> list[Problem]:
    """Return where an answer isn't what Discord's description promises for ``status``."""
    operation = _description()["paths"].get(path, {}).get(method.lower())
    if operation is None:
        return []
    key = str(status) if str(status) in operation["answers"] else f"{status // 100}XX"
    if key not in operation["answers"]:
        return [Problem((), "STATUS", f"{status} is no answer to {method} {path}")]
    return _found(_validator(method.lower(), path, key), payload)


def _found(validator: Draft202012Validator | None, payload: Any) -> list[Problem]:
    errors = validator.iter_errors(payload) if validator is not None else ()
    return [_problem(error) for error in _leaves(errors)][:_MAX_PROBLEMS]


@cache
def _description() -> dict[str, Any]:
    return cast(dict[str, Any], json.loads(TRIMMED.read_text(encoding="utf-8")))


@cache
def _validator(method: str, path: str, part: str) -> Draft202012Validator | None:
    """Return the validator of a body (``part`` is "body") or answer (its status), or None."""
    operation = _description()["paths"].get(path, {}).get(method, {})
    schema = operation.get("body") if part == "body" else operation["answers"][part]
    if schema is None:
        return None
    schemas = dict(_description()["components"]["schemas"])
    if part == "body":
        schemas["SnowflakeType"] = _SNOWFLAKE
    schemas["InnerErrors"] = _INNER_ERRORS
    return Draft202012Validator({"allOf": [schema], "components": {"schemas": schemas}})


def _leaves(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """Yield the errors of the branch that was meant in each union: far clearer ones."""
    for error in errors:
        branches = getattr(error.kind, "context", None)
        if branches:
            yield from _leaves(_branch_meant(branches, len(error.instance_path)))
        else:
            yield error


def _branch_meant(branches: Sequence[list[ValidationError]], depth: int) -> list[ValidationError]:
    """Return the branch whose ``type`` fits; among several, the one with the fewest errors.

    The union is of something that lies ``depth`` steps inside the payload.
    """
    return min(
        branches, key=lambda errors: (_is_other_type(errors, depth), len(list(_leaves(errors))))
    )


def _is_other_type(errors: list[ValidationError], depth: int) -> bool:
    """Return whether a branch is of another kind of thing: another ``type``, or null."""
    inner = [(error.kind.name, error.instance_path[depth:]) for error in errors]
    return ("enum", ["type"]) in inner or ("type", []) in inner


def _problem(error: ValidationError) -> Problem:
    code, message = _discords_words(error)
    path = tuple(error.instance_path)
    if error.kind.name == "required":
        path += (error.kind.value,)
    return Problem(path, code, message)


def _discords_words(error: ValidationError) -> tuple[str, str]:
    limit = error.kind.value
    words = {
        "required": ("BASE_TYPE_REQUIRED", "This field is required"),
        "maxLength": ("BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length."),
        "maxItems": ("BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length."),
        "minLength": ("BASE_TYPE_MIN_LENGTH", f"Must be {limit} or more in length."),
        "minItems": ("BASE_TYPE_MIN_LENGTH", f"Must be {limit} or more in length."),
        "maximum": ("NUMBER_TYPE_MAX", f"int value should be less than or equal to {limit}."),
        "minimum": ("NUMBER_TYPE_MIN", f"int value should be greater than or equal to {limit}."),
        "enum": ("BASE_TYPE_CHOICES", f"Value must be one of {limit}."),
        "const": ("BASE_TYPE_CHOICES", "Value is none of the choices."),
        "uniqueItems": ("SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value."),
    }
    return words.get(error.kind.name, ("INVALID_TYPE", error.message[:200]))
