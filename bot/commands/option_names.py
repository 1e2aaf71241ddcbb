"""The names of options in each language. In English, and in code, they keep their own."""

from __future__ import annotations

from bot.core.translations import is_english, translate
from generator.contract.options.gif_options import OPTIONS
from generator.contract.text import Text

NAMES = {spec.name: spec.label for spec in OPTIONS if spec.label} | {
    "name": Text("name"),
    "file": Text("file"),
    "link": Text("link"),
    "trigger_words": Text("trigger words"),
    "strength": Text("strength"),
    "page": Text("page"),
    "who": Text("who"),
    "search": Text("search"),
    "only": Text("only"),
    "id": Text("GIF"),
    "job": Text("job"),
    "ping": Text("ping"),
    "recipe": Text("recipe"),
    "channel": Text("channel"),
    "role": Text("role"),
    "waiting": Text("waiting"),
    "list": Text("list"),
    "mode": Text("mode"),
    "user": Text("person"),
    "hours": Text("hours"),
    "reason": Text("reason"),
    "day": Text("day"),
    "month": Text("month"),
    "everywhere": Text("everywhere"),
    "adult": Text("adult"),
    "worker": Text("worker"),
    "now": Text("now"),
    "state": Text("state"),
    "text": Text("text"),
}


def as_option_name(words: Text) -> str:
    """Return the words as Discord allows an option to be called: small letters, no spaces."""
    return (
        translate(words).lower().replace(" ", "_").replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    )


def option_name(name: str) -> str:
    """Return what people in the language of this context type for an option."""
    return as_option_name(NAMES[name]) if name in NAMES and not is_english() else name
