"""What follows from what a detector saw: pure, by classes and the scores from which they count."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from bot.core.detector_settings import Mode
from bot.core.errors import ConfigError
from bot.jobs.gate import Allow, Spoiler, Verdict, Withhold
from generator.contract.text import Text

_MOST_NAMED = 40  # classes in a sentence
_SEEN = Text("The picture detector found {name} in it, which isn't shown here.", name="")


@dataclass(frozen=True, slots=True)
class PictureRules:
    """The scores from which a class has a picture withheld, or covered."""

    withhold: Mapping[str, float]
    spoiler: Mapping[str, float]

    def verdict(self, scores: Mapping[str, float], mode: Mode) -> Verdict:
        """Return what a picture with these scores is, where it is dealt with by ``mode``."""
        if mode == "off":
            return Allow()
        if (name := _surest(self.withhold, scores)) is not None and mode == "withhold":
            return Withhold(_SEEN.with_values(name=name), may_be_appealed=True)
        is_covered = name is not None or _surest(self.spoiler, scores) is not None
        return Spoiler() if is_covered else Allow()

    def worst(self, mode: Mode, reason: Text) -> Verdict:
        """Return the strictest thing that could be said of a picture that nobody looked at."""
        if mode == "withhold" and self.withhold:
            return Withhold(reason, may_be_appealed=True)
        return Allow() if mode == "off" else Spoiler()

    def check_classes(self, known: Collection[str]) -> None:
        """Raise ConfigError where a class is none of those that the detector knows."""
        for section, wanted in (("withhold", self.withhold), ("spoiler", self.spoiler)):
            for name in wanted:
                if name not in known:
                    raise ConfigError(_unknown(section, name, known))


def _surest(limits: Mapping[str, float], scores: Mapping[str, float]) -> str | None:
    """Return the class that is the farthest above its limit; None where none is above it."""
    found = {name: scores[name] - least for name, least in limits.items() if name in scores}
    above = [name for name, margin in found.items() if margin >= 0]
    return max(above, key=found.__getitem__) if above else None


def _unknown(section: str, name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; perhaps {close[0]} was meant" if close else ""
    listed = ", ".join(sorted(known)[:_MOST_NAMED])
    if len(known) > _MOST_NAMED:
        listed += f" and {len(known) - _MOST_NAMED} more"
    return (
        f"detector.{section}: the detector knows no class {name[:80]!r}{hint}. It knows {listed}."
    )
