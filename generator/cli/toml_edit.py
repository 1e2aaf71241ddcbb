"""Writes the revision of a model into the bot's config, whose comments and order stay."""

from __future__ import annotations

import os
import shutil
import tomllib
from pathlib import Path

from generator.contract.errors import RequestError
from generator.contract.toml_edit import setting_line, with_setting, without_mark

SECTION = "generator"


def check_config(path: Path) -> str:
    """Return the file's text.

    Raises RequestError where it isn't there, is no TOML or can't be written.
    """
    try:
        text = path.read_bytes().decode()  # with the line ends that it has
        tomllib.loads(without_mark(text))
        with path.open("ab"):
            pass
    except FileNotFoundError:
        raise RequestError(
            f"There is no {path} to pin a revision in; `hotshot-bot setup` writes it, or copy "
            "config.example.toml to it first."
        ) from None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise RequestError(f"{path} can't be written ({reason}).") from error
    except ValueError as error:
        raise RequestError(f"{path} is not valid TOML ({error}); fix it first.") from error
    return text


def pin(path: Path, key: str, value: str) -> None:
    """Set ``key`` in the section ``[generator]``. Raises HotshotError; then nothing is changed."""
    changed = with_setting(check_config(path), SECTION, key, value)
    if changed is None:
        raise RequestError(
            f"{path} sets [{SECTION}] in a form that can't be changed here; write "
            f"{setting_line(key, value)} there yourself."
        )
    _replace(path.resolve(), changed)


def _replace(path: Path, text: str) -> None:
    """Write a file in one step. Who may read it stays as it was: it may hold a token."""
    scratch = path.with_name(f".{path.name}-{os.getpid()}.part")
    try:
        try:
            scratch.touch(mode=0o600)
            shutil.copymode(path, scratch)
            scratch.write_bytes(text.encode())
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise RequestError(f"{path} can't be written ({reason}).") from error
