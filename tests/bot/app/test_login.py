"""Where the token may go, and nowhere else."""

from __future__ import annotations

import aiohttp
import discord
import pytest
import yarl
from discord.http import Route

from bot.app.login import is_loopback, local_connector, use_discord_at
from bot.core.config import DiscordSettings
from bot.core.errors import StartupError


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(discord.Asset, "BASE", discord.Asset.BASE)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"])
def test_this_machine(host: str) -> None:
    assert is_loopback(yarl.URL(f"http://{host}:80"))
    use_discord_at(DiscordSettings(base_url=f"http://{host}:80"))
    assert f"http://{host}:80/api/v10" == Route.BASE


@pytest.mark.parametrize(
    "host",
    ["example.com", "10.0.0.1", "0.0.0.0", "localhost.example.com", "[::2]"],  # noqa: S104
)
def test_another_machine(host: str) -> None:
    assert not is_loopback(yarl.URL(f"http://{host}"))
    with pytest.raises(StartupError, match="allow_foreign_base_url"):
        use_discord_at(DiscordSettings(base_url=f"http://{host}"))
    use_discord_at(DiscordSettings(base_url=f"http://{host}", allow_foreign_base_url=True))
    assert f"http://{host}/api/v10" == Route.BASE


async def test_a_local_connection_cannot_leave_the_machine() -> None:
    """A name or a redirect may lead anywhere; the socket is never made."""
    async with aiohttp.ClientSession(connector=local_connector()) as session:
        with pytest.raises(aiohttp.ClientConnectorError, match="not on this machine"):
            await session.get("http://192.0.2.1:80/")
