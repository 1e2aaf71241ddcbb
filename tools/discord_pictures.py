"""``python -m tools.discord_pictures``: draws the pictures of docs/discord.md.

The bot's own client runs in simcord, an in-process Discord by other hands, nano makes the GIFs, and
simcord's preview draws the messages in the system's Chromium. The extra ``dev`` brings what
that takes.

simcord's clock stands in January 2026, and it doesn't find a command's answer by its name
(findings/simcord-encoded-paths.sh), so a result stands in a message of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import simcord
from PIL import Image

from bot.app.client import HotshotClient
from bot.app.furnishing import furnish
from bot.core import translations
from bot.core.config import Settings
from bot.core.model_catalogue import ModelCatalogue
from bot.gateway.message_media import file_names
from bot.jobs.outcomes import MadeFile
from bot.jobs.service import JobService
from bot.storage.database import open_database
from generator.contract.limits import NANO
from generator.contract.messages import Capabilities, Request
from generator.inference.hotshot_engine import HotshotEngine
from generator.media.save import save
from generator.recipes.recipe import ModelSettings
from generator.sources.source_files import fetch_sources

_OUTPUT = Path(__file__).parent.parent / "docs" / "discord"
_CHROMIUM = "/usr/bin/chromium"
_WIDTH, _HEIGHT = 640, 1600  # of the window; what is drawn is cut out of it
_MOMENT = 0.5  # seconds into each GIF
_ABLE = Capabilities(
    model=NANO, device="cpu", dtype="float32", max_frames=24, max_pixels=512 * 512, stages=()
)


@dataclass(frozen=True, slots=True)
class Stage:
    """The client in simcord, and who works the generator by hand."""

    env: Any
    jobs: JobService
    engine: HotshotEngine
    scratch: Path
    channel: Any
    ada: Any

    async def make_gif(self) -> None:
        """Make the next job's GIF, and wait until it is posted."""
        begun = await self.jobs.start_job(await self.jobs.next_ticket(_ABLE), "cpu")
        if begun is None:
            raise RuntimeError("the job was over before it began")
        job, generate = begun
        output = self.scratch / generate.output_name
        started = time.process_time()  # what it takes where nothing else is at work
        await asyncio.to_thread(self._make, job.request, output)
        seconds = time.process_time() - started
        made = MadeFile(job.id, generate.attempt, output, seconds, job.request.steps)
        self.jobs.job_ended(job, made)
        await self.jobs.wait_until_idle()

    def _make(self, request: Request, output: Path) -> None:
        with fetch_sources(request) as sources:
            save(self.engine.make(request, lambda *_: None, sources), output)

    def last_result(self) -> Any:
        return next(each for each in reversed(self.channel.history()) if file_names(each))


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.discord_pictures", description=__doc__)
    parser.add_argument("--output", type=Path, default=_OUTPUT)
    parser.add_argument("--chromium", default=_CHROMIUM)
    chosen = parser.parse_args(arguments)
    chosen.output.mkdir(parents=True, exist_ok=True)
    try:
        with system_browser(chosen.chromium), tempfile.TemporaryDirectory() as directory:
            asyncio.run(draw(Path(directory), chosen.output))
    except ImportError as error:
        print(f"{error}; pip install 'simcord[screenshot]'", file=sys.stderr)
        return 2
    return 0


@contextmanager
def system_browser(program: str) -> Iterator[None]:
    """Have Playwright start a browser that is installed already, instead of one of its own."""
    from playwright.async_api import BrowserType

    kind: Any = BrowserType  # whose method is replaced
    launch = kind.launch

    async def launch_program(self: Any) -> Any:
        return await launch(self, executable_path=program, args=["--no-sandbox"])

    kind.launch = launch_program
    try:
        yield
    finally:
        kind.launch = launch


async def draw(directory: Path, output: Path) -> None:
    """Run a client on a data directory, and draw what it answers."""
    settings = Settings(storage={"data_dir": directory})  # type: ignore[arg-type]
    await asyncio.to_thread(translations.load)
    engine = HotshotEngine.load(ModelSettings(model=NANO), device="cpu", previews=False)
    async with open_database(settings.storage.url) as database:
        client = HotshotClient(settings.discord)
        context = await furnish(client, settings, ModelCatalogue.of(settings), database)
        context.jobs.register_workers(lambda *_: None)
        async with simcord.run(client, shard_count=1) as env:
            env.backend.edit_bot_profile("Hotshot")
            client.logged_in.set()
            await client._register_commands()
            guild = env.create_guild()
            channel = guild.create_text_channel("gifs")
            ada = guild.add_member(env.create_user("ada"))
            scratch = settings.storage.scratch
            await draw_all(Stage(env, context.jobs, engine, scratch, channel, ada), output)
        await context.jobs.close()


async def draw_all(stage: Stage, output: Path) -> None:
    """Ask for GIFs, press buttons, and draw the messages."""
    env, ada, channel = stage.env, stage.ada, stage.channel
    await ada.slash(channel, "gif", prompt="a red ball bouncing on a black background", seed="7")
    await stage.make_gif()
    result = stage.last_result()
    async with env.preview(channel, viewers=[ada], width=_WIDTH, height=_HEIGHT) as preview:
        await shot(preview, result, output / "result.webp")
        sheet = (await ada.click(result, label="More")).response
        await shot(preview, sheet, output / "more.webp")
        panel = (await ada.click(result, label="Edit")).response
        await shot(preview, panel, output / "panel.webp")
        words = "a yellow star spinning on a navy background"
        await ada.slash(channel, "gif", prompt=words, count=4, seed="3")
        for _ in range(4):
            await stage.make_gif()
        await shot(preview, stage.last_result(), output / "variations.webp")


async def shot(preview: Any, message: Any, file: Path) -> None:
    """Draw one message into a small file."""
    await preview.refresh()
    png = file.with_suffix(".png")
    taken = await preview.screenshot(png, target=message, media_time=_MOMENT, allow_incomplete=True)
    size = await asyncio.to_thread(_pack, png, file)
    print(f"{file}: {taken.output_width} x {taken.output_height}, {size} bytes")
    for each in taken.diagnostics:
        print(f"  {dict(each).get('message')}")


def _pack(png: Path, file: Path) -> int:
    """Write a drawing as a small file in its place; return how many bytes that has."""
    with Image.open(png) as picture:
        picture.convert("RGB").save(file, quality=80, method=6)
    png.unlink()
    return file.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
