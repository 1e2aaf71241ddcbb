"""Log lines carry the job and no secret, whoever wrote them."""

from __future__ import annotations

import json
import logging

import pytest

from bot.core.logs import LineFormatter, job_context, redact
from generator.contract.logs import hide_texts


@pytest.mark.parametrize(
    "line",
    [
        "POST https://discord.com/api/v10/interactions/12/SECRET-x_y.z/callback",
        "PATCH http://127.0.0.1:1/api/v10/webhooks/12/SECRET/messages/@original",
        "POST http://127.0.0.1:1/api/v10/webhooks/12/SECRET?wait=true",
        "{'t': 'INTERACTION_CREATE', 'd': {'token': 'SECRET', 'id': '1'}}",
        '{"op": 2, "d": {"token": "SECRET", "intents": 1}}',
        "headers {'Authorization': 'Bot SECRET'}",
    ],
)
def test_tokens_are_known_by_their_place(line: str) -> None:
    assert "SECRET" not in redact(line)
    assert "[redacted]" in redact(line)


def test_known_secrets_are_found_anywhere() -> None:
    assert redact("so it is my-token!", ("my-token",)) == "so it is [redacted]!"


def record(message: str, *, error: BaseException | None = None) -> logging.LogRecord:
    info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("bot.x", logging.INFO, "x.py", 1, message, None, info)


def test_a_line_says_whose_job_it_is() -> None:
    formatter = LineFormatter(("hidden",))
    with job_context("abc"):
        line = formatter.format(record("two\nlines, hidden"))
    assert line.endswith(" INFO bot.x job=abc two\\nlines, [redacted]")
    assert "job=" not in formatter.format(record("nobody's"))


def test_a_line_for_machines() -> None:
    formatter = LineFormatter(("hidden",), "json")
    with job_context("abc", 2):
        line = formatter.format(record("two\nlines, hidden", error=KeyError("hidden")))
    facts = json.loads(line)
    assert facts["message"] == "two\nlines, [redacted]"
    assert (facts["level"], facts["logger"]) == ("INFO", "bot.x")
    assert (facts["job"], facts["attempt"]) == ("abc", 2)
    assert "KeyError" in facts["trace"]
    assert "hidden" not in line


def test_a_token_inside_json_is_known_as_well() -> None:
    said = record("""{'d': {"token": "SECRET"}} at /webhooks/1/SECRET/x""")
    line = LineFormatter((), "json").format(said)
    assert json.loads(line)["message"].count("[redacted]") == 2
    assert "SECRET" not in line


def test_a_traceback_is_kept_for_a_bug_but_not_for_the_network() -> None:
    formatter = LineFormatter(("hidden",))
    bug = formatter.format(record("failed", error=KeyError("hidden")))
    network = formatter.format(record("failed", error=ConnectionResetError("gone")))
    assert "KeyError" in bug
    assert "hidden" not in bug
    assert network.endswith("failed (ConnectionResetError: gone)")


def test_what_is_hidden_stands_in_no_line_of_meanwhile() -> None:
    formatter = LineFormatter((), "json")
    failed = record("no way: 'a \"red\" ball'", error=ValueError('a "red" ball'))
    with hide_texts('a "red" ball', "no"):
        line = formatter.format(failed)
    assert "red" not in line
    assert json.loads(line)["message"] == "no way: '[hidden]'"
    assert "red" in formatter.format(failed)
