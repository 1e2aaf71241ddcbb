"""Fetches somebody's link for the command line into memory.

Bounded in bytes and time, and never from a private network (``generator.sources.guarded_http``).
Knows nothing of what the bytes are.
"""

from __future__ import annotations

import aiohttp
from yarl import URL

from generator.contract.errors import MediaError
from generator.contract.links import AddressGuard, AllowsAddress, is_public
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

MAX_BYTES = 64 << 20
SECONDS = 30.0


class PrivateAddressError(MediaError):
    """A link leads to a network that is nobody's business but its owner's."""


async def fetch(
    url: str,
    *,
    max_bytes: int = MAX_BYTES,
    seconds: float = SECONDS,
    allows: AllowsAddress = is_public,
) -> bytes:
    """Return the bytes behind an http(s) link.

    Raises PrivateAddressError, and MediaError for everything else that can go wrong: no such
    place, an error status, too large, too slow.
    """
    guard = AddressGuard(allows)
    try:
        async with (
            guarded_session(guard, seconds) as session,
            open_file(session, _parse(url), _follow_redirect) as response,
        ):
            return b"".join([chunk async for chunk in bounded_chunks(response, max_bytes)])
    except TimeoutError:
        raise MediaError(
            "The link took longer than {seconds:g} seconds; try another.", seconds=seconds
        ) from None
    except TransferError as error:
        raise _refusal(error, max_bytes) from None
    except aiohttp.InvalidURL:
        raise _no_address() from None
    except (aiohttp.ClientError, OSError) as error:
        if guard.refused:
            raise PrivateAddressError(
                "The link leads to a private network address, and those are not fetched; "
                "give a public link or the file itself."
            ) from None
        raise MediaError(
            "The link can't be fetched ({reason}); try another.", reason=_reason(error)
        ) from error


def _parse(link: str) -> URL:
    url = web_address(link)
    if url is None:
        raise _no_address()
    return url


def _no_address() -> MediaError:
    return MediaError(
        "The link isn't a web address; give one that starts with http:// or https://."
    )


def _follow_redirect(url: URL, location: str) -> URL:
    target = web_address(location, url)
    if target is None:
        raise MediaError("The link redirects away from http(s); give the file's own link.")
    return target


def _refusal(error: TransferError, max_bytes: int) -> MediaError:
    match error:
        case StatusError():
            answer = f"{error.status} {error.reason}".rstrip()
            return MediaError(
                "The server answered the link with {answer}; try another.", answer=answer
            )
        case PackedError():
            return MediaError(
                "The server sends that link's file compressed; give the file's own link."
            )
        case TooLargeError():
            most = f"{max_bytes / 2**20:.3g}"
            return MediaError(
                "The link's file is larger than {most} MiB; find a smaller one.", most=most
            )
        case RedirectLoopError():
            return MediaError("The link redirects in circles; give a direct link to the file.")
    raise AssertionError(error)


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"nothing answers at {error.host}"
    return type(error).__name__ if not str(error) else str(error)[:120].splitlines()[0]
