"""Where a config is found, and its data: here, or where a system's package has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core import config_places
from bot.core.config import load
from bot.core.config_places import find_config


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The system's config, which isn't there yet; the current directory is empty."""
    (tmp_path / "here").mkdir()
    (tmp_path / "etc").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    file = tmp_path / "etc" / "config.toml"
    monkeypatch.setattr(config_places, "SYSTEM_FILE", file)
    return file


def test_the_nearest_config_is_found(system: Path) -> None:
    assert find_config() is None
    assert load().storage.data_dir == Path("data")
    system.write_text('[queue]\nsize = 7\n[storage]\ndata_dir = "data"\n', encoding="utf-8")
    assert find_config() == system
    assert load().queue.size == 7
    Path("config.toml").write_text("[queue]\nsize = 8\n", encoding="utf-8")
    assert load().queue.size == 8


def test_the_system_s_data_is_the_same_wherever_one_is(system: Path) -> None:
    system.write_text('[storage]\ndata_dir = "data"\n', encoding="utf-8")
    assert load().storage.url == "sqlite:////var/lib/hotshot-bot/data/hotshot.db"
    second = system.with_name("second.toml")
    second.write_text('[storage]\ndata_dir = "second"\n', encoding="utf-8")
    assert load(second).storage.data_dir == Path("/var/lib/hotshot-bot/second")
    second.write_text('[storage]\ndata_dir = "/srv/gifs"\n', encoding="utf-8")
    assert load(second).storage.data_dir == Path("/srv/gifs")


def test_a_system_s_config_that_is_for_others_is_not_passed_over(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a user whom its directory isn't open to: a file below /proc that root can't see."""
    monkeypatch.setattr(config_places, "DEFAULT_FILE", Path("/proc/self/no/such/file"))
    assert find_config() is None
    monkeypatch.setattr(
        config_places, "SYSTEM_FILE", Path("x" * 5000)
    )  # a name too long to look at
    assert find_config() == Path("x" * 5000)
