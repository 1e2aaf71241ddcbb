"""``hotshot worker``: this machine's cards work for a bot elsewhere. Free of torch."""

from __future__ import annotations

import argparse
import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from generator.cli.parsing import Once, device_name
from generator.contract import logs
from generator.contract.command_line import Parser, number, shown
from generator.contract.errors import HotshotError
from generator.contract.extras import require_modules
from generator.contract.join_line import JoinLine
from generator.contract.remote import LEASE_SECONDS
from generator.contract.worker_settings import HOTSHOT_ENGINE

if TYPE_CHECKING:
    from nats.aio.client import Client

    from generator.link.lasting import Connect

    Subparsers = argparse._SubParsersAction[Parser]

_EXAMPLE = """\
example:
  hotshot worker --join hs1:… --devices cuda:0,cuda:1 --cache-gb 100

`hotshot-bot host add NAME` on the bot's machine prints the line. This machine needs no open port:
it connects to the bot, and reconnects whenever the connection is lost. SIGTERM or Ctrl-C lets it
finish what it is making; a second one stops it at once."""
_MOST_GIGABYTES = 1_000_000
_MEMORY_SHARE = 0.6  # of the machine, for all workers together


class WorkerCommandError(HotshotError):
    """The command can't do what is asked; says what to change."""

    is_translated = False


def add_to(subparsers: Subparsers) -> Parser:
    """Declares the sub-command and its flags."""
    parser = subparsers.add_parser(
        "worker",
        help="make GIFs for a bot on another machine",
        description="Makes GIFs on this machine for a bot on another one.",
        epilog=_EXAMPLE,
    )
    parser.add_argument(
        "--join",
        action=Once,
        required=True,
        metavar="LINE",
        help="the line that `hotshot-bot host add` printed, or - to read it from standard input",
    )
    parser.add_argument(
        "--devices",
        action=Once,
        type=_devices,
        help="the devices to work on, such as cuda:0,cuda:1 (default: every card, or the CPU)",
    )
    parser.add_argument(
        "--cache-gb",
        type=_gigabytes,
        default=50.0,
        metavar="GB",
        help="how many gigabytes of the files that jobs need to keep here (default: 50)",
    )
    parser.add_argument(
        "--cache-dir",
        type=Path,
        metavar="DIRECTORY",
        help="where to keep these files (default: hotshot/ in your cache directory)",
    )
    parser.add_argument(
        "--model",
        type=_model,
        action="append",
        default=[],
        metavar="NAME=DIRECTORY",
        help="where this machine has the model that the bot calls NAME and has in a directory "
        "of its own",
    )
    parser.add_argument(
        "--log-format",
        choices=logs.FORMATS,
        default=logs.TEXT,
        help="lines for people, or objects for machines (default: text)",
    )
    # for tests: another engine, and one that gives up sooner
    parser.add_argument("--engine", default=HOTSHOT_ENGINE, help=argparse.SUPPRESS)
    parser.add_argument(
        "--lease-seconds", type=number, default=LEASE_SECONDS, help=argparse.SUPPRESS
    )
    return parser


def run(arguments: Namespace) -> None:
    """Works until told to leave. Raises HotshotError."""
    line = JoinLine.parse(_line(arguments.join))
    require_modules("nats", "nkeys")
    _hide(arguments.join)
    level = "DEBUG" if arguments.verbose else "INFO"
    logs.configure(level, arguments.log_format)
    from generator.host.agent import AgentSettings, run_agent
    from generator.host.place import find_cards
    from generator.link.event_loop import run_event_loop

    cards = find_cards()
    devices = arguments.devices or tuple(cards) or ("auto",)
    settings = AgentSettings(
        host=line.host,
        devices=devices,
        directory=_directory(arguments.cache_dir, line.host),
        cache_bytes=int(arguments.cache_gb * 1e9),
        memory_limit=_memory_limit(len(devices)),
        lease=arguments.lease_seconds,
        models=dict(arguments.model),
        cards=cards,
        engine=arguments.engine,
        log_level=level,
        log_format=arguments.log_format,
    )
    run_event_loop(run_agent(settings, _connect(line)))


def _connect(line: JoinLine) -> Connect:
    from generator.contract.subjects import inbox_prefix
    from generator.link.client import Callback, ServerAccess, connect

    access = ServerAccess(url=line.url, seed=line.seed, ca=line.ca)

    async def join(on_closed: Callback) -> Client:
        return await connect(
            access,
            name=line.host,
            inbox_prefix=inbox_prefix(line.host),
            on_closed=on_closed,
        )

    return join


def _line(given: str) -> str:
    return sys.stdin.read() if given == "-" else given


def _hide(given: str) -> None:
    """Become this very command with the join line on standard input, where it isn't already.

    Everybody on a machine sees what commands are given, and the line holds a key.
    """
    flags = (given, f"--join={given}")
    if given == "-" or not any(each in flags for each in sys.orig_argv):
        return
    shown = {given: "-", f"--join={given}": "--join=-"}
    readable, writable = os.pipe()
    os.write(writable, given.encode())  # a pipe holds 64 kB
    os.close(writable)
    os.dup2(readable, sys.stdin.fileno())
    os.close(readable)
    words = [shown.get(each, each) for each in sys.orig_argv[1:]]
    os.execv(sys.executable, [sys.executable, *words])  # noqa: S606 - no shell is what is wanted


def _directory(given: Path | None, host: str) -> Path:
    """Return where a host's files are, made. Raises WorkerCommandError."""
    if given is None:
        cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        given = Path(cache).expanduser() / "hotshot"
    directory = given / f"worker-{host}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkerCommandError(
            f"The directory {directory} can't be made ({error.strerror}); name another with "
            "--cache-dir."
        ) from error
    return directory


def _memory_limit(workers: int) -> int:
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * _MEMORY_SHARE / workers)


def _devices(text: str) -> tuple[str, ...]:
    devices = tuple(device_name(each.strip()) for each in text.split(","))
    if len(set(devices)) < len(devices):
        raise argparse.ArgumentTypeError("a device is named twice; each can have one worker")
    return devices


def _gigabytes(text: str) -> float:
    gigabytes = number(text)
    if not 0 <= gigabytes <= _MOST_GIGABYTES:
        raise argparse.ArgumentTypeError(f"{shown(text)} isn't between 0 and {_MOST_GIGABYTES:,}")
    return gigabytes


def _model(text: str) -> tuple[str, str]:
    name, equals, directory = text.partition("=")
    if not (name and equals and directory):
        raise argparse.ArgumentTypeError(f"{text[:80]!r} isn't NAME=DIRECTORY")
    return name, directory
