"""What ``[remote]`` needs and isn't there is said before anything is touched."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bot.app import main
from bot.broker.errors import BrokerError
from bot.core.config import load
from generator.contract.errors import HotshotError, MissingExtraError

CONFIG = """
[discord]
token = "x"
[generator]
model = "nano"
devices = []
[storage]
data_dir = "{data}"
[remote]
listen = "127.0.0.1:4222"
server = "{server}"
"""


@pytest.mark.parametrize(
    ("missing", "refusal", "said"),
    [
        ("nats", MissingExtraError, r"needs nats.*hotshot-bot\[remote\]"),
        ("nats-server", BrokerError, "isn't a program that can be run"),
    ],
)
async def test_what_is_missing_is_said_before_the_database_is_touched(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    missing: str,
    refusal: type[HotshotError],
    said: str,
) -> None:
    server = "/nowhere/nats-server" if missing == "nats-server" else sys.executable
    if missing == "nats":
        monkeypatch.setitem(sys.modules, missing, None)  # as where it isn't installed
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(data=tmp_path / "data", server=server))
    with pytest.raises(refusal, match=said):
        await main.run(load(config))
    assert not (tmp_path / "data").exists()
