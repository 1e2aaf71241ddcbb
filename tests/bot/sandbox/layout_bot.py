"""A real discord.py bot whose messages are components alone, and whose form has every field."""

from __future__ import annotations

import io
from typing import Any

import discord
from discord import ui
from discord.ui.select import BaseSelect

from tests.bot.sandbox.small_bot import GIF, SmallBot

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 8 + (7).to_bytes(4, "big") + (5).to_bytes(4, "big")


class Panel(ui.LayoutView):
    """A result as it is to look: a container with a gallery, a line, and what can be done."""

    def __init__(self, words: str = "a red ball") -> None:
        super().__init__(timeout=None)
        again = button("Again", "again")
        items = [discord.MediaGalleryItem("attachment://a.gif", description="a GIF", spoiler=True)]
        person: ui.UserSelect[Panel] = ui.UserSelect(
            custom_id="person", placeholder="Who?", max_values=2
        )
        kinds: ui.Select[Panel] = ui.Select(
            custom_id="kinds",
            max_values=2,
            options=[discord.SelectOption(label=each) for each in ("loop", "faster", "slower")],
        )
        person.callback = chosen(person)  # type: ignore[method-assign]
        kinds.callback = chosen(kinds)  # type: ignore[method-assign]
        self.add_item(
            ui.Container(
                ui.Section(words, "768 x 320", accessory=again),
                ui.MediaGallery(*items),
                ui.Separator(spacing=discord.SeparatorSpacing.large),
                ui.File("attachment://recipe.txt"),
                ui.ActionRow(button("Edit", "edit")),
                ui.ActionRow(person),
                ui.ActionRow(kinds),
                accent_color=0xFF8800,
            )
        )

    @staticmethod
    def files() -> list[discord.File]:
        return [
            discord.File(io.BytesIO(GIF), "a.gif"),
            discord.File(io.BytesIO(b"seed 5"), "recipe.txt"),
        ]


def panel_parts() -> list[dict[str, Any]]:
    """Return a panel as discord.py sends it."""
    parts: list[dict[str, Any]] = Panel().to_components()  # type: ignore[no-untyped-call]
    return parts


def button(label: str, custom_id: str) -> ui.Button[Any]:
    made: ui.Button[Any] = ui.Button(label=label, custom_id=custom_id)

    async def pressed(interaction: discord.Interaction) -> None:
        if custom_id == "edit":
            await interaction.response.send_modal(EveryField())
        else:
            await interaction.response.edit_message(view=Panel("made again"))

    made.callback = pressed  # type: ignore[method-assign]
    return made


def chosen(menu: Any) -> Any:
    async def callback(interaction: discord.Interaction) -> None:
        view: ui.LayoutView = ui.LayoutView()
        view.add_item(ui.TextDisplay(", ".join(str(each) for each in menu.values)))
        await interaction.response.send_message(view=view, ephemeral=True)

    return callback


class EveryField(ui.Modal, title="Everything"):
    """Two forms' worth of fields; ``fields`` says which of them are shown, five at the most."""

    shown: tuple[str, ...] = ("prompt", "pictures", "kind", "parts", "loops")

    def __init__(self) -> None:
        super().__init__(custom_id="everything")
        for name in self.shown:
            label, component = FIELDS[name]()
            self.add_item(
                ui.TextDisplay("Read this")
                if label is None
                else ui.Label(text=label, component=component)
            )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        said = []
        for item in self.walk_children():
            if isinstance(item, ui.TextInput | ui.RadioGroup | ui.Checkbox):
                said.append(f"{item.custom_id}={item.value}")
            elif isinstance(item, ui.FileUpload):
                sizes = [len(await file.read()) for file in item.values]
                names = [file.filename for file in item.values]
                said.append(f"{item.custom_id}={names}{sizes}")
            elif isinstance(item, ui.CheckboxGroup | BaseSelect):
                said.append(f"{item.custom_id}={[str(each) for each in item.values]}")
        await interaction.response.send_message("\n".join(said), ephemeral=True)


FIELDS: dict[str, Any] = {
    "words": lambda: (None, None),
    "prompt": lambda: ("Prompt", ui.TextInput(custom_id="prompt", max_length=20)),
    "pictures": lambda: (
        "Pictures",
        ui.FileUpload(custom_id="pictures", required=False, min_values=0, max_values=10),
    ),
    "kind": lambda: (
        "Kind",
        ui.RadioGroup(
            custom_id="kind",
            options=[discord.RadioGroupOption(label=each) for each in ("edges", "depth")],
        ),
    ),
    "parts": lambda: (
        "Parts",
        ui.CheckboxGroup(
            custom_id="parts",
            required=False,
            min_values=0,
            options=[discord.CheckboxGroupOption(label=each) for each in ("sky", "sea", "sand")],
        ),
    ),
    "loops": lambda: ("It loops", ui.Checkbox(custom_id="loops")),
    "size": lambda: (
        "Size",
        ui.Select(
            custom_id="size",
            options=[
                discord.SelectOption(label="Wide", value="w", default=True),
                discord.SelectOption(label="Tall", value="t"),
            ],
        ),
    ),
    "friend": lambda: ("Friend", ui.UserSelect(custom_id="friend", required=False)),
    "role": lambda: ("Role", ui.RoleSelect(custom_id="role")),
    "anyone": lambda: ("Anyone", ui.MentionableSelect(custom_id="anyone", max_values=2)),
    "place": lambda: (
        "Place",
        ui.ChannelSelect(custom_id="place", channel_types=[discord.ChannelType.text]),
    ),
}


class LayoutBot(SmallBot):
    """``/panel`` shows a panel in a deferred answer, and ``/more`` the fields that don't fit it."""

    def __init__(self) -> None:
        super().__init__()
        self.tree.add_command(panel)
        self.tree.add_command(more)


@discord.app_commands.command(description="Shows a panel")
async def panel(interaction: discord.Interaction) -> None:
    await interaction.response.defer(ephemeral=True)
    await interaction.edit_original_response(view=Panel(), attachments=Panel.files())


@discord.app_commands.command(description="Opens the other form")
async def more(interaction: discord.Interaction) -> None:
    class OtherFields(EveryField, title="The others"):
        shown = ("words", "size", "friend", "role", "anyone")

    await interaction.response.send_modal(OtherFields())
