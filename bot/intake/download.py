"""Fetches a file that somebody named: from allowed hosts, bounded in bytes and time.

How a link is fetched without reaching a private network is for ``generator.sources.guarded_http``,
and what the bytes are is for others to see.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from yarl import URL

from bot.core.errors import RefusedError
from bot.storage.disk_guard import disk_full
from generator.contract.errors import is_disk_full
from generator.contract.links import Address, AddressGuard, AllowsAddress, is_public
from generator.contract.text import Text
from generator.sources.guarded_http import (
    PackedError,
    RedirectLoopError,
    StatusError,
    TooLargeError,
    TransferError,
    bounded_chunks,
    guarded_session,
    open_file,
    web_address,
)

logger = logging.getLogger(__name__)

_UNREACHABLE = Text("its server can't be reached")
_BROKEN_OFF = Text("the connection broke off")
_CDN = frozenset({"cdn.discordapp.com", "media.discordapp.net"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedHosts:
    """Where a file may be fetched from.

    ``hosts`` are those that may be named, each with its subdomains; ``origin`` is one exact scheme,
    host and port beside them, and with ``any_port`` its other ports too: a stand-in for Discord
    may keep its files on one of its own. With ``follows_redirects``, those may redirect to any
    https address that ``allows`` permits.
    """

    hosts: frozenset[str] = frozenset()
    origin: URL | None = None
    any_port: bool = False
    follows_redirects: bool = False
    allows: AllowsAddress = is_public

    def check_link(self, url: URL) -> None:
        """Raise RefusedError for an address that nobody may name."""
        if self.origin is not None and self._is_origin(self.origin, url):
            return
        host = (url.host or "").lower()
        known = any(host == name or host.endswith(f".{name}") for name in self.hosts)
        if url.scheme != "https" or not known or url.explicit_port not in (None, 443):
            if not self.hosts:
                raise RefusedError("Links aren't allowed here; upload the file itself instead.")
            names = ", ".join(sorted(self.hosts))
            raise RefusedError(
                "Only https links to {names} are allowed; upload the file itself instead.",
                names=names,
            )

    def _is_origin(self, origin: URL, url: URL) -> bool:
        is_neighbour = (url.scheme, url.host) == (origin.scheme, origin.host)
        return url.origin() == origin or (self.any_port and is_neighbour)

    def check_redirect(self, url: URL | None) -> URL:
        """Return where a known host redirects to; None is no address. Raises RefusedError."""
        if url is None or not self.follows_redirects or url.scheme != "https":
            raise RefusedError(
                "The link redirects to another site; give a direct link to the file."
            )
        return url


def attachment_hosts_of(base_url: URL, *, is_discord: bool, is_local: bool) -> AllowedHosts:
    """Return where attachments are: Discord's CDN, or the server that stands in for it."""
    if is_discord:
        return AllowedHosts(hosts=_CDN)
    allows = _is_loopback if is_local else is_public
    return AllowedHosts(origin=base_url.origin(), any_port=is_local, allows=allows)


def link_hosts(hosts: tuple[str, ...]) -> AllowedHosts:
    """Return the hosts that people may link to, which the operator named."""
    return AllowedHosts(hosts=frozenset(hosts), follows_redirects=True)


async def download(
    url: str, into: Path, hosts: AllowedHosts, *, max_bytes: int, seconds: float
) -> int:
    """Write the file behind ``url``; return its size. Raises RefusedError, and nothing is left.

    The size that somebody claims is never believed: what comes is counted.
    """
    guard = AddressGuard(hosts.allows)
    try:
        async with (
            asyncio.timeout(seconds),
            guarded_session(guard) as session,
            open_file(
                session,
                _allowed_url(url, hosts),
                lambda at, location: redirect_target(at, location, hosts),
            ) as response,
        ):
            return await _write(response, into, max_bytes)
    except BaseException as error:
        await asyncio.to_thread(into.unlink, missing_ok=True)
        if isinstance(error, TimeoutError):
            raise RefusedError(
                "The file took longer than {seconds:g} seconds to download; try again, or try "
                "a smaller one.",
                seconds=seconds,
            ) from error
        if is_disk_full(error):
            raise disk_full() from error
        if isinstance(error, TransferError):
            raise _refused_transfer(error, max_bytes) from error
        if isinstance(error, aiohttp.ClientError | OSError):
            raise _refusal(guard, error) from error
        raise


def parse_link(link: str) -> URL:
    """Return the address. Raises RefusedError for what is none of the web."""
    url = web_address(link)
    if url is None:
        raise RefusedError("That isn't a web address; give one that starts with https://.")
    return url


def redirect_target(url: URL, location: str, hosts: AllowedHosts) -> URL:
    """Return where an answer's Location leads to from ``url``. Raises RefusedError."""
    return hosts.check_redirect(web_address(location, url))


def _allowed_url(link: str, hosts: AllowedHosts) -> URL:
    url = parse_link(link)
    hosts.check_link(url)
    return url


async def _write(response: aiohttp.ClientResponse, into: Path, max_bytes: int) -> int:
    size = 0
    with await asyncio.to_thread(into.open, "wb") as opened:
        async for chunk in bounded_chunks(response, max_bytes):
            size += len(chunk)
            await asyncio.to_thread(opened.write, chunk)
    return size


def too_large(max_bytes: int) -> RefusedError:
    """Return the error for a file above the limit."""
    return RefusedError(
        "The file is larger than {most:.3g} MB; use a smaller one.", most=max_bytes / 2**20
    )


def _refused_transfer(error: TransferError, max_bytes: int) -> RefusedError:
    match error:
        case StatusError():
            return RefusedError(
                "The file can't be downloaded: the server answered {status}; try again, or try "
                "another file.",
                status=error.status,
            )
        case PackedError():
            return RefusedError(
                "The server sends the file compressed; give a direct link to the file itself."
            )
        case TooLargeError():
            return too_large(max_bytes)
        case RedirectLoopError():
            return RefusedError("The link redirects in circles; give a direct link to the file.")
    raise AssertionError(error)


def _refusal(guard: AddressGuard, error: Exception) -> RefusedError:
    if guard.refused:
        return RefusedError(
            "The link points to a private network address, which the bot never opens; upload "
            "the file itself instead."
        )
    logger.info("a file can't be downloaded: %s", type(error).__name__)
    reason = _BROKEN_OFF if isinstance(error, aiohttp.ClientPayloadError) else _UNREACHABLE
    return RefusedError("The file can't be downloaded ({reason}); try again.", reason=reason)


def _is_loopback(address: Address) -> bool:
    return address.is_loopback
