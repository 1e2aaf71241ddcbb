"""What ``hotshot-bot demo`` and ``make demo`` run: a sandbox, the real bot in it, and one /gif.

Prints what happens in plain lines, proves that the GIF is what was asked for, and saves it with a
sheet of its frames. Everything is stopped at the end, however it ends. Of the bot it knows the
command line and the config file alone.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bot.demo.bot_process import DemoBot, DemoError, DemoSetupError
from bot.demo.proof import NoProofError, Proof
from bot.sandbox.client.person import Person
from bot.sandbox.errors import SandboxError
from bot.sandbox.model import Interaction, Message
from bot.sandbox.server import Sandbox
from generator.contract.errors import MediaError
from generator.media.output import check_output, write_whole

_NANO = "nano"
_FRAMES = 8  # that /gif makes unless told otherwise
_TRIES = 3  # nano shows what was asked in all but a few of a hundred GIFs

_START_SECONDS = 120.0  # for the bot to log in and register its commands
_GIF_SECONDS = 1800.0  # for the GIF, the loading of the model included
_NEEDED_BYTES = 32 * 2**20  # bytes that the bot and the files want, with some to spare
_INTERRUPTED = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MARKDOWN = re.compile(r"\\([^\w\s])")  # an escaped sign, as a terminal needs none
_SMALL = "-# "  # how a line in small letters begins
_SLASH_COMMAND = 1  # the others stand in menus


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to ask for. ``generator`` are further keys of the config's section of that name."""

    prompt: str
    output: Path
    model: str = _NANO
    generator: tuple[tuple[str, str], ...] = ()

    @property
    def log(self) -> Path:
        return self.output.with_suffix(".log")

    @property
    def sheet(self) -> Path:
        return self.output.with_name(f"{self.output.stem}-frames.png")

    @property
    def earlier_files(self) -> tuple[tuple[Path, Path], ...]:
        """The files of an earlier demo, and their names until this demo has made its own."""
        return tuple((path, _earlier_name(path)) for path in (self.sheet, self.output))


def run_until_stopped(plan: Plan) -> int:
    """Run the demo until it is over or a signal stops it, and return the exit code."""
    return stoppable(lambda: run(plan), "The demo failed")


def stoppable(work: Callable[[], Coroutine[Any, Any, None]], failure: str) -> int:
    """Run ``work`` until it is over or a signal stops it, and return the exit code.

    A DemoError is printed after ``failure``.
    """
    before = [signal.getsignal(number) for number in _SIGNALS]
    code = _INTERRUPTED
    try:
        code = asyncio.run(_run_with_signals(work))
    except DemoError as error:
        print(f"{failure}: {error}", file=sys.stderr)
        code = error.exit_code
    finally:
        for number, handler in zip(_SIGNALS, before, strict=True):
            # a second Ctrl-C would only find the interpreter, on its way out
            signal.signal(number, signal.SIG_IGN if code == _INTERRUPTED else handler)
    return code


async def _run_with_signals(work: Callable[[], Coroutine[Any, Any, None]]) -> int:
    loop = asyncio.get_running_loop()
    demo = asyncio.ensure_future(work())

    def stop(*_: object) -> None:
        if not demo.done():
            loop.call_soon_threadsafe(demo.cancel)

    for number in _SIGNALS:
        signal.signal(number, stop)  # for good: the loop's own would go before the process does
    try:
        await demo
    except asyncio.CancelledError:
        print("Stopped; nothing is left running.", file=sys.stderr)
        return _INTERRUPTED
    return 0


async def run(plan: Plan) -> None:
    """Run the demo. Raises DemoError."""
    with _output(plan), temporary_home() as home:
        async with listening_sandbox() as discord:
            _print(f"A sandbox Discord listens at {discord.url}, on this machine only.")
            generator = {"model": plan.model, **dict(plan.generator)}
            async with DemoBot.running(discord, home, plan.log, generator) as bot:
                _print(f"The bot starts (process {bot.process.pid}, log in {plan.log}).")
                proof, data = await _make_gif(plan, discord, bot)
        _print("The bot and the sandbox are stopped.")
        _save(plan, proof, data)
    if not proof.is_as_asked:
        raise DemoError(_mismatch_text(proof))


