"""Who may ask the page's server for what: hosts, origins, the token, and what an answer forbids.

A page of somebody else, open in the same browser, can send requests to loopback too: it knows
neither the token, nor can it say that it comes from here.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable

from aiohttp import web

# Trusted Types make the browser refuse any HTML that a script would build from text.
PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
# A file of a stranger, opened by itself, runs nothing and has no origin.
FILE_POLICY = "default-src 'none'; sandbox"
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "X-Content-Type-Options": "nosniff",
}

_NOWHERE = "There is nothing here; open the address that the sandbox printed.\n"
_FOREIGN = "Only the sandbox's own page may ask this.\n"


class Guard:
    """Lets in who has the token, at one of the server's own names, from the page itself."""

    def __init__(self, names: Iterable[str], token: str | None = None) -> None:
        self.token = token or secrets.token_urlsafe(18)
        self._names = frozenset(names)
        self.port = 0  # known once the server listens

    def refusal(self, request: web.Request) -> web.Response | None:
        """Return the answer to a request that isn't let in, or None where it is."""
        hosts = {f"{name}:{self.port}" for name in self._names}
        if request.host not in hosts:  # another name may have been pointed here (DNS rebinding)
            return _refused(421, _NOWHERE)
        token = request.path.split("/")[1]
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return _refused(404, _NOWHERE)
        if not self._is_from_page(request):
            return _refused(403, _FOREIGN)
        return None

    def _is_from_page(self, request: web.Request) -> bool:
        origin = request.headers.get("Origin")
        if origin is None:  # sent with all that changes something, and with every websocket
            is_reading = request.method == "GET" and "Upgrade" not in request.headers
            site = request.headers.get("Sec-Fetch-Site", "none")
            return is_reading and site in ("none", "same-origin")
        return origin == f"http://{request.host}"


def _refused(status: int, sentence: str) -> web.Response:
    return web.Response(
        status=status,
        text=sentence,
        headers=HEADERS | {"Content-Security-Policy": FILE_POLICY},
    )
