"""Why there is no connection to a NATS server, as one tree; each is one sentence for a person.

::

    LinkError
    ├── ServerUnreachableError      nothing answers: a cable, a firewall, a server that isn't up
    ├── ServerUntrustedError        what answers isn't the server that was meant
    └── KeyRefusedError             the server doesn't know this key

No sentence holds a key.
"""

from __future__ import annotations

import ssl

from generator.contract.errors import HotshotError

_FULL = "maximum connections exceeded"
_NOT_AUTHORISED = "authorization violation"


class LinkError(HotshotError):
    """There is no connection to the server; says why, and what to do."""

    is_translated = False


class ServerUnreachableError(LinkError):
    """The server doesn't answer, or takes nobody in at the moment: it may later."""

    is_retryable = True


class ServerUntrustedError(LinkError):
    """What answers can't prove that it is the server, or isn't NATS, or wants no TLS."""


class KeyRefusedError(LinkError):
    """The server knows no such key: the host was removed, or is another bot's."""


def explain(error: Exception, address: str) -> LinkError:
    """Return why connecting to ``address`` (host and port) failed, by what was raised."""
    if isinstance(error, LinkError):
        return error
    if isinstance(error, ssl.SSLError):
        return _explain_tls(error, address)
    if isinstance(error, OSError):  # a TimeoutError is one as well
        return _explain_network(error, address)
    said = str(error).lower()
    if _NOT_AUTHORISED in said:
        return KeyRefusedError(
            f"The server at {address} doesn't know this key: the host was removed there, or the "
            "join line is of another bot; `hotshot-bot host add` on the bot's machine makes a new "
            "one."
        )
    if _FULL in said:
        return ServerUnreachableError(
            f"The server at {address} has as many connections as it allows."
        )
    return ServerUntrustedError(
        f"What answers at {address} isn't a NATS server; check which program uses that port."
    )


def _explain_network(error: OSError, address: str) -> ServerUnreachableError:
    if isinstance(error, TimeoutError):
        return ServerUnreachableError(
            f"Nothing answers at {address} (a firewall, or the wrong address); open that port for "
            "TCP on the bot's machine."
        )
    reason = error.strerror or type(error).__name__
    return ServerUnreachableError(
        f"The server at {address} can't be reached ({reason}); check that the bot is running and "
        "that the address is right."
    )


def _explain_tls(error: ssl.SSLError, address: str) -> ServerUntrustedError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return ServerUntrustedError(
            f"The server at {address} isn't the one that the join line is for "
            f"({error.verify_message}); add the host again if the bot has new keys."
        )
    return ServerUntrustedError(
        f"The server at {address} doesn't speak TLS as expected ({error.reason or 'it hung up'}); "
        "check which program uses that port."
    )
