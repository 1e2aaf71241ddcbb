"""A second opinion on the client: simcord, an in-process Discord by other hands, drives it.

Its rules are strict and not ours: commands are to be registered, an answer is given once, buttons
are pressed by those who see them, forms are sent once by those who opened them. Its clock stands in
January 2026, so every command's token has expired and results come as messages of their own; that
is well, since it doesn't find ``messages/%40original`` (findings/simcord-encoded-paths.sh).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
import pytest
import simcord

from bot.app.client import HotshotClient
from bot.app.furnishing import furnish
from bot.core import translations
from bot.core.config import Settings
from bot.core.model_catalogue import ModelCatalogue
from bot.gateway.context import BotContext
from bot.gateway.message_media import file_names
from bot.jobs.outcomes import MadeFile
from bot.jobs.service import JobService
from bot.storage.database import open_database
from bot.storage.preferences import SERVER
from tests.bot import files
from tests.bot.jobs.samples import ABLE


@dataclass
class Place:
    """A client whose jobs nobody makes but the test, and a server that simcord has."""

    env: Any
    context: BotContext
    jobs: JobService
    scratch: Path
    channel: Any
    ada: Any

    async def make_file(self) -> None:
        """Make the next job's GIF, as a worker would, and wait until it is posted."""
        begun = await self.jobs.start_job(await self.jobs.next_ticket(ABLE), "cpu")
        assert begun is not None
        job, generate = begun
        output = self.scratch / generate.output_name
        output.write_bytes(files.gif())
        self.jobs.job_ended(job, MadeFile(job.id, generate.attempt, output, 1.5, 9))
        await self.jobs.wait_until_idle()

    def results(self) -> list[Any]:
        return [each for each in self.channel.history() if file_names(each)]


@asynccontextmanager
async def placed(directory: Path) -> AsyncIterator[Place]:
    """Run a client in simcord. No fixture: simcord keeps its clock in the context of its caller."""
    settings = Settings(storage={"data_dir": directory})  # type: ignore[arg-type]
    await asyncio.to_thread(translations.load)
    async with open_database(settings.storage.url) as database:
        client = HotshotClient(settings.discord)
        house = await furnish(client, settings, ModelCatalogue.of(settings), database)
        house.jobs.register_workers(lambda *_: None)
        async with simcord.run(client, shard_count=1) as env:
            client.logged_in.set()
            await client._register_commands()
            guild = env.create_guild()
            channel = guild.create_text_channel("gifs")
            ada = guild.add_member(env.create_user("ada"))
            yield Place(env, client.context, house.jobs, settings.storage.scratch, channel, ada)
        await house.jobs.close()


async def test_a_command_a_press_and_a_form(tmp_path: Path) -> None:
    async with placed(tmp_path) as place:
        ada, bob = place.ada, place.env.guild.add_member(place.env.create_user("bob"))
        asked = await ada.slash(place.channel, "gif", prompt="a red ball", seed="5")
        assert asked.deferred
        await place.make_file()
        [result] = place.results()
        assert result.flags.components_v2
        assert file_names(result)[0].endswith("-5.gif")
        sheet = (await bob.click(result, label="More")).response
        assert sheet.ephemeral
        liked = (await bob.click(sheet, label="Favourite")).response
        assert liked.ephemeral
        assert "Added to your favourites" in liked.content
        panel = (await ada.click(result, label="Edit")).response
        assert panel.ephemeral
        form = await ada.click(panel, label="Fine settings")
        assert form.modal["title"] == "Fine settings"
        await ada.submit_modal(form, {"seed": "7"})
        with pytest.raises(simcord.SetupError, match="already been submitted"):
            await ada.submit_modal(form, {"seed": "8"})
        assert (await ada.click(panel, label="Go")).deferred
        await place.make_file()
        names = [name[-6:] for each in place.results() for name in file_names(each)]
        assert names == ["-5.gif", "-7.gif"]
        refused = (await bob.click(sheet, label="Delete")).response
        assert refused.ephemeral
        assert "Only the person who asked for it" in refused.content
        place.env.raise_errors()


async def test_sharing_votes_and_a_server_s_emojis(tmp_path: Path) -> None:
    async with placed(tmp_path) as place:
        ada, env = place.ada, place.env
        bob = env.guild.add_member(env.create_user("bob"))
        gallery = env.guild.create_text_channel("gallery")
        await env.bot.context.preferences.change(SERVER, env.guild.id, {"gallery": gallery.id})
        await ada.slash(place.channel, "gif", prompt="a cat", seed="5")
        await place.make_file()
        [result] = place.results()
        sheet = (await ada.click(result, label="More")).response
        await ada.click(sheet, label="Share")
        [post] = gallery.history()
        assert post.flags.components_v2
        assert file_names(post)[0].endswith("-5.gif")
        for label, counted in (("👍 0", "👍 1"), ("👍 1", "👍 0")):
            await bob.click(gallery.history()[0], label=label)
            assert counted in labels(gallery.history()[0])
        refused = (await ada.click(gallery.history()[0], label="👍 0")).response
        assert refused.ephemeral
        assert "your own GIF" in refused.content
        lacking = (await ada.click(sheet, label="Add as emoji")).response
        assert "You don't have the permission" in lacking.content
        env.raise_errors()


def labels(message: Any) -> list[str]:
    """The labels of a message's buttons."""
    rows = [row for box in message.components for row in box.children if hasattr(row, "children")]
    return [button.label for row in rows for button in row.children]


async def test_a_right_that_is_lacking_and_a_double_answer(tmp_path: Path) -> None:
    async with placed(tmp_path) as place:
        ada, env = place.ada, place.env
        silenced = {env.guild.me: discord.PermissionOverwrite(send_messages=False)}
        quiet = env.guild.create_text_channel("quiet", overwrites=silenced)
        await ada.slash(quiet, "gif", prompt="a cat", seed="6")
        await place.make_file()
        assert [each for each in quiet.history() if file_names(each)] == []
        [direct] = ada.user.dm_channel.history()
        [name] = file_names(direct)
        assert name.endswith("-6.gif")
        # somebody has answered before, as after a connection that broke when Discord had the answer
        said = "Interaction has already been acknowledged."
        env.inject_error("POST", "/interactions/*/callback", status=400, code=40060, message=said)
        asked = await ada.slash(place.channel, "gif", prompt="a dog", seed="8")
        assert not asked.acknowledged
        await place.make_file()
        [result] = place.results()
        [name] = file_names(result)
        assert name.endswith("-8.gif")
        env.raise_errors()
