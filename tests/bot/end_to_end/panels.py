"""How people work with a panel: they fill in its forms, and press Go."""

from __future__ import annotations

from typing import Any

from bot.sandbox import Interaction, Person
from bot.sandbox.model import Message
from generator.contract.options.gif_options import spec_named


async def panel_of(interaction: Interaction) -> Message:
    """Return the panel that an interaction was answered with."""
    return await interaction.message(lambda message: any(map(_is_go, message.buttons)))


def _is_go(button: dict[str, Any]) -> bool:
    return str(button.get("custom_id")).startswith("do:panel_go")


async def fill(person: Person, panel: Message, group: str, **fields: Any) -> Interaction:
    """Open the form of a group and send it; return once the bot has answered."""
    form = await person.press(panel, group)
    await form.acknowledged()
    sent = await person.submit(form, **fields)
    await sent.acknowledged()
    return sent


async def made_by(
    person: Person, opened: Interaction, forms: dict[str, dict[str, Any]] | None = None
) -> Interaction:
    """Fill in these forms of a panel, and press Go."""
    panel = await panel_of(opened)
    for group, fields in (forms or {}).items():
        shown = len(panel.versions)
        sent = await fill(person, panel, group, **fields)
        await sent.message(lambda message, shown=shown: len(message.versions) > shown)  # type: ignore[misc]
    return await person.press(panel, "Go")


async def asked(person: Person, **options: Any) -> Interaction:
    """Ask for a GIF in the panel: /gif with what it offers, forms for all else, and Go."""
    typed: dict[str, Any] = {}
    forms: dict[str, dict[str, Any]] = {}
    for name, value in options.items():
        spec = spec_named(name)
        if spec.slash is not None and name != "prompt":
            typed[name] = value
        elif spec.form is not None:
            said = str(value) if isinstance(value, float) else value
            forms.setdefault(str(spec.form.group.label), {})[name] = said
    return await made_by(person, await person.slash("gif", **typed), forms)


async def remade(person: Person, message: Message, forms: dict[str, dict[str, Any]]) -> Interaction:
    """Press Edit under a GIF, fill in these forms of the panel, and press Go."""
    return await made_by(person, await person.press(message, "Edit"), forms)
