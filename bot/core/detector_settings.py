"""``[detector]`` of the config."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bot.core.section import Section

Mode = Literal["off", "spoiler", "withhold"]
Score = Annotated[float, Field(gt=0, le=1)]


class DetectorSettings(Section):
    """``[detector]``: what looks at pictures, what it looks for, and what is done then."""

    model: str = ""
    withhold: dict[str, Score] = Field(default_factory=dict)
    spoiler: dict[str, Score] = Field(default_factory=dict)
    servers: Mode = "withhold"
    direct_messages: Mode = "withhold"
    frames: Annotated[int, Field(ge=1, le=64)] = 16
    seconds: Annotated[float, Field(gt=0, le=600)] = 30.0

    @property
    def classes(self) -> set[str]:
        """Return the classes that are looked for."""
        return {*self.withhold, *self.spoiler}

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if self.model and not self.classes:
            raise ValueError(
                "it has nothing to look for; name classes and their scores in withhold or spoiler"
            )
        if self.classes and not self.model:
            raise ValueError("there are classes but no detector; name one with model")
        return self
