"""The file that ``hotshot-bot setup`` writes: what is in it, and who may read it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.cli.config_file import ConfigFile
from bot.core import config_places
from bot.core.config import DiscordSettings, load
from bot.core.errors import ConfigError

TOKEN = DiscordSettings(token=SecretStr("a.b.c"))


def write(file: Path) -> None:
    config = ConfigFile.read(file)
    config.check_place()
    config.write(TOKEN)
    assert load(file).discord.token.get_secret_value() == "a.b.c"
    assert [each for each in file.resolve().parent.iterdir() if ".part" in each.name] == []


def rights(file: Path) -> tuple[int, int, int]:
    found = file.stat()
    return found.st_uid, found.st_gid, found.st_mode & 0o777


def test_a_new_file_is_its_owner_s_alone(tmp_path: Path) -> None:
    write(tmp_path / "config.toml")
    assert rights(tmp_path / "config.toml")[2] == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away, as root can")
def test_a_service_reads_what_root_writes_in_its_directory(tmp_path: Path) -> None:
    os.chown(tmp_path, 0, 12345)
    file = tmp_path / "config.toml"
    write(file)
    assert rights(file) == (0, 12345, 0o640)
    os.chown(file, 54321, 12345)
    file.chmod(0o604)
    write(file)  # whom it belonged to keeps it, and nobody else reads it
    assert rights(file) == (54321, 12345, 0o600)


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "config.toml"
    link.symlink_to(tmp_path / "real" / "bot.toml")  # which isn't there yet
    write(link)
    assert link.is_symlink()
    assert (tmp_path / "real" / "bot.toml").stat().st_mode & 0o777 == 0o600


def test_the_system_s_config_says_where_its_data_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_places, "SYSTEM_FILE", tmp_path / "config.toml")
    write(tmp_path / "config.toml")
    assert load(tmp_path / "config.toml").storage.data_dir == Path("/var/lib/hotshot-bot")
    said = (tmp_path / "config.toml").read_text(encoding="utf-8")
    assert 'data_dir = "/var/lib/hotshot-bot"' in said


def test_what_came_meanwhile_stays(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    config = ConfigFile.read(file)
    file.write_text("[queue]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="was created in the meantime"):
        config.write(TOKEN)
    assert file.read_text(encoding="utf-8") == "[queue]\n"


def test_a_file_that_a_token_can_not_be_put_into_is_known_before_anybody_types(
    tmp_path: Path,
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("discord = {token = ''}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"write token = .* there yourself"):
        ConfigFile.read(file).check_place()
