"""Options whose limits are known only once the model is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
from discord import AppCommandOptionType, app_commands


class Bounded(app_commands.Transformer):
    """Registers limits with Discord and hands the raw value on, to be checked with the others.

    ``lowest`` and ``highest`` bound a number, or a text's length.
    """

    def __init__(
        self,
        kind: AppCommandOptionType,
        lowest: float | None = None,
        highest: float | None = None,
        *,
        choices: Sequence[app_commands.Choice[Any]] = (),
    ) -> None:
        self._kind = kind
        self._lowest = lowest
        self._highest = highest
        self._choices = list(choices)

    @property
    def type(self) -> AppCommandOptionType:
        return self._kind

    @property
    def min_value(self) -> float | None:
        return self._lowest

    @property
    def max_value(self) -> float | None:
        return self._highest

    @property
    def choices(self) -> list[app_commands.Choice[Any]] | None:
        return list(self._choices) or None

    async def transform(self, interaction: discord.Interaction[Any], value: Any, /) -> Any:
        del interaction
        return value
