"""The command line: ``hotshot-bot setup | run | status | owner | doctor | backup | restore | move |
privacy | host | db | sandbox | demo | try``.

Every error that a person can mend is one line on standard error, and exit code 2. Each command's
module is imported when it is called: a worker process imports this file again when it starts, and
must not pay for what only the bot needs.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from bot.core.config_places import SYSTEM_FILE
from bot.core.errors import BotError
from generator.contract.command_line import (
    Interrupted,
    Parser,
    UsageError,
    note_reader_gone,
    whole_number,
)
from generator.contract.errors import HotshotError
from generator.contract.extras import missing_extra
from generator.contract.platforms import check_platform
from generator.contract.version import VERSION

_USAGE_ERROR = 2
_INTERRUPTED = 130
_DEMO_PROMPT = "a red ball bouncing on a black background"
_SANDBOX_FILES = Path("out/sandbox")
_TRY_LOG = Path("out/try.log")
_DEMO_OUTPUT = Path("out/demo.gif")


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    try:
        chosen = _parser().parse_args(arguments)
        check_platform()
        with _interrupted_once():  # these imports take a second, and nobody handles signals yet
            command = importlib.import_module(chosen.module)
        code = int(command.execute(chosen))
        sys.stdout.flush()
    except BrokenPipeError:  # as `hotshot-bot status | head -1` does: who reads has seen enough
        return note_reader_gone()
    except ImportError as error:
        missing = missing_extra(error)
        if missing is None:
            raise
        print(f"hotshot-bot: {missing}", file=sys.stderr)
        return _USAGE_ERROR
    except (BotError, HotshotError) as error:
        program = error.program if isinstance(error, UsageError) else "hotshot-bot"
        print(f"{program}: {error}", file=sys.stderr)
        return _USAGE_ERROR
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one has nothing left to stop
        return _INTERRUPTED
    return code


@contextlib.contextmanager
def _interrupted_once() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first Ctrl-C inside, and ignore Ctrl-C from then on.

    A second one would else be raised again while the first is handled, and be shown as a traceback.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, say
        yield
        return

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise Interrupted

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _parser() -> Parser:
    parser = Parser(
        prog="hotshot-bot",
        formatter_class=argparse.HelpFormatter,
        description="A Discord bot that makes GIFs with Hotshot-XL.",
        epilog="Start with `hotshot-bot setup`; `doctor` says what is missing. To try the bot "
        "without Discord, run `hotshot-bot try` and open the address that it prints.",
    )
    parser.add_argument("--version", action="version", version=f"hotshot-bot {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    setup = _add(
        commands,
        "setup",
        "ask for the bot's token, write the config, and print the invitation",
        "Logs in to check the token, and registers the commands. In an existing config, only "
        "the token is changed. Scripts can pass the token in HOTSHOT_DISCORD__TOKEN or on "
        "standard input.",
    )
    setup.add_argument(
        "--replace", action="store_true", help="replace an existing config's token, unasked"
    )
    run = _add(
        commands,
        "run",
        "run the bot until it is stopped",
        "Connects to Discord and serves until SIGTERM or Ctrl-C. GIFs in the making may then "
        "be finished (queue.leave_seconds), and the rest continues after the next start; a "
        "second signal stops at once.",
    )
    status = _add(
        commands,
        "status",
        "show whether the bot is running, its workers and its queue",
        "Exit code 0 if the bot is running, 3 if it isn't.",
    )
    doctor = _add(
        commands,
        "doctor",
        "check the setup and say what to fix",
        "One line for each thing that run needs: token, disk, database, devices, memory, model. "
        "Changes nothing and downloads nothing. Exit code 1 if something has to be fixed.",
    )
    doctor.add_argument("--online", action="store_true", help="log in to Discord as well")
    database = commands.add_parser("db", help="maintain the database")
    actions = database.add_subparsers(required=True, metavar="ACTION")
    upgrade = _add(
        actions,
        "upgrade",
        "bring the database to this version",
        "Saves the database in the data directory before anything is changed. `hotshot-bot "
        "run` does the same when it starts. The bot must not be running.",
    )
    *keeping, moved = _add_backup_commands(commands)
    sandbox = _add(
        commands,
        "sandbox",
        "run a stand-in for Discord on this machine to try the bot with",
        "Prints the line that starts a bot in it and the address of a page for a browser, then "
        "serves until Ctrl-C. Type as in Discord: /gif a red ball, /history, press Again; help "
        "lists all commands.",
    )
    sandbox.add_argument(
        "--port", type=whole_number, default=8787, help="where to listen (default: 8787)"
    )
    sandbox.add_argument(
        "--files",
        type=Path,
        default=_SANDBOX_FILES,
        help=f"where the bot's GIFs are saved (default: {_SANDBOX_FILES})",
    )
    sandbox.add_argument("--token", help="the token that the bot must use (default: a new one)")
    demo = _add(
        commands,
        "demo",
        "make one GIF in a sandbox on this machine, to see that everything works",
        "Starts a sandbox and the bot in it, types one /gif, checks that the GIF is what was asked "
        "for, saves it with a sheet of its frames, and stops everything. Needs no token.",
    )
    demo.add_argument(
        "--prompt", default=_DEMO_PROMPT, help=f"what the GIF shows (default: {_DEMO_PROMPT})"
    )
    demo.add_argument(
        "--output",
        type=Path,
        default=_DEMO_OUTPUT,
        help=f"where it is saved (default: {_DEMO_OUTPUT})",
    )
    demo.add_argument(
        "--model", default="nano", help="as generator.model in the config (default: nano)"
    )
    tried = _add(
        commands,
        "try",
        "use the bot in a browser, without Discord",
        "Starts a sandbox and the bot in it, and prints the address of a page that works like "
        "Discord: channels, commands, buttons, forms. Needs no token; Ctrl-C stops everything.",
    )
    tried.add_argument(
        "--port", type=whole_number, default=0, help="where the page listens (default: a free one)"
    )
    tried.add_argument(
        "--log", type=Path, default=_TRY_LOG, help=f"the bot's log (default: {_TRY_LOG})"
    )
    tried.add_argument(
        "--model", default="nano", help="as generator.model in the config (default: nano)"
    )
    for command, module in (
        (setup, "setup"),
        (run, "run"),
        (status, "status"),
        (doctor, "doctor"),
        (upgrade, "upgrade"),
        *zip((*keeping, moved), ("backup", "restore", "move"), strict=True),
        (sandbox, "sandbox"),
        (demo, "demo"),
        (tried, "try_out"),
    ):
        command.set_defaults(module=f"bot.cli.{module}")
    of_hosts, of_owner = _add_host_actions(commands), _add_owner_actions(commands)
    for command in (status, doctor, of_hosts["list"], *of_owner):
        command.add_argument("--json", action="store_true", help="print one JSON object")
    for command in (
        setup,
        run,
        status,
        doctor,
        upgrade,
        *keeping,
        moved,
        *of_hosts.values(),
        *of_owner,
        *_add_privacy_actions(commands),
    ):
        command.add_argument(
            "--config",
            type=Path,
            help=f"the config file (default: ./config.toml, or else {SYSTEM_FILE})",
        )
    return parser


def _add_backup_commands(commands: argparse._SubParsersAction[Parser]) -> list[Parser]:
    backup = _add(
        commands,
        "backup",
        "save the database and the files that it names",
        "The bot may be running. Everything is read back before it gets its final name.",
    )
    backup.add_argument(
        "target",
        metavar="TARGET",
        help="an archive (.tar), which replaces an older one; or a directory (an existing one, "
        "or a name that ends with /), to which only what is new is added",
    )
    backup.add_argument(
        "--keep", type=_count, metavar="N", help="of a directory's backups, keep the newest N (all)"
    )
    restore = _add(
        commands,
        "restore",
        "restore a backup into an empty data directory",
        "The bot must not be running. Nothing is overwritten: move the data directory aside "
        "first. At the next start, the bot looks in Discord for GIFs that weren't finished in "
        "the backup, and offers those that it doesn't find to their owners.",
    )
    restore.add_argument(
        "source",
        type=Path,
        metavar="SOURCE",
        help="an archive, a directory of backups (the newest), or one of those in it",
    )
    restore.add_argument("--check", action="store_true", help="only say whether it is whole")
    restore.add_argument(
        "--erased", type=Path, metavar="FILE", help="the list of erasures (privacy.erased)"
    )
    move = _add(
        commands,
        "move",
        "copy the database into another one, such as PostgreSQL",
        "The bot must not be running. Either all rows are copied or none, and they are counted "
        "on both sides. To go back, run it with PostgreSQL in the config, and sqlite:///FILE "
        "as the address.",
    )
    move.add_argument(
        "address",
        metavar="ADDRESS",
        help="of an empty database, in the form of storage.database_url",
    )
    return [backup, restore, move]


def _count(words: str) -> int:
    number = whole_number(words)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1 is expected")
    return number


def _add_host_actions(commands: argparse._SubParsersAction[Parser]) -> dict[str, Parser]:
    host = commands.add_parser("host", help="manage which GPU hosts elsewhere may make GIFs")
    actions = host.add_subparsers(required=True, metavar="ACTION")
    add = _add(
        actions,
        "add",
        "let a host connect, and print the line that it joins with",
        "The line is for `hotshot worker --join` on that host. It contains a key and isn't "
        "stored. The bot may be running.",
    )
    remove = _add(
        actions,
        "remove",
        "shut a host out",
        "It is disconnected at once, and the GIFs that it was making are made elsewhere.",
    )
    for named in (add, remove):
        named.add_argument("name", metavar="NAME", help="1 to 32 of a-z, 0-9 and -, such as home")
    list_ = _add(actions, "list", "show which hosts may connect", "`hotshot-bot status` says more.")
    config = _add(
        actions,
        "config",
        "print a block for the configuration of a server that isn't the bot's own",
        "For remote.url: put the block into nats-server's configuration after each change.",
    )
    chosen = {"add": add, "remove": remove, "list": list_, "config": config}
    for action, parser in chosen.items():
        parser.set_defaults(module="bot.cli.host", action=action)
    return chosen


def _add_owner_actions(commands: argparse._SubParsersAction[Parser]) -> list[Parser]:
    owner = commands.add_parser("owner", help="tell the running bot what to do")
    actions = owner.add_subparsers(required=True, metavar="ACTION")

    def action(name: str, help_: str, more: str = "") -> Parser:
        parser = _add(actions, name, help_, more)
        parser.set_defaults(module="bot.cli.owner", action=name)
        return parser

    action("status", "show the state of the bot, its workers and its queue")
    drain = action("drain", "take no new GIFs", "GIFs in the making are finished; the rest waits.")
    drain.add_argument("--wait", action="store_true", help="return once nothing is being made")
    resume = action("resume", "take new GIFs again, or resume a paused model")
    resume.add_argument("model", nargs="?", metavar="MODEL", help="default: the whole bot")
    pause = action("pause", "pause a model", "It stays paused over a restart.")
    pause.add_argument("model", metavar="MODEL")
    action("workers", "show the workers")
    restart = action("restart", "restart a worker", "It finishes its current jobs first.")
    restart.add_argument("worker", metavar="WORKER", help="as `hotshot-bot owner workers` says")
    restart.add_argument("--now", action="store_true", help="put its current jobs back instead")
    jobs = action("jobs", "find anybody's GIFs, newest first")
    jobs.add_argument("job", nargs="?", metavar="JOB", help="an id, or the start of one")
    jobs.add_argument("--user", metavar="ID", help="only this person's")
    jobs.add_argument("--state", metavar="STATE", help="queued, running, …, or unfinished")
    jobs.add_argument("--most", type=whole_number, metavar="N", help="how many (default: 20)")
    for name, help_ in (
        ("cancel", "cancel anybody's GIF"),
        ("again", "repeat a GIF that is over, for the person who asked for it"),
        ("logs", "show how a GIF went"),
    ):
        action(name, help_).add_argument("job", metavar="JOB", help="its id, or the start of it")
    announce = action("announce", "tell everybody who waits", "Each once; nobody is pinged.")
    announce.add_argument("text", metavar="TEXT")
    block = action("block", "keep somebody from making GIFs on all servers")
    block.add_argument("user", metavar="ID", help="their id, as Discord shows it")
    block.add_argument("--hours", type=whole_number, metavar="N", help="default: for good")
    block.add_argument("--reason", metavar="TEXT", help="the reason that they are shown")
    action("unblock", "let somebody make GIFs again").add_argument("user", metavar="ID")
    action("blocked", "show who is blocked on all servers")
    action("reload", "read the config again, without a restart")
    return list(actions.choices.values())


def _add_privacy_actions(commands: argparse._SubParsersAction[Parser]) -> list[Parser]:
    privacy = commands.add_parser("privacy", help="export or erase what is kept about somebody")
    actions = privacy.add_subparsers(required=True, metavar="ACTION")
    export = _add(
        actions,
        "export",
        "write everything of a person's to one zip file",
        "Like /privacy in Discord, but complete. The bot may be running.",
    )
    export.add_argument("--output", type=Path, required=True, help="the file (.zip) to write")
    erase = _add(
        actions,
        "erase",
        "erase everything of a person's, for good",
        "Like /privacy in Discord. If the bot is running, it does so within half a minute; "
        "otherwise rows and files are deleted now, and messages in Discord after its next "
        "start. Without --yes it only says what there is.",
    )
    erase.add_argument("--yes", action="store_true", help="really erase it")
    for action, parser in (("export", export), ("erase", erase)):
        parser.add_argument(
            "user_id", type=whole_number, metavar="USER_ID", help="their id, as Discord shows it"
        )
        parser.set_defaults(module="bot.cli.privacy", action=action)
    return [export, erase]


def _add(group: argparse._SubParsersAction[Parser], name: str, help_: str, more: str) -> Parser:
    description = f"{help_[0].upper()}{help_[1:]}. {more}"
    return group.add_parser(
        name, help=help_, description=description, formatter_class=argparse.HelpFormatter
    )


if __name__ == "__main__":
    sys.exit(main())
