"""What one types at the sandbox's console reaches the real bot, and its answers are seen there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image, ImageSequence

from bot.sandbox import NotOffered, Sandbox
from bot.sandbox.console.keyboard import HELP, Keyboard
from tests.bot import files
from tests.bot.end_to_end.process import Setup, running
from tests.patience import PATIENCE


class Console:
    """The keyboard, and all that was printed."""

    def __init__(self, keyboard: Keyboard, printed: pytest.CaptureFixture[str]) -> None:
        self._keyboard = keyboard
        self._printed = printed
        self.text = ""

    async def type(self, line: str) -> None:
        self.text = ""
        self._printed.readouterr()
        assert await self._keyboard.type(line)

    async def shows(self, *words: str) -> str:
        """Once all of these were printed after the last line; everything that was."""
        async with asyncio.timeout(PATIENCE):
            while not all(word in self.text for word in words):
                await asyncio.sleep(0.02)
                self.text += self._printed.readouterr().out
        return self.text


@pytest.fixture
async def console(
    setup: Setup, discord: Sandbox, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Console]:
    """With the real bot, whose engine draws real GIFs at once."""
    setup.engine = "tests.bot.engines.draws:create"
    keyboard = Keyboard(discord, setup.directory / "saved")
    async with running(setup.write(), discord):
        await discord.commands_registered()
        watching = asyncio.create_task(keyboard.screen.watch())
        yield Console(keyboard, capsys)
        watching.cancel()


def saved(shown: str) -> Path:
    """The path that was printed last."""
    return Path(shown.rpartition("GIF: ")[2].splitlines()[0])


async def test_a_gif_and_what_can_be_done_with_it(console: Console, setup: Setup) -> None:
    await console.type("/gif a red ball frames:16 size:wide seed: 5")
    shown = await console.shows("GIF: ", "press Again", "| More", "`5`")
    with Image.open(saved(shown), formats=("GIF",)) as picture:
        assert len(list(ImageSequence.Iterator(picture))) == 16
    assert saved(shown).parent == setup.directory / "saved"
    await console.type("/history")
    await console.shows("Your GIFs (only you see this)", "a red ball")
    await console.type("press again")
    assert "(made again)" in await console.shows("GIF: ")
    await console.type("press more")
    await console.shows("Remake", "Upscale", "Motion of this", "choose Make it loop", "Delete")
    await console.type("choose backwards")
    assert "reverse" in await console.shows("GIF: ")
    await console.type("press Edit")
    await console.shows("a red ball", "press Words")
    await console.type("press Words")
    await console.shows("a form", "prompt: a red ball", "fill NAME: VALUE")
    await console.type("fill prompt: a green cat")
    await console.shows("a green cat")
    await console.type("press Fine settings")
    await console.shows("a form", "steps: ", "seed: ")
    await console.type("fill seed: 77")
    await console.shows("seed: 77")
    await console.type("press Go")
    await console.shows("`77`", "GIF: ")


async def test_files_are_attached_and_used(
    console: Console, tmp_path: Path, discord: Sandbox
) -> None:
    source = tmp_path / "my dance.gif"
    source.write_bytes(files.gif())
    await console.type(f"attach {source}")
    await console.shows("You posted my dance.gif", "Use as motion")
    await console.type("app use as")
    await console.shows("press Go")
    await console.type("press Go")
    await console.shows("a form")
    await console.type("fill a robot")
    await console.shows("> a robot", "GIF: ")
    await console.type("/gif a cat control_gif:my dance.gif control_type:canny")
    await console.shows("> a cat", "follows canny", "GIF: ")
    await console.type(f'/gif a dog control_gif:"{source}" control_type:depth')
    await console.shows("> a dog", "GIF: ")
    assert discord.violations == []


async def test_what_the_bot_completes_may_be_typed_in_part(console: Console) -> None:
    await console.type("/gif a cat seed: 3")
    await console.shows("GIF: ")
    await console.type("/show a cat")
    await console.shows("a cat", "`3`")


async def test_mistakes_are_one_sentence(console: Console) -> None:
    for line, words in (
        ("/gif a ball frmaes:4", "do you mean frames"),
        ("/gif a ball frames:many", "frames takes a number, not 'many'"),
        ("/gif a ball frames:999", "frames takes 1 to"),
        ("/show", "id is required"),
        ("/gif a ball size:huge", "There is no size 'huge'"),
        ("/gif a ball image:nothing.png", "The file nothing.png can't be read"),
        ("/settings mine private:perhaps", "private takes true or false"),
        ("press Agian", "There is no button 'Agian'"),
        ("press", "Say which button"),
        ("choose loop", "There is no choice 'loop'"),
        ("fill x", "There is no form"),
        ("attach /nowhere/x.gif", "can't be read (no such file or directory)"),
        ("attach ~nobody-of-that-name/x.gif", "can't be read"),
        ("attach x\0y.gif", "can't be read (embedded null byte)"),
        ("app Nothing", "There is no app 'Nothing'"),
        ("app Remix", "No message has a file yet"),
    ):
        with pytest.raises(NotOffered) as refusal:
            await console.type(line)
        assert words in str(refusal.value)


async def test_without_a_bot(discord: Sandbox, tmp_path: Path) -> None:
    keyboard = Keyboard(discord, tmp_path)
    with pytest.raises(NotOffered, match="No bot has registered its commands yet"):
        await keyboard.type("/gif a ball")
    assert not await keyboard.type("gateway drop")
    assert keyboard.suggestion("pres Again") == "do you mean press?"


def test_help_shows_what_people_type() -> None:
    for words in ("/gif a red ball", "/history", "press Again", "attach dance.gif"):
        assert words in HELP
