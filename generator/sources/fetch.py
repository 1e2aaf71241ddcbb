"""Fetches somebody's link: bounded in bytes and time, and never from a private network.

The address is checked where it counts, when the socket is made: so a literal, a name that resolves
to it, a name that changes its mind and a redirect are all the same. Free of torch; the bot uses it
too. Knows nothing of what the bytes are.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from yarl import URL

from generator.errors import MediaError
from generator.places import existing
from generator.sources.links import is_link

MAX_BYTES = 64 << 20
SECONDS = 30.0
_MOST_REDIRECTS = 5
_CHUNK = 1 << 16

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Allows = Callable[[Address], bool]


class PrivateAddressError(MediaError):
    """A link leads to a network that is nobody's business but its owner's."""


def is_public(address: Address) -> bool:
    """Reachable by everybody: no loopback, no private, shared or link-local range, no multicast."""
    return address.is_global and not address.is_multicast


async def fetch(
    url: str,
    *,
    max_bytes: int = MAX_BYTES,
    seconds: float = SECONDS,
    allows: Allows = is_public,
) -> bytes:
    """The bytes behind an http(s) link.

    Raises PrivateAddressError, and MediaError for everything else that can go wrong: no such
    place, an error status, too large, too slow.
    """
    guard = _Guard(allows)
    try:
        async with _session(guard, seconds) as session:
            return await _get(session, _parse(url), max_bytes)
    except TimeoutError:
        raise MediaError(f"The link took longer than {seconds:g} seconds; try another.") from None
    except aiohttp.InvalidURL:
        raise MediaError("The link is no address of the web; give one with http(s)://.") from None
    except aiohttp.NonHttpUrlRedirectClientError:
        raise MediaError("The link leads away from http(s); give the file's own link.") from None
    except aiohttp.TooManyRedirects:
        raise MediaError("The link redirects in circles; give a direct link to the file.") from None
    except (aiohttp.ClientError, OSError) as error:
        if guard.refused:
            raise PrivateAddressError(
                "The link leads to a private network address, and those are not fetched; "
                "give a public link or the file itself."
            ) from None
        raise MediaError(f"The link can't be fetched ({_reason(error)}); try another.") from error


class Fetched(AbstractContextManager[Path]):
    """A path for a source given by path or link; what was fetched is deleted on leaving.

    Not for use inside a running event loop: it waits. Raises what ``fetch`` raises.
    """

    def __init__(self, place: str, *, allows: Allows = is_public) -> None:
        self._place, self._allows = place, allows
        self._directory: TemporaryDirectory[str] | None = None

    def __enter__(self) -> Path:
        if not is_link(self._place):
            return existing(self._place) or Path(self._place)
        data = asyncio.run(fetch(self._place, allows=self._allows))
        self._directory = TemporaryDirectory(prefix="hotshot-")
        path = Path(self._directory.name) / "source"
        path.write_bytes(data)
        return path

    def __exit__(self, *_: object) -> None:
        if self._directory is not None:
            self._directory.cleanup()


@dataclass
class _Guard:
    """Makes sockets, but only to allowed addresses."""

    allows: Allows
    refused: list[str] = field(default_factory=list)

    def __call__(self, info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        family, kind, protocol, _, place = info
        address = ipaddress.ip_address(place[0])
        if not self.allows(address):
            self.refused.append(place[0])
            raise PermissionError(f"{place[0]} is not public")
        if address.version != 4:
            # It has too many ways of writing an IPv4 address into one of its own.
            raise OSError("IPv6 is not used")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)  # noqa: FBT003 - the standard library takes it no other way
        return made


def _session(guard: _Guard, seconds: float) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=guard),
        timeout=aiohttp.ClientTimeout(total=seconds),
        headers={"Accept-Encoding": "identity", "User-Agent": "hotshot"},
        auto_decompress=False,  # or a small answer could become a large one
        trust_env=False,
    )


def _parse(url: str) -> URL:
    try:
        parsed = URL(url)
    except ValueError:
        raise aiohttp.InvalidURL(url) from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise aiohttp.InvalidURL(url)
    return parsed


async def _get(session: aiohttp.ClientSession, url: URL, max_bytes: int) -> bytes:
    async with session.get(url, max_redirects=_MOST_REDIRECTS) as response:
        if response.status != 200:
            raise MediaError(
                f"The link was answered with {response.status} {response.reason or ''}".rstrip()
                + "; try another."
            )
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise MediaError("The link's answer is packed; give the file's own link.")
        if (response.content_length or 0) > max_bytes:
            raise _too_large(max_bytes)
        received = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            received += chunk
            if len(received) > max_bytes:
                raise _too_large(max_bytes)
        return bytes(received)


def _too_large(max_bytes: int) -> MediaError:
    return MediaError(
        f"The link's file is larger than {max_bytes / 2**20:.3g} MiB; find a smaller."
    )


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"nothing answers at {error.host}"
    return type(error).__name__ if not str(error) else str(error)[:120].splitlines()[0]
