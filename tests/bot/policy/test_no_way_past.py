"""What leads to a job or to a posted file stands in few places, and each of them asks the gate."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

BOT = Path(__file__).parents[3] / "bot"
# What is posted beside results: none of these was made for a user.
NOT_MADE = {
    ("commands/contact_sheet.py", "_edit_message"): "the source's key frames, to who brought it",
    ("commands/help.py", "_picture"): "the guide's own",
    ("commands/history.py", "_thumbnails"): "drawn from what the gate lets be seen",
    ("commands/result_actions.py", "recipe"): "a text",
    ("commands/privacy.py", "_opened"): "all that is somebody's own, to them alone",
    ("commands/privacy.py", "show_policy"): "a text",
    ("commands/word_lists.py", "words"): "a list, to a moderator",
    ("delivery/appeal_posts.py", "_post"): "what the gate withheld, covered, to who decides on it",
}


@functools.cache
def calls() -> frozenset[tuple[str, str, str]]:
    """Return every call: its file, the function that it stands in, and what is called."""
    return frozenset(_calls())


def _calls() -> Iterator[tuple[str, str, str]]:
    for file in sorted(BOT.rglob("*.py")):
        name = file.relative_to(BOT).as_posix()
        if name.startswith(("sandbox/", "demo/")):
            continue
        module = ast.parse(file.read_text(encoding="utf-8"))
        for function in ast.walk(module):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    # what is handed to another function is called there
                    for called in (node.func, *node.args):
                        yield name, function.name, ast.unparse(called)


def places_of(*called: str) -> set[tuple[str, str]]:
    return {(file, function) for file, function, name in calls() if name in called}


def test_a_row_is_added_behind_the_gate_alone() -> None:
    assert places_of("rows.add_within") == {("jobs/store.py", "_insert")}
    assert places_of("self._store.add") == {("jobs/service.py", "accept")}
    assert ("jobs/service.py", "accept") in places_of("self._gate.check_request")


def test_a_result_is_delivered_behind_the_gate_alone() -> None:
    passing_on = {("jobs/notifier.py", "deliver")}
    delivering = places_of("self._notifier.deliver") - passing_on
    assert delivering == {("jobs/completion.py", "deliver")}
    assert delivering <= places_of("check_may_post")


def test_a_file_is_opened_for_a_message_behind_the_gate_or_was_not_made() -> None:
    opening = places_of("discord.File") - {("ui/result_message.py", "opened_files")}  # a result
    previews = {
        ("delivery/progress_messages.py", "_preview"),
        ("delivery/group_messages.py", "_opened"),
    }
    seen_uncovered = {("commands/expressions.py", "_create_sticker")}  # which ``add`` has asked of
    made = opening - set(NOT_MADE) - previews - seen_uncovered
    assert made == {("ui/stored_files.py", "made_file")}
    assert made <= places_of("check_may_post")
    assert places_of("may_be_seen_uncovered") == {
        ("commands/expressions.py", "add"),
        ("commands/history.py", "_coverless_result"),
        ("delivery/group_messages.py", "_preview_bytes"),
        ("delivery/progress_messages.py", "_preview_bytes"),
    }


def test_only_the_app_chooses_the_gate() -> None:
    assert {file for file, _ in places_of("PolicyGate")} == {"app/furnishing.py"}
