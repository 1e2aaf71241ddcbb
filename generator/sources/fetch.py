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

from generator.contract.errors import MediaError
from generator.contract.paths import existing
from generator.sources.links import is_link

MAX_BYTES = 64 << 20
SECONDS = 30.0
_MOST_REDIRECTS = 5
_CHUNK = 1 << 16
_LONGEST_HOST = 253

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Allows = Callable[[Address], bool]


# Global to some versions of Python's ipaddress, and yet of a network's own: protocol assignments
# (RFC 6890), relays of 6to4 (RFC 7526), and what answers virtual machines on Azure.
_SPECIAL = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))


class PrivateAddressError(MediaError):
    """A link leads to a network that is nobody's business but its owner's."""


def is_public(address: Address) -> bool:
    """Reachable by everybody: no loopback, no private, shared or link-local range, no multicast."""
    is_special = any(address in network for network in _SPECIAL)
    return address.is_global and not address.is_multicast and not is_special


def web_address(link: str, base: URL | None = None) -> URL | None:
    """An http(s) address whose host can be asked for, from ``base`` on; None for all else.

    yarl reads a part when it is asked for, and Python's resolver takes no label above 63 bytes:
    both would raise ValueError later.
    """
    try:
        url = URL(link) if base is None else base.join(URL(link))
        host, _ = str(url.host or "").encode("idna"), url.port
    except ValueError:
        return None
    is_usable = url.scheme in ("http", "https") and 0 < len(host) <= _LONGEST_HOST
    return url if is_usable else None


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
    guard = Guard(allows)
    try:
        async with guarded_session(guard, seconds) as session:
            return await _get(session, _parse(url), max_bytes)
    except TimeoutError:
        raise MediaError(f"The link took longer than {seconds:g} seconds; try another.") from None
    except aiohttp.InvalidURL:
        raise MediaError(
            "The link isn't a web address; give one that starts with http:// or https://."
        ) from None
    except aiohttp.NonHttpUrlRedirectClientError:
        raise MediaError("The link leads away from http(s); give the file's own link.") from None
    except aiohttp.TooManyRedirects:
        raise MediaError("The link redirects in circles; give a direct link to the file.") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
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
class Guard:
    """Makes sockets, but only to allowed addresses."""

    allows: Allows
    refused: list[str] = field(default_factory=list)

    def __call__(self, info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        family, kind, protocol, _, place = info
        try:
            address = ipaddress.ip_address(place[0])
        except ValueError as error:
            raise OSError(f"{place[0]!r} is no address") from error
        if not self.allows(address):
            self.refused.append(place[0])
            raise PermissionError(f"{place[0]} is not public")
        if address.version != 4:
            # It has too many ways of writing an IPv4 address into one of its own.
            raise OSError("IPv6 is not used")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)  # noqa: FBT003 - the standard library takes it no other way
        return made


def guarded_session(guard: Guard, seconds: float | None = None) -> aiohttp.ClientSession:
    """A session whose connections ``guard`` makes; ``seconds`` for all of it, if given."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=guard),
        timeout=aiohttp.ClientTimeout(total=seconds),
        headers={"Accept-Encoding": "identity", "User-Agent": "hotshot"},
        auto_decompress=False,  # or a small answer could become a large one
        trust_env=False,
    )


def _parse(link: str) -> URL:
    url = web_address(link)
    if url is None:
        raise aiohttp.InvalidURL(link)
    return url


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
