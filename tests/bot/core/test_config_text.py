"""config.example.toml with settings put into it: all else stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.config_text import example_text, values_of, with_settings
from bot.core.errors import ConfigError

FILE = Path("config.toml")


def test_settings_are_put_into_the_example() -> None:
    text = with_settings(
        FILE,
        example_text(),
        {
            "discord.token": "a.b.c",
            "discord.allow_foreign_base_url": True,
            "storage.data_dir": "/x",
        },
    )
    expected = values_of(example_text())
    expected["discord"] |= {"token": "a.b.c", "allow_foreign_base_url": True}
    expected["storage"] |= {"data_dir": "/x"}
    assert values_of(text) == expected
    changed = set(text.splitlines()) ^ set(example_text().splitlines())
    assert len(changed) == 6  # three lines, before and after


def test_what_can_not_be_changed_is_left_to_its_owner_and_no_token_is_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        with_settings(FILE, 'discord = {token = ""}\n', {"discord.token": "very.secret.token"})
    assert str(caught.value) == (
        "config.toml sets [discord] in a form that can't be changed here; write token = "
        '"…" there yourself.'
    )
