"""What follows from what a detector saw."""

from __future__ import annotations

import pytest

from bot.core.errors import ConfigError
from bot.jobs.gate import Allow, Spoiler, Withhold
from bot.policy.pictures.picture_rules import PictureRules
from generator.contract.text import Text

RULES = PictureRules(withhold={"bare": 0.8, "knife": 0.5}, spoiler={"bare": 0.4})


@pytest.mark.parametrize(
    ("scores", "withhold", "spoiler"),
    [
        ({}, Allow, Allow),
        ({"bare": 0.39, "cat": 1.0}, Allow, Allow),
        ({"bare": 0.4}, Spoiler, Spoiler),
        ({"bare": 0.8}, Withhold, Spoiler),
        ({"knife": 0.5, "bare": 0.0}, Withhold, Spoiler),
    ],
)
def test_each_class_counts_from_its_score_on(
    scores: dict[str, float], withhold: type, spoiler: type
) -> None:
    assert isinstance(RULES.verdict(scores, "withhold"), withhold)
    assert isinstance(RULES.verdict(scores, "spoiler"), spoiler)
    assert RULES.verdict(scores, "off") == Allow()


def test_the_surest_class_is_named() -> None:
    verdict = RULES.verdict({"bare": 0.85, "knife": 0.9}, "withhold")
    assert isinstance(verdict, Withhold)
    assert verdict.may_be_appealed
    assert "found knife in it" in str(verdict.reason)


def test_what_nobody_looked_at_is_taken_for_the_worst() -> None:
    reason = Text("nobody looked")
    assert RULES.worst("withhold", reason) == Withhold(reason, may_be_appealed=True)
    assert RULES.worst("spoiler", reason) == Spoiler()
    assert RULES.worst("off", reason) == Allow()
    only_covers = PictureRules(withhold={}, spoiler={"bare": 0.4})
    assert only_covers.worst("withhold", reason) == Spoiler()


def test_classes_that_there_are_not_are_refused_with_those_that_there_are() -> None:
    RULES.check_classes(["bare", "knife", "cat"])
    with pytest.raises(ConfigError, match="perhaps bared was meant") as refused:
        RULES.check_classes(["knife", "bared"])
    assert str(refused.value).startswith("detector.withhold: the detector knows no class 'bare'")
    assert str(refused.value).endswith("It knows bared, knife.")
    many = [f"class {number}" for number in range(1000)]
    with pytest.raises(ConfigError, match=r"class 0, class 1, .* and 960 more"):
        RULES.check_classes(many)
