"""Where the config and the data are when nobody says: here, or where packages have them."""

from __future__ import annotations

from pathlib import Path

DEFAULT_FILE = Path("config.toml")
SYSTEM_FILE = Path("/etc/hotshot-bot/config.toml")
SYSTEM_DATA = Path("/var/lib/hotshot-bot")


def find_config() -> Path | None:
    """Return ./config.toml, or else the system's config; None where there is neither."""
    return next(filter(_is_there, (DEFAULT_FILE, SYSTEM_FILE)), None)


def data_dir_of(file: Path, data_dir: Path) -> Path:
    """Return where a config's data is.

    A relative directory begins where the bot is started, but for the system's config: its data is
    the same wherever a command is typed.
    """
    return SYSTEM_DATA / data_dir if is_system(file) else data_dir


def is_system(file: Path) -> bool:
    """Return whether a config is the system's, or lies beside it."""
    return file.absolute().parent == SYSTEM_FILE.parent


def _is_there(file: Path) -> bool:
    """Return whether a file is there. One that may not be looked at is: reading it says so."""
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
