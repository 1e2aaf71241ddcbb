"""``[remote]``: addresses as people write them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.config import load
from bot.core.errors import ConfigError
from bot.core.remote_settings import RemoteSettings, parse_address


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("192.0.2.1:80", ("192.0.2.1", 80)),
        ("[::]:5000", ("::", 5000)),
        ("bot.example.com", ("bot.example.com", 4222)),
        ("localhost:1", ("localhost", 1)),
        ("198.51.100.7", ("198.51.100.7", 4222)),
    ],
)
def test_addresses_are_read(text: str, read: tuple[str, int]) -> None:
    assert parse_address(text) == read
    assert parse_address(str(parse_address(text))) == read


@pytest.mark.parametrize(
    "text",
    [":4222", "bot:99999", "bot:x", "a b:4222", "tls://bot", "me@bot", "bot/path", "::1:4222", "-"],
)
def test_other_texts_are_no_addresses(text: str) -> None:
    with pytest.raises(ValueError, match="a name or an IP address is expected"):
        parse_address(text)


@pytest.mark.parametrize(
    ("settings", "dialled"),
    [
        ({"listen": "0.0.0.0:5000", "address": "bot.example.com"}, "bot.example.com:5000"),
        ({"listen": "0.0.0.0:5000", "address": "bot.example.com:443"}, "bot.example.com:443"),
        ({"listen": "127.0.0.1:4222"}, "127.0.0.1:4222"),
        ({"listen": "[2001:db8::1]:4222"}, "[2001:db8::1]:4222"),
        ({"listen": "0.0.0.0:4222"}, "None"),
        ({"listen": "[::]:4222"}, "None"),
        ({"url": "tls://nats.example.com"}, "nats.example.com:4222"),
    ],
)
def test_what_hosts_dial(settings: dict[str, str], dialled: str) -> None:
    assert str(RemoteSettings.model_validate(settings).dial_address) == dialled


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('listen = "4222/tcp"', "remote.listen is wrong: a name or an IP address"),
        ('url = "nats://nats.example.com"', "remote.url is wrong: an address such as .tls://"),
        ('url = "tls://"', "remote.url is wrong: a name"),
        ('listen = "0.0.0.0:1"\nurl = "tls://n"', "remote is wrong: listen starts a server and"),
        ("lisen = 1", "remote.lisen is not a setting; perhaps listen was meant"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, lines: str, said: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"[remote]\n{lines}\n")
    with pytest.raises(ConfigError, match=said):
        load(file)


def test_without_the_section_there_are_no_hosts(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("")
    assert not load(file).remote.is_used
