"""The config file that ``hotshot-bot setup`` writes: a new one, or the token put into one."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from bot.broker.private_files import write_private
from bot.core.config import DiscordSettings, Settings, check_settings, read_values
from bot.core.config_places import SYSTEM_DATA, is_system
from bot.core.config_text import example_text, values_of, with_settings
from bot.core.errors import ConfigError
from generator.contract.text_files import read_text

_GROUP_READS = 0o640


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A config as it was read: ``text`` is that of config.example.toml where ``is_new``.

    ``token`` is what the text says, whatever the environment does; ``settings`` hold its override.
    """

    file: Path
    text: str
    is_new: bool
    settings: Settings
    token: str

    @classmethod
    def read(cls, file: Path) -> ConfigFile:
        """Return a config as it is, or is to be. Raises ConfigError where it says nonsense."""
        is_new = not os.path.exists(file)  # noqa: PTH110 - Path's raises where it may not look
        if not is_new:
            read_values(file)  # what is wrong with it, in a sentence
        text = example_text() if is_new else read_text(file)
        values = values_of(text)
        settings = check_settings(file, values)
        token = str(values.get("discord", {}).get("token", "")).strip()
        return cls(file, text, is_new, settings, token)

    def check_place(self) -> None:
        """Raise ConfigError where the file can't be written, or a token can't be put into it."""
        with_settings(self.file, self.text, {"discord.token": self.token})
        place = self.file.resolve().parent
        if not place.is_dir():
            raise ConfigError(
                f"There is no directory {place} for {self.file.name}; create it, or name another "
                "file with --config."
            )
        if not os.access(place, os.W_OK | os.X_OK):
            raise ConfigError(
                f"{place} can't be written, so {self.file.name} can't be either; run this as the "
                "user who runs the bot, or name another file with --config."
            )

    def write(self, discord: DiscordSettings) -> None:
        """Put the token, and where its Discord is, into the file; all else in it stays.

        Raises ConfigError, and BrokerError where it can't be written; then nothing is changed.
        """
        text = with_settings(self.file, self.text, self._changes(discord))
        check_settings(self.file, values_of(text))
        place = self.file.resolve()
        if self.is_new and place.exists():
            raise ConfigError(
                f"{self.file} was created in the meantime and is left as it is; try again."
            )
        earlier = None if self.is_new else place.stat()
        write_private(place, text.encode())
        _give_to_readers(place, earlier)

    def _changes(self, discord: DiscordSettings) -> dict[str, str | bool]:
        changes: dict[str, str | bool] = {"discord.token": discord.token.get_secret_value()}
        said = DiscordSettings.model_validate(values_of(self.text).get("discord", {}))
        if discord.base_url != said.base_url:
            changes["discord.base_url"] = discord.base_url
        if discord.allow_foreign_base_url != said.allow_foreign_base_url:
            changes["discord.allow_foreign_base_url"] = discord.allow_foreign_base_url
        if self.is_new and is_system(self.file):
            changes["storage.data_dir"] = str(SYSTEM_DATA)
        return changes


def _give_to_readers(file: Path, earlier: os.stat_result | None) -> None:
    """Leave a file to whom it belonged, and a new one of root's to whom its directory belongs.

    Its group may read it where it might before, and where root's directory has a group of its own,
    as a service's has. Nobody else may: it holds a token.
    """
    is_root = os.geteuid() == 0
    owner = earlier or file.parent.stat()
    if is_root:
        os.chown(file, owner.st_uid, owner.st_gid)
    if earlier is not None:
        file.chmod(stat.S_IMODE(earlier.st_mode) & ~stat.S_IRWXO)
    elif is_root and owner.st_gid != 0:
        file.chmod(_GROUP_READS)
