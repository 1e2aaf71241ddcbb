"""Console commands that inject faults: at ``hotshot-bot sandbox``, in tests and in the soak.

    refuse PATCH /webhooks/* 500 times=3         the next three edits of answers
    refuse POST /channels/*/messages code=50013  any of Discord's codes; the status follows from it
    refuse * * 429 retry_after=2 chance=0.1 times=all
    delay POST /interactions/* 2.5               answered late
    reset PATCH /webhooks/* received=1000        the connection breaks in mid-upload
    reset POST /channels/*/messages after        it got through, and the answer is lost
    clear                                        no more of all that
    clock 960                                    16 minutes pass: tokens expire
    gateway drop                                 connections break, and can resume
    gateway lose                                 connections break, and their sessions are gone
    gateway invalid | resume | reconnect         told to begin anew, to resume, to come again
    gateway silent                               open, and never a word again
    gateway close | open                         takes no connections; takes them again
    channel delete NAME
    bot kick | invite                            out of the first server, and back
    bot may | may-not                            add emojis and stickers to the first server

Options of refuse, delay and reset: times=N or times=all, skip=N, chance=0..1, seed=N, after (the
request has had its effect), uploads or no-uploads (requests with files alone, or without). Of
refuse also: message=TEXT, global, no-via (as a 429 of the outer wall).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from bot.sandbox import guild_admin
from bot.sandbox.errors import SandboxError
from bot.sandbox.gateway import Gateway
from bot.sandbox.model import Channel, Guild
from bot.sandbox.rest.fault_injection import FaultQueue
from bot.sandbox.rest.fault_kinds import Delay, Refusal, RequestFault, Reset
from bot.sandbox.world import World

COMMANDS_HELP = __doc__.partition("\n\n")[2]

_FLAGS: dict[str, tuple[str, bool]] = {
    "after": ("after", True),
    "global": ("is_global", True),
    "no-via": ("via", False),
    "uploads": ("uploads", True),
    "no-uploads": ("uploads", False),
}
_VALUES: dict[str, Callable[[str], Any]] = {
    "times": lambda word: None if word == "all" else int(word),
    "skip": int,
    "chance": float,
    "seed": int,
    "status": int,
    "code": int,
    "message": str,
    "retry_after": float,
    "received": int,
    "seconds": float,
}
# What a bare number means.
_KINDS: dict[str, tuple[type[RequestFault], str]] = {
    "refuse": (Refusal, "status"),
    "delay": (Delay, "seconds"),
    "reset": (Reset, "received"),
}


async def run_command(line: str, world: World, gateway: Gateway, faults: FaultQueue) -> None:
    """Run one line. Raises SandboxError, and changes nothing, where it can't be read."""
    try:
        match shlex.split(line, comments=True):
            case []:
                return
            case [kind, method, path, *words] if kind in _KINDS:
                faults.add(parse_fault(kind, method, path, words))
            case ["clear"]:
                faults.clear()
            case ["clock", seconds]:
                world.clock.advance(float(seconds))
            case ["gateway", what]:
                await _control_gateway(gateway, what)
            case ["channel", "delete", name]:
                guild_admin.delete_channel(world, _channel(world, name))
            case ["bot", what]:
                _control_bot(world, what)
            case _:
                raise SandboxError("There is no such order: {line}", line=line.strip())
    except ValueError as error:
        raise SandboxError("That order can't be read: {line}", line=line.strip()) from error


def parse_fault(kind: str, method: str, path: str, words: list[str]) -> RequestFault:
    """Return the fault that "refuse", "delay" or "reset" asks for.

    Raises ValueError for what is no number, SandboxError for what isn't an option of it.
    """
    of, number = _KINDS[kind]
    options: dict[str, Any] = {}
    for word in words:
        name, is_pair, value = word.partition("=")
        if is_pair and name in _VALUES:
            options[name] = _VALUES[name](value)
        elif word in _FLAGS:
            flag, setting = _FLAGS[word]
            options[flag] = setting
        else:
            options[number] = _VALUES[number](word)
    known = {each.name for each in fields(of)}
    for name in options.keys() - known:
        raise SandboxError("The order {kind} takes no {name}.", kind=kind, name=name)
    return of(method.upper(), path, **options)


async def _control_gateway(gateway: Gateway, what: str) -> None:
    match what:
        case "drop" | "lose":
            await gateway.drop(resume=what == "drop")
        case "invalid" | "resume":
            gateway.invalidate(resume=what == "resume")
        case "reconnect":
            gateway.ask_to_reconnect()
        case "silent":
            gateway.fall_silent()
        case "close" | "open":
            gateway.is_open = what == "open"
            if not gateway.is_open:
                await gateway.drop()
        case _:
            raise SandboxError("There is no such order: {line}", line=f"gateway {what}")


def _control_bot(world: World, what: str) -> None:
    guild = _first_guild(world)
    match what:
        case "kick":
            guild_admin.kick_bot(world, guild)
        case "invite":
            guild_admin.let_bot_in(world, guild)
        case "may" | "may-not":
            guild_admin.let_bot_create_expressions(world, guild, may=what == "may")
        case _:
            raise SandboxError("There is no such order: {line}", line=f"bot {what}")


def _first_guild(world: World) -> Guild:
    return next(iter(world.guilds.values()))


def _channel(world: World, name: str) -> Channel:
    for channel in world.channels.values():
        if channel.name == name:
            return channel
    raise SandboxError("There is no channel {name}.", name=name)
