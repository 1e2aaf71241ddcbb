"""Where the bot's token may go, and what it means where Discord doesn't answer as it should.

discord.py is pointed at ``base_url`` here, and a stand-in on this machine is kept to this machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import discord
import yarl

from bot.core.config import DISCORD, DiscordSettings
from bot.core.errors import StartupError, TokenError
from bot.gateway import discord_compat
from bot.gateway.discord_errors import (
    UNREACHABLE_ERRORS,
    UnreadableAnswerError,
    readable_answers,
)

NOT_DISCORD_ERRORS = (discord.HTTPException, aiohttp.ClientError, UnreadableAnswerError)
"""Something answered, and not as Discord does."""
LONGEST_PAUSE = 60.0  # seconds between two tries to log in
_LOGIN_SECONDS = 30.0


def use_discord_at(settings: DiscordSettings) -> None:
    """Point discord.py at ``base_url``.

    Raises StartupError for an address that the token must not be sent to.
    """
    check_address(settings)
    if settings.base_url != DISCORD:
        discord_compat.use_base_url(settings.base_url)


def check_address(settings: DiscordSettings) -> None:
    """Raise StartupError for an address that the token must not be sent to."""
    if _is_local_only(settings) and not is_loopback(yarl.URL(settings.base_url)):
        raise StartupError(
            f"discord.base_url is {settings.base_url}, which is not on this machine, and the "
            "token would be sent there; set discord.allow_foreign_base_url to true if you mean it."
        )


@dataclass(frozen=True, slots=True)
class Login:
    """As whom the bot is logged in, and how often it may still start today."""

    user: str
    application_id: int
    starts_left: int

    def __str__(self) -> str:
        return f"logged in as {self.user}; {self.starts_left} starts are left today"


async def check_login(settings: DiscordSettings) -> Login:
    """Log in by REST alone and return as whom; registers and changes nothing.

    Raises StartupError where ``HotshotClient.log_in`` would, and where it would wait.
    """
    async with logged_in(settings, discord.Client(intents=discord.Intents.none())) as login:
        return login


@contextlib.asynccontextmanager
async def logged_in(settings: DiscordSettings, client: discord.Client) -> AsyncIterator[Login]:
    """Log a client in by REST alone, for as long as the block takes.

    Raises StartupError where ``HotshotClient.log_in`` would, and where it would wait; errors of
    Discord's inside the block become the same.
    """
    use_discord_at(settings)
    async with client:
        try:
            with readable_answers():
                await asyncio.wait_for(
                    client.login(settings.token.get_secret_value().strip()), _LOGIN_SECONDS
                )
            _, gateway, starts_left = await discord_compat.fetch_gateway(client)
            check_gateway(settings, gateway)
            yield Login(str(client.user), client.application_id or 0, starts_left)
        except discord.LoginFailure as error:
            raise token_refused(settings) from error
        except UNREACHABLE_ERRORS as error:
            raise StartupError(
                f"{settings.base_url} can't be reached ({type(error).__name__}: {error}); the bot "
                "would wait for it; check the connection."
            ) from error
        except NOT_DISCORD_ERRORS as error:
            raise not_discord(settings, error) from error


def is_loopback(url: yarl.URL) -> bool:
    """Return whether a URL's host is this machine, by its literal or as ``localhost``."""
    host = url.host or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_gateway(settings: DiscordSettings, url: str) -> None:
    """Raise StartupError for a gateway that the token must not be sent to."""
    if _is_local_only(settings) and not is_loopback(yarl.URL(url)):
        raise StartupError(
            f"The gateway named by {settings.base_url} is {url}, which is not on this machine; set "
            "discord.allow_foreign_base_url to true if the token may go there."
        )


def token_refused(settings: DiscordSettings) -> TokenError:
    return TokenError(
        f"{settings.base_url} refuses the bot's token; copy it again from "
        "https://discord.com/developers/applications to discord.token in the config."
    )


def not_discord(settings: DiscordSettings, error: Exception) -> StartupError:
    return StartupError(
        f"{settings.base_url} doesn't answer as Discord does ({error}); check discord.base_url in "
        "the config."
    )


def _is_local_only(settings: DiscordSettings) -> bool:
    return settings.base_url != DISCORD and not settings.allow_foreign_base_url


def local_connector() -> aiohttp.TCPConnector:
    """Return a connector that can't leave this machine.

    Wherever a resume, a redirect or a name server leads.
    """
    return aiohttp.TCPConnector(limit=0, socket_factory=_local_socket)


def connector_for(settings: DiscordSettings) -> aiohttp.TCPConnector:
    return local_connector() if _is_local_only(settings) else aiohttp.TCPConnector(limit=0)


def _local_socket(address: Any) -> socket.socket:
    family, kind, protocol, _, target = address
    if not ipaddress.ip_address(target[0]).is_loopback:
        raise OSError(errno.EACCES, f"{target[0]} is not on this machine")
    return socket.socket(family, kind, protocol)


def retry_after(error: Exception) -> float:
    """Return for how many seconds Discord asks to wait, which its outer wall says in a header."""
    if isinstance(error, discord.HTTPException):
        with contextlib.suppress(KeyError, ValueError):
            return float(error.response.headers["Retry-After"])
    return LONGEST_PAUSE
