"""``hotshot-bot owner ACTION``: asks the running bot to do something, by its owner's socket."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from bot.cli import print_json
from bot.core.config import Settings, load
from bot.operations.requests import REQUESTS
from bot.operations.socket_client import NotRunningError, ask
from bot.operations.wire import Answer

_STOPPED = 3  # as service managers have it: the program is not running
_REFUSED = 2
_LOOK_EVERY_SECONDS = 0.5


def execute(arguments: argparse.Namespace) -> int:
    settings = load(arguments.config)
    fields = REQUESTS[arguments.action].model_fields
    said = {key: getattr(arguments, key) for key in fields if hasattr(arguments, key)}
    given = {key: value for key, value in said.items() if value is not None}
    try:
        answer = ask(settings, arguments.action, given)
        if not answer.error and getattr(arguments, "wait", False):
            answer = _wait_until_drained(settings, answer)
    except NotRunningError as error:
        return _show(Answer(error=str(error)), arguments, code=_STOPPED)
    return _show(answer, arguments, code=_REFUSED if answer.error else 0)


def _show(answer: Answer, arguments: argparse.Namespace, *, code: int) -> int:
    if arguments.json:
        shown: dict[str, Any] = {"error": answer.error} if answer.error else answer.result
        print_json(shown)
    elif answer.error:
        print(f"hotshot-bot: {answer.error}", file=sys.stderr)
    else:
        print(answer.text)
    return code


def _wait_until_drained(settings: Settings, answer: Answer) -> Answer:
    """Return the answer of a bot that makes nothing any more."""
    while not answer.error and _is_at_work(answer.result):
        time.sleep(_LOOK_EVERY_SECONDS)
        answer = ask(settings, "drain", {})
    return answer


def _is_at_work(result: dict[str, Any]) -> bool:
    jobs = result["jobs"]
    return bool(jobs["running"] or jobs["delivering"])
