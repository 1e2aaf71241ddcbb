"""HTTP for strangers' links: bounded in bytes and redirects, and never into a private network.

``generator.sources.fetch`` and the bot's downloads are made of it. It knows what may go wrong and
no sentence for it, since the two speak to different people. Free of torch.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from generator.contract.links import AddressGuard

_MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_CHUNK_BYTES = 1 << 20
_LONGEST_HOST = 253

FollowRedirect = Callable[[URL, str], URL]
"""Returns where to go on from an address, given an answer's Location; raises where it may not."""


class TransferError(Exception):
    """A server answered, and not with a file that can be taken."""


class StatusError(TransferError):
    """Another status than 200."""

    def __init__(self, status: int, reason: str) -> None:
        self.status, self.reason = status, reason
        super().__init__(f"{status} {reason}")


class PackedError(TransferError):
    """The file comes compressed; unpacked, a small answer could become a large one."""


class RedirectLoopError(TransferError):
    """Too many redirects."""


class TooLargeError(TransferError):
    """More bytes than are wanted."""


def web_address(link: str, base: URL | None = None) -> URL | None:
    """Return an http(s) address whose host can be asked for, from ``base`` on; else None.

    What would raise ValueError later counts as none: yarl reads a part when it is asked for,
    Python's resolver takes no label above 63 bytes, and aiohttp sends a name and a password as
    Latin-1, with a colon between them.
    """
    try:
        url = URL(link) if base is None else base.join(URL(link))
        host, _ = str(url.host or "").encode("idna"), url.port
        name = (url.user or "").encode("latin-1")
        (url.password or "").encode("latin-1")
    except (ValueError, IndexError):  # IndexError: yarl's of brackets before an empty host
        return None
    is_usable = url.scheme in ("http", "https") and 0 < len(host) <= _LONGEST_HOST
    return url if is_usable and b":" not in name else None


def guarded_session(guard: AddressGuard, seconds: float | None = None) -> aiohttp.ClientSession:
    """Return a session whose connections ``guard`` makes; ``seconds`` for all of it, if given."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=guard),
        timeout=aiohttp.ClientTimeout(total=seconds),
        headers={"Accept-Encoding": "identity", "User-Agent": "hotshot"},
        auto_decompress=False,
        trust_env=False,
    )


@asynccontextmanager
async def open_file(
    session: aiohttp.ClientSession, url: URL, follow_redirect: FollowRedirect
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Yield the answer that holds the file's own bytes, as they are.

    Redirects are followed by hand, so that each is looked at. Raises StatusError, PackedError,
    RedirectLoopError, and whatever ``follow_redirect`` and aiohttp raise.
    """
    for _ in range(_MAX_REDIRECTS + 1):
        async with session.get(url, allow_redirects=False) as response:
            if response.status not in _REDIRECTS:
                _check_answer(response)
                yield response
                return
            url = follow_redirect(url, response.headers.get("Location", ""))
    raise RedirectLoopError


async def bounded_chunks(response: aiohttp.ClientResponse, max_bytes: int) -> AsyncIterator[bytes]:
    """Yield the bytes of an answer; what comes is counted, and no size that it claims believed.

    Raises TooLargeError, before anything comes where the answer itself claims as much.
    """
    if (response.content_length or 0) > max_bytes:
        raise TooLargeError
    size = 0
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        size += len(chunk)
        if size > max_bytes:
            raise TooLargeError
        yield chunk


def _check_answer(response: aiohttp.ClientResponse) -> None:
    if response.status != 200:
        raise StatusError(response.status, response.reason or "")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise PackedError
