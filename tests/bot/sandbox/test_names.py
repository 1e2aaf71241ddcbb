"""The names that tests outside this repository use hold, beside the ones used here."""

from __future__ import annotations

import pytest

import bot.sandbox
from bot.sandbox import (
    Account,
    Accounting,
    HtmlPage,
    RecordedRequest,
    RequestFault,
    RequestMatcher,
    Sandbox,
    Totals,
    Verdict,
)


@pytest.mark.parametrize(
    ("earlier", "now"),
    [
        ("Ledger", Accounting),
        ("Matching", RequestMatcher),
        ("Page", HtmlPage),
        ("Recorded", RecordedRequest),
        ("Tally", Totals),
        ("Trouble", RequestFault),
    ],
)
def test_an_earlier_name_of_a_class(earlier: str, now: type) -> None:
    assert getattr(bot.sandbox, earlier) is now
    assert earlier in bot.sandbox.__all__


@pytest.mark.parametrize(
    ("owner", "earlier", "now"),
    [
        (Account, "accepted", "is_accepted"),
        (Account, "told", "reasons"),
        (Accounting, "asked", "record_request"),
        (Accounting, "tally", "totals"),
        (Accounting, "vouch", "record_acceptances"),
        (RecordedRequest, "trouble", "fault"),
        (Sandbox, "order", "run_command"),
        (Totals, "accepted", "accepted_count"),
        (Verdict, "TOLD", "EXPLAINED"),
        (Verdict, "DOUBLED", "DUPLICATED"),
    ],
)
def test_an_earlier_name_of_an_attribute(owner: type, earlier: str, now: str) -> None:
    assert getattr(owner, earlier) is getattr(owner, now)


def test_earlier_names_of_a_verdict_are_no_further_verdicts() -> None:
    assert [each.name for each in Verdict] == [
        "DELIVERED",
        "EXPLAINED",
        "REFUSED",
        "UNANSWERED",
        "DUPLICATED",
        "CONTRADICTED",
        "MISDELIVERED",
        "LOST",
    ]


def test_an_earlier_name_of_a_value() -> None:
    recorded = RecordedRequest(method="GET", path="/x", template="/x", at=0.0, started=0.0)
    recorded.fault = "Reset"
    assert recorded.trouble == "Reset"  # type: ignore[attr-defined]
