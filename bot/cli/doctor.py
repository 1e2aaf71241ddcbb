"""``hotshot-bot doctor``: one line for each thing the bot needs, and what to mend.

Looks only: it logs in nowhere, loads no model and upgrades no database.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from bot.config import Settings, load
from bot.errors import BotError, DataDirectoryError
from bot.storage.database import create_engine
from bot.storage.migrate import known_revisions, revision_of
from generator.errors import HotshotError, ModelError
from generator.limits import ModelLimits, local_directory

_PACKAGES = ("torch", "diffusers", "transformers", "discord.py", "sqlalchemy", "alembic")
_PARTS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")


def execute(chosen: argparse.Namespace) -> int:
    healthy = True
    for name, check in _checks(chosen.config):
        try:
            print(f"ok    {name}: {check()}")
        except (BotError, HotshotError) as error:
            healthy = False
            print(f"MEND  {name}: {error}")
    return 0 if healthy else 1


def _checks(file: Path | None) -> Iterator[tuple[str, Callable[[], str]]]:
    """Everything after the config needs the config."""
    yield "packages", _packages
    settings: list[Settings] = []

    def config() -> str:
        settings.append(load(file))
        return str(file or "config.toml or the defaults")

    yield "config", config
    if settings:
        found = settings[0]
        yield "token", lambda: _token(found)
        yield "data directory", lambda: _data_directory(found.storage.data_dir)
        yield "database", lambda: _database(found.storage.url)
        yield "model", lambda: _model(found.generator.model)


def _packages() -> str:
    try:
        return ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES)
    except metadata.PackageNotFoundError as error:
        raise BotError(f"{error.name} is not installed; install the project with pip.") from error


def _token(settings: Settings) -> str:
    settings.require_token()
    return "is set; whether Discord takes it shows when the bot starts"


def _data_directory(path: Path) -> str:
    nearest = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise DataDirectoryError(
            f"{path} can't be written; choose another by storage.data_dir in the config."
        )
    return str(path) if path.exists() else f"{path}, made at the first start"


def _database(url: str) -> str:
    address = create_engine(url).url
    is_file = address.get_backend_name() == "sqlite" and address.database
    if is_file and not Path(is_file).exists():
        return "made at the first start"
    current = _revision(url)
    newest = known_revisions()[-1]
    return current if current == newest else f"{current}, brought to {newest} at the next start"


def _revision(url: str) -> str | None:
    engine = create_engine(url)
    try:
        return revision_of(engine)
    finally:
        engine.dispose()


def _model(model: str) -> str:
    limits = ModelLimits.of(model)
    directory = local_directory(model)
    if directory is None:
        return f"{model}, from the hub"
    missing = [part for part in _PARTS if not (directory / part).exists()]
    if missing:
        raise ModelError(
            f"{directory} lacks {', '.join(missing)}; a model directory has the published layout "
            "of Hotshot-XL."
        )
    edge = limits.native_edge
    return f"{directory}, {edge} x {edge}, up to {limits.max_frames} frames"
