"""A small real bot, made with discord.py, that the sandbox is tried with."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import discord
import yarl
from discord import app_commands

from tests.patience import PATIENCE

GIF = b"GIF89a" + (64).to_bytes(2, "little") + (48).to_bytes(2, "little") + b"\x00" * 50


class AgainModal(discord.ui.Modal, title="Once more"):
    prompt: discord.ui.TextInput[AgainModal] = discord.ui.TextInput(label="Prompt")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"Again: {self.prompt.value}", ephemeral=True)


class Buttons(discord.ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Again", custom_id="again", style=discord.ButtonStyle.primary)
    async def again(
        self, interaction: discord.Interaction, button: discord.ui.Button[Buttons]
    ) -> None:
        await interaction.response.edit_message(content="pressed")

    @discord.ui.button(label="Later", custom_id="later")
    async def later(
        self, interaction: discord.Interaction, button: discord.ui.Button[Buttons]
    ) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content="pressed later")

    @discord.ui.button(label="Edit", custom_id="edit")
    async def edit(
        self, interaction: discord.Interaction, button: discord.ui.Button[Buttons]
    ) -> None:
        await interaction.response.send_modal(AgainModal())


class SmallBot(discord.Client):
    """A bot that keeps what it saw.

    Those are ``interactions`` (again as ``incoming``, to be waited for) and ``messages``;
    ``came_up`` is set when it is ready.
    """

    def __init__(self, intents: discord.Intents | None = None, **options: Any) -> None:
        super().__init__(
            intents=intents or discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            guild_ready_timeout=0.05,  # else it waits 2 s for servers that may still come
            **options,
        )
        self.came_up = asyncio.Event()
        self.tree = app_commands.CommandTree(self)
        self.interactions: list[discord.Interaction] = []
        self.incoming: asyncio.Queue[discord.Interaction] = asyncio.Queue()
        self.messages: asyncio.Queue[discord.Message] = asyncio.Queue()
        add_commands(self.tree)

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Skip the 5 s that the library waits here before it begins a session anew."""

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self.interactions.append(interaction)
        self.incoming.put_nowait(interaction)

    async def on_message(self, message: discord.Message) -> None:
        self.messages.put_nowait(message)

    async def on_ready(self) -> None:
        self.came_up.set()


def add_commands(tree: app_commands.CommandTree[SmallBot]) -> None:
    @tree.command(description="Make a GIF")
    @app_commands.choices(size=[app_commands.Choice(name="wide", value="768x320")])
    @app_commands.describe(prompt="What it shows")
    async def gif(
        interaction: discord.Interaction,
        *,
        prompt: app_commands.Range[str, 1, 200],
        seed: app_commands.Range[int, 0, 1000] | None = None,
        guidance: float = 5.0,
        size: str = "512x512",
        control_gif: discord.Attachment | None = None,
        friend: discord.Member | None = None,
    ) -> None:
        await interaction.response.defer()
        control = await control_gif.read() if control_gif else b""
        text = f"{prompt} {seed} {guidance} {size} {len(control)} {friend}"
        await interaction.edit_original_response(content=f"working {text}")
        file = discord.File(io.BytesIO(GIF), "result.gif", description="a GIF")
        await interaction.edit_original_response(
            content=f"done {text}", attachments=[file], view=Buttons()
        )

    @tree.command(description="Answers, then says more")
    async def chat(interaction: discord.Interaction, text: str, ephemeral: bool = False) -> None:
        embed = discord.Embed(title="T", description="D")
        await interaction.response.send_message(text, embed=embed, ephemeral=ephemeral)
        await interaction.followup.send("and more", ephemeral=True)

    @tree.command(description="Completes itself")
    async def find(interaction: discord.Interaction, name: str) -> None:
        await interaction.response.send_message(name)

    @find.autocomplete("name")
    async def names(_: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        every = ["red", "green", "blue"]
        return [app_commands.Choice(name=one, value=one) for one in every if typed in one]

    group = app_commands.Group(name="lora", description="LoRAs")

    @group.command(name="add", description="Adds one")
    async def add(interaction: discord.Interaction, file: discord.Attachment) -> None:
        await interaction.response.send_message(f"{file.filename} {file.size}")

    tree.add_command(group)

    @tree.command(description="Never answers")
    async def silent(interaction: discord.Interaction) -> None:
        pass

    @tree.context_menu(name="Greet")
    async def greet(interaction: discord.Interaction, user: discord.User) -> None:
        await interaction.response.send_message(f"Hello {user.name}")

    @tree.context_menu(name="Repeat")
    async def repeat(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"It said: {message.content}")


BotT = TypeVar("BotT", bound=SmallBot)


@contextmanager
def pointed_at(url: str) -> Iterator[None]:
    """Point discord.py to the server at ``url`` inside; its globals are put back."""
    before = (
        discord.http.Route.BASE,
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY,
        discord.Asset.BASE,
    )
    discord.http.Route.BASE = f"{url}/api/v10"
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url.replace("http", "ws", 1))
    discord.Asset.BASE = url
    try:
        yield
    finally:
        (
            discord.http.Route.BASE,
            discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY,
            discord.Asset.BASE,
        ) = before


@asynccontextmanager
async def running(bot: BotT, url: str, token: str) -> AsyncIterator[BotT]:
    """Run the bot, logged in and ready. Raises what its start raised."""
    with pointed_at(url):
        async with bot:
            start = asyncio.create_task(bot.start(token))
            ready = asyncio.create_task(bot.came_up.wait())
            done, _ = await asyncio.wait(
                [start, ready], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED
            )
            ready.cancel()
            if start.done():
                start.result()
            assert done, "the client didn't come up"
            yield bot
            await bot.close()
            await _end(start)


async def _end(start: asyncio.Task[None]) -> None:
    """Wait for the end of a client's start, and raise what that raised.

    A closed client may still sleep before it would connect again, for minutes, and a cancellation
    is swallowed while it identifies.
    """
    while not (await asyncio.wait([start], timeout=1))[0]:
        start.cancel()
    if not start.cancelled():
        start.result()