@contextmanager
def _output(plan: Plan) -> Iterator[None]:
    """Reserve the output files for this demo alone. Raises DemoSetupError."""
    if plan.output.suffix.lower() != ".gif":
        raise DemoSetupError(f"{plan.output} isn't the name of a GIF; --output must end in .gif.")
    try:
        plan.output.parent.mkdir(parents=True, exist_ok=True)
        check_output(plan.output)
        lock = os.open(plan.log, os.O_RDWR | os.O_CREAT, 0o644)
    except (OSError, MediaError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DemoSetupError(
            f"{plan.output} can't be written ({_clause(reason)}); choose another place with "
            "--output."
        ) from error
    try:
        _lock(lock, plan)
        _set_aside(plan)
        try:
            _check_disk_space(plan.output.parent, "choose another place with --output")
            yield
        finally:
            if not os.fstat(lock).st_size:  # the bot never said a word
                plan.log.unlink(missing_ok=True)
    finally:
        os.close(lock)


def _lock(lock: int, plan: Plan) -> None:
    """Lock the log file; the system drops the lock with this process, however that ends."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DemoSetupError(
            f"Another demo is writing {plan.output} just now; wait until it is done, or choose "
            "another file with --output."
        ) from error


def _set_aside(plan: Plan) -> None:
    """Rename the files of an earlier demo, so that nobody takes them for this one's.

    Raises DemoSetupError.
    """
    for path, earlier in plan.earlier_files:
        if not path.exists():
            continue
        try:
            path.replace(earlier)
        except OSError as error:
            raise DemoSetupError(
                f"{path} is from an earlier demo and can't be renamed "
                f"({_clause(error.strerror)}); choose another place with --output."
            ) from error
        _print(
            f"{path} is from an earlier demo, and is called {earlier.name} until this one is done."
        )


def _earlier_name(path: Path) -> Path:
    return path.with_stem(f"{path.stem}-earlier")


@contextmanager
def temporary_home() -> Iterator[Path]:
    """Make a directory for the bot's data, gone at the end. Raises DemoSetupError."""
    elsewhere = "name another directory in the variable TMPDIR"
    try:
        made = tempfile.TemporaryDirectory(prefix="hotshot-demo-", ignore_cleanup_errors=True)
    except OSError as error:
        raise DemoSetupError(
            f"There is no directory for temporary files ({_clause(error.strerror)}); {elsewhere}."
        ) from error
    with made as home:
        _check_disk_space(Path(home).parent, elsewhere)
        yield Path(home)


def _check_disk_space(directory: Path, otherwise: str) -> None:
    free = shutil.disk_usage(directory).free
    if free < _NEEDED_BYTES:
        raise DemoSetupError(
            f"The disk of {directory} has {free // 2**20} MB left, and the demo needs "
            f"{_NEEDED_BYTES // 2**20}; make room there, or {otherwise}."
        )


@asynccontextmanager
async def listening_sandbox() -> AsyncIterator[Sandbox]:
    discord = Sandbox()
    try:
        await discord.start()
    except OSError as error:
        raise DemoSetupError(
            f"Nothing can listen on 127.0.0.1 here ({_clause(error.strerror)}), and the demo's "
            "Discord has to; run it where programs may use the loopback network."
        ) from error
    try:
        yield discord
    finally:
        await discord.stop()


async def _make_gif(plan: Plan, discord: Sandbox, bot: DemoBot) -> tuple[Proof, bytes]:
    """Wait for the bot and let it make GIFs until one is as asked or the tries are used up."""
    commands = await bot.wait_for(
        discord.commands_registered(_START_SECONDS), "register its commands"
    )
    names = ", ".join(f"/{each['name']}" for each in commands if each["type"] == _SLASH_COMMAND)
    _print(f"The bot registered its commands: {names}.")
    await bot.wait_for(discord.connected(_START_SECONDS), "connect")
    _print("The bot is connected to the gateway.")
    you = discord.person("you")
    interaction = await _type(you, plan.prompt)
    for left in range(_TRIES - 1, -1, -1):
        message = await _result(discord, bot, interaction)
        proof, data = await asyncio.to_thread(_prove, plan, message)
        if proof.is_as_asked or not left:
            break
        _print(f"{_mismatch_text(proof)[:-1]}, so you press Again.")
        interaction = await you.press(message, "Again")
    _print(_proof_text(plan, proof))
    return proof, data


async def _type(you: Person, prompt: str) -> Interaction:
    try:
        interaction = await you.slash("gif", prompt=prompt)
    except SandboxError as error:
        raise DemoSetupError(f"That can't be typed: {error}") from error
    _print(f"You type /gif prompt: {prompt}")
    return interaction


async def _result(discord: Sandbox, bot: DemoBot, interaction: Interaction) -> Message:
    """Return the message that holds the result. Raises DemoError with the reason for none."""
    await bot.wait_for(interaction.acknowledged(_START_SECONDS), "answer")
    _print(f"The bot answered after {(interaction.latency or 0) * 1000:.0f} ms.")
    watching = asyncio.create_task(_print_progress(discord, interaction))
    try:
        wait = interaction.message(_is_over, _GIF_SECONDS)
        message = await bot.wait_for(wait, "make the GIF")
    finally:
        watching.cancel()
    if not message.results:
        raise DemoError(_MARKDOWN.sub(r"\1", _last_line(message).lstrip("❌ ")))
    _print(f"The bot posted {message.results[0].filename}: {_settings(message)}")
    return message


def _is_over(message: Message) -> bool:
    """Return whether a message has its result, or says why there is none: no button is left."""
    return bool(message.results) or not (message.loading or message.buttons)


def _prove(plan: Plan, message: Message) -> tuple[Proof, bytes]:
    data = message.results[0].data
    try:
        is_nano = plan.model == _NANO
        return Proof.of(data, frames=_FRAMES, prompt=plan.prompt, is_nano=is_nano), data
    except NoProofError as error:
        raise DemoError(f"the bot posted a file that {error}; see {plan.log}.") from error


def _proof_text(plan: Plan, proof: Proof) -> str:
    """Return the sentences that say what was proved of the GIF."""
    size = f"It is a GIF of {len(proof.frames)} frames"
    if not proof.is_as_asked:
        return f"{size}."
    if proof.seen is None or proof.asked.is_open:
        knows = " nano knows simple shapes and nothing else." if plan.model == _NANO else ""
        return f"{size}, and it moves.{knows} See for yourself whether it shows what you asked for."
    return f"{size}, and it moves. It shows what you asked for: {proof.description()}."


def _mismatch_text(proof: Proof) -> str:
    """Return the sentence that says why the GIF is not what was asked for."""
    if not proof.moves:
        return "The GIF doesn't move."
    return f"The GIF shows {proof.description()}, which isn't what was asked for."


async def _print_progress(discord: Sandbox, interaction: Interaction) -> None:
    """Print what the progress message says each time that it changes, until cancelled."""
    told = ""
    while True:
        said = await discord.until(partial(_changed_line, interaction, told), _GIF_SECONDS)
        told = said
        _print(f"    {said}")


def _changed_line(interaction: Interaction, before: str) -> str | None:
    for message in interaction.messages:
        if not (message.loading or _is_over(message)):
            line = f"{_last_line(message)}{' · with a preview' if message.files else ''}"
            return line if line != before else None
    return None


def _last_line(message: Message) -> str:
    """Return the last line of the embed's text; the lines above repeat the prompt."""
    for embed in message.embeds:
        if embed.get("description"):
            return str(embed["description"]).splitlines()[-1]
    return message.text.splitlines()[-1] if message.text else ""


def _settings(message: Message) -> str:
    """Return what made the result, which stands in a line of its message in small letters."""
    lines = (line for line in message.text.splitlines() if line.startswith(_SMALL))
    made = next((line for line in lines if " · " in line), "")
    return made.removeprefix(_SMALL).replace("`", "")


def _save(plan: Plan, proof: Proof, data: bytes) -> None:
    """Write each file whole or not at all, the GIF last, and drop those of an earlier demo."""
    try:
        write_whole(plan.sheet, proof.sheet())
        write_whole(plan.output, data)
    except MediaError as error:
        raise DemoSetupError(str(error)) from error
    for _, earlier in plan.earlier_files:
        with suppress(OSError):  # it stays beside the new one
            earlier.unlink()
    _print(f"The GIF is in {plan.output} ({len(data) / 1000:.0f} kB).")
    _print(f"Its frames, side by side, are in {plan.sheet}.")


def _clause(reason: str | None) -> str:
    """Return a reason as it stands inside a sentence."""
    words = (reason or "the reason isn't known").rstrip(".")
    return words[:1].lower() + words[1:]


def _print(line: str) -> None:
    print(line, flush=True)
