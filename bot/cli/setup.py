"""``hotshot-bot setup``: the token asked for and checked, the config written, the bot's invitation.

Asks first, checks then, and writes last: whoever stops it before has changed nothing. A script
gives the token by HOTSHOT_DISCORD__TOKEN, or on standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from dataclasses import dataclass

from pydantic import SecretStr

from bot.app.lock import lock_holder
from bot.app.login import Login, check_address, check_login
from bot.app.registration import register_commands
from bot.cli.config_file import ConfigFile
from bot.cli.token_shape import DEVELOPERS, token_defect
from bot.core.config import DISCORD, Settings
from bot.core.config_places import DEFAULT_FILE, find_config, is_system
from bot.core.errors import BotError, ConfigError, StartupError, TokenError
from bot.gateway.invitation import invitation_url
from generator.contract.errors import HotshotError

_TRIES = 3
_LONGEST_TOKEN = 4096  # characters that are read of a line
_WHERE = f"{DEVELOPERS}: choose your application or make one, then Bot, then Reset Token"


@dataclass(frozen=True, slots=True)
class _Found:
    """A token that Discord takes, in ``settings``; ``is_new`` where the file lacks it."""

    settings: Settings
    login: Login
    is_new: bool


def execute(arguments: argparse.Namespace) -> int:
    file = arguments.config or find_config() or DEFAULT_FILE
    stopped = "nothing is changed"
    try:
        config = ConfigFile.read(file)
        found = _find_token(config, replaces=arguments.replace)
        _tell(f"Discord knows the bot as {found.login.user}.")
        if found.is_new:
            config.write(found.settings.discord)
            _tell(f"Wrote {file}. It holds the token: keep it to yourself.")
        stopped = f"{file} is ready, and the bot registers its commands when it starts"
        _tell("Anybody who manages a server can add the bot to it with this link:")
        print(invitation_url(found.login.application_id), flush=True)
        _register(found.settings)
    except (KeyboardInterrupt, EOFError):
        _tell(f"\nStopped; {stopped}.")
        raise KeyboardInterrupt from None  # the exit code is that of Ctrl-C
    _say_what_is_next(config, found.settings)
    return 0


# -- the token -------------------------------------------------------------------------------------


def _find_token(config: ConfigFile, *, replaces: bool) -> _Found:
    """Return a token that Discord takes. Raises StartupError, EOFError."""
    check_address(config.settings.discord)  # before anybody types for nothing
    given = _given(config)
    if given and given == config.token:
        return _log_in(config, given)
    if _may_write(config, replaces=replaces):
        config.check_place()
        return _log_in(config, given) if given else _typed(config)
    if config.token and not given:
        return _log_in(config, config.token)
    raise ConfigError(
        f"{config.file} exists already and is left as it is; --replace puts the token into it, "
        "and --config names another file."
    )


def _given(config: ConfigFile) -> str:
    """Return the token of the environment, or of standard input; "" where a person is to type it.

    Where neither has one, it is the file's own. Raises TokenError.
    """
    token = config.settings.discord.token.get_secret_value().strip()
    if token != config.token:
        return token
    if sys.stdin.isatty():
        return ""
    token = sys.stdin.readline(_LONGEST_TOKEN).strip() or config.token
    if not token:
        raise TokenError(
            "There is no token: set HOTSHOT_DISCORD__TOKEN, write it on standard input, or run "
            "this in a terminal, which asks for it."
        )
    return token


def _may_write(config: ConfigFile, *, replaces: bool) -> bool:
    """Return whether the file is new, or may be changed: by the flag, or by who is asked."""
    if config.is_new or replaces:
        return True
    if not sys.stdin.isatty():
        return False
    if config.token:
        return _wants(f"{config.file} already contains a token. Replace it?")
    return _wants(
        f"{config.file} exists already. Put the token into it? Everything else in it stays."
    )


def _typed(config: ConfigFile) -> _Found:
    """Ask for the token until Discord takes one. Raises StartupError, EOFError."""
    _tell(f"The bot's token is on {_WHERE}.")
    for _ in range(_TRIES - 1):
        try:
            return _log_in(config, _hidden_line())
        except TokenError as error:
            _tell(str(error))
    return _log_in(config, _hidden_line())


def _hidden_line() -> str:
    return getpass.getpass("Token (it isn't shown): ").strip()


def _log_in(config: ConfigFile, token: str) -> _Found:
    """Log in by a token. Raises TokenError for one that Discord can't take, and StartupError."""
    discord = config.settings.discord
    if not token:
        raise TokenError("Nothing was typed; paste the token, and press Enter.")
    if discord.base_url == DISCORD and (defect := token_defect(token)):
        raise TokenError(f"This token {defect}; copy it again from {_WHERE}.")
    discord = discord.model_copy(update={"token": SecretStr(token)})
    _tell(f"Logging in at {discord.base_url} ...")
    try:
        login = asyncio.run(check_login(discord))
    except TokenError as error:
        raise TokenError(
            f"{discord.base_url} refuses this token; copy it again from {_WHERE}."
        ) from error
    settings = config.settings.model_copy(update={"discord": discord})
    return _Found(settings, login, is_new=token != config.token)


# -- what follows ----------------------------------------------------------------------------------


def _register(settings: Settings) -> None:
    try:
        count = asyncio.run(register_commands(settings))
    except (BotError, HotshotError) as error:
        raise StartupError(
            f"The commands couldn't be registered ({str(error).rstrip('.')}); `hotshot-bot run` "
            "does it when it starts."
        ) from error
    _tell(f"Registered {count} commands.")


def _say_what_is_next(config: ConfigFile, settings: Settings) -> None:
    running = lock_holder(settings.storage.data_dir)
    if running is not None:
        _tell(f"The running bot (process {running}) reads the config when it is restarted.")
        return
    start = "hotshot-bot run"
    if is_system(config.file):
        start = "systemctl enable --now hotshot-bot"
    elif find_config() != config.file:
        start += f" --config {config.file}"
    _tell(f"Start it with `{start}`, then type /gif in the server.")


def _wants(question: str) -> bool:
    """Ask for yes or no; no is the default. Raises EOFError."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer:
        raise EOFError
    return answer.strip().lower() in ("y", "yes")


def _tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
