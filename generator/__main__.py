"""``hotshot``: makes GIFs on the command line.

Knows the sub-commands by name, and how every way to end looks from outside: a mistake or anything
else with a sentence is exit code 2 and one line, Ctrl-C is 130, a bug is 1. Nothing heavy is
imported before a sub-command has checked what it was asked.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Sequence
from types import FrameType

from generator.cli import dataset, fine_tune, gif, inspect, model, train_lora, warm_up, worker
from generator.cli.parsing import with_dashes
from generator.contract import logs
from generator.contract.command_line import Interrupted, Parser, UsageError, note_reader_gone
from generator.contract.errors import CancelledError, HotshotError
from generator.contract.extras import missing_extra
from generator.contract.platforms import check_platform
from generator.contract.version import VERSION

logger = logging.getLogger(__name__)

_ONE_PRESS_SECONDS = 0.5  # within these, two interrupts are one
_COMMANDS = (gif, inspect, model, warm_up, fine_tune, train_lora, dataset, worker)
_EXAMPLES = """\
first steps:
  hotshot gif --prompt "a red ball bouncing" --output ball.gif
  hotshot inspect ball.gif
  hotshot gif --help

nano, a small model that ships, is used unless --pretrained-path names another one."""


def main(words: Sequence[str] | None = None) -> int:
    """Run one command line; return its exit code."""
    interrupt = _Interrupt()
    name = "hotshot"
    try:
        check_platform()
        arguments = _parser().parse_args(with_dashes(sys.argv[1:] if words is None else words))
        name = f"hotshot {arguments.command}"
        logs.configure("DEBUG" if arguments.verbose else "ERROR")
        arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # as `hotshot inspect … | head` does: who reads has seen enough
        return note_reader_gone()
    except CancelledError as error:
        return _say(name, str(error), 130)
    except BaseException as error:
        # Libraries turn an interrupt in the middle of their import into errors of their own.
        if interrupt.seen or isinstance(error, KeyboardInterrupt):
            return _say(name, "stopped; nothing was written.", 130)
        if not isinstance(error, Exception):
            raise
        logger.debug("stopped by", exc_info=error)
        if isinstance(error, UsageError):
            name = error.program
        refusal = error if isinstance(error, HotshotError) else missing_extra(error)
        if refusal is not None:
            return _say(name, str(refusal), 2)
        return _say(name, f"something went wrong inside ({_short(error)}); try --verbose.", 1)
    finally:
        interrupt.restore()
    return 0


class _Interrupt:
    """Remembers that Ctrl-C was pressed, whatever becomes of the KeyboardInterrupt it raises."""

    def __init__(self) -> None:
        self.seen = False
        self._last_seconds = -_ONE_PRESS_SECONDS
        self._before = signal.signal(signal.SIGINT, self._raise)

    def restore(self) -> None:
        """Put the former handler back, but after an interrupt: another has nothing left to stop."""
        signal.signal(signal.SIGINT, signal.SIG_IGN if self.seen else self._before)

    def _raise(self, _number: int, _frame: FrameType | None) -> None:
        # A second one while the first is handled would be shown as a traceback. A later one counts,
        # since libraries may have swallowed the first.
        before, self._last_seconds = self._last_seconds, time.monotonic()
        if self._last_seconds - before >= _ONE_PRESS_SECONDS:
            self.seen = True
            raise Interrupted


def _parser() -> Parser:
    parser = Parser(
        prog="hotshot", description="Makes GIFs from words with Hotshot-XL.", epilog=_EXAMPLES
    )
    parser.add_argument("--version", action="version", version=f"hotshot {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        sub_parser = command.add_to(commands)
        sub_parser.add_argument(
            "--verbose", action="store_true", help="log what is chosen and why, to stderr"
        )
        sub_parser.set_defaults(run=command.run)
    return parser


def _say(program: str, message: str, code: int) -> int:
    # A message may quote a stranger's file: nothing in it may play with the terminal.
    visible = "".join(letter if letter.isprintable() else " " for letter in message)
    print(f"{program}: {' '.join(visible.split())}", file=sys.stderr)
    return code


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]


if __name__ == "__main__":
    sys.exit(main())
