"""The commands of ``hotshot-bot``: one module each, with ``execute(arguments) -> exit code``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bot.core import logs
from bot.core.config import Settings, load


def settings_with_logs(file: Path | None) -> Settings:
    """Return the settings, with logging set up as they say. Raises ConfigError."""
    settings = load(file)
    secrets = (settings.discord.token.get_secret_value(),)
    logs.configure(settings.log.level, settings.log.format, secrets=secrets)
    return settings


def print_json(values: dict[str, Any]) -> None:
    """Print one object for programs, on standard output."""
    print(json.dumps(values, ensure_ascii=False, indent=2))
