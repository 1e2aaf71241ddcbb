"""Builds commands from tables of options, whose limits are known once the model is."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord import AppCommandOptionType, app_commands
from discord.app_commands import TranslationContextLocation

from bot.commands.option_names import NAMES, as_option_name
from bot.core.translations import ENGLISH, in_language, language_of, translate
from generator.contract.text import NO_TEXT, Text

Callback = Callable[..., Awaitable[None]]
Suggest = Callable[[discord.Interaction[Any], str, int], Awaitable[Sequence[tuple[str, str]]]]
AnyCommand = app_commands.Command[Any, ..., None]

MAX_CHOICES = 25  # Discord's

# What discord.py makes of ids, where the event tells what stands behind them; others are checked
# with the rest of the request (``bot.commands.option_parsing``).
_OBJECTS: Mapping[AppCommandOptionType, type | tuple[type, ...]] = {
    AppCommandOptionType.attachment: discord.Attachment,
    AppCommandOptionType.channel: (app_commands.AppCommandChannel, app_commands.AppCommandThread),
    AppCommandOptionType.role: discord.Role,
    AppCommandOptionType.user: (discord.User, discord.Member),
}


# Asked for each word in each of Discord's locales, thousands of times at a start.
_TRANSLATED = frozenset(each for each in discord.Locale if language_of(str(each)) != ENGLISH)


def localized(words: Text) -> app_commands.locale_str:
    """Return English words of which ``LocaleTranslator`` makes the other languages'."""
    return app_commands.locale_str(str(words), words=words)


class LocaleTranslator(app_commands.Translator):
    """Translates names and descriptions when commands are registered with Discord."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Return the words in a locale; None where they are English, which stands there anyhow."""
        words = string.extras.get("words")
        if words is None or locale not in _TRANSLATED:
            return None
        with in_language(str(locale)):
            is_name = context.location is TranslationContextLocation.parameter_name
            return as_option_name(words) if is_name else translate(words)


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
        """Return the raw value. Raises TypeError for a file, channel or role that is none."""
        del interaction
        wanted = _OBJECTS.get(self._kind)
        if wanted is not None and not isinstance(value, wanted):
            raise TypeError(f"{value!r:.80} is no {self._kind.name}")
        return value


class CompletedOption(app_commands.Transformer):
    """A text option whose values are suggested while it is typed.

    ``suggest(interaction, typed, limit)`` returns labels and values. Discord takes any other value
    as well, so whoever reads the option looks it up again.
    """

    def __init__(self, suggest: Suggest) -> None:
        self._suggest = suggest

    @property
    def type(self) -> AppCommandOptionType:
        return AppCommandOptionType.string

    async def transform(self, interaction: discord.Interaction[Any], value: Any, /) -> Any:
        """Return the value as it was typed."""
        del interaction
        return value

    async def autocomplete(
        self, interaction: discord.Interaction[Any], value: Any, /
    ) -> list[app_commands.Choice[str | int | float]]:
        """Return what is suggested for the letters typed so far."""
        found = await self._suggest(interaction, str(value), MAX_CHOICES)
        return [app_commands.Choice(name=label, value=key) for label, key in found]


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a command: its transformer, its description, and whether it is required.

    ``label`` is what other languages call it, where ``option_names`` doesn't say it.
    """

    transformer: app_commands.Transformer
    description: Text
    required: bool = False
    label: Text = NO_TEXT


def choice_of(names: Sequence[str], said: Mapping[str, Text] | None = None) -> Bounded:
    """Return an option of a few words, some of which are ``said`` otherwise."""
    words = said or {}
    choices: list[app_commands.Choice[Any]] = [
        app_commands.Choice(name=localized(words[name]) if name in words else name, value=name)
        for name in names
    ]
    return Bounded(AppCommandOptionType.string, choices=choices)


def command(
    name: str, description: Text, callback: Callback, options: Mapping[str, Option]
) -> AnyCommand:
    """Return a command whose callback takes its options by name, None for those left empty."""
    parameters = [
        inspect.Parameter("interaction", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        *(
            inspect.Parameter(
                option_name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if option.required else None,
                annotation=option.transformer,
            )
            for option_name, option in options.items()
        ),
    ]

    async def call(interaction: discord.Interaction[Any], **given: Any) -> None:
        await callback(interaction, **given)

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    made: AnyCommand = app_commands.Command(
        name=name, description=localized(description), callback=call
    )
    words = {option_name: localized(option.description) for option_name, option in options.items()}
    names = {
        option_name: app_commands.locale_str(option_name, words=option.label or NAMES[option_name])
        for option_name, option in options.items()
    }
    return app_commands.rename(**names)(app_commands.describe(**words)(made)) if options else made
