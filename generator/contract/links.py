"""Which links are fetched, and which addresses they may lead to. Standard library only.

An address is judged where it counts, when the socket is made: so a literal, a name that resolves
to it, a name that changes its mind and a redirect are all the same.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
AllowsAddress = Callable[[Address], bool]

# Global to some versions of Python's ipaddress, and yet of a network's own: protocol assignments
# (RFC 6890), relays of 6to4 (RFC 7526), and what answers virtual machines on Azure.
_SPECIAL = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")))


def is_link(text: str) -> bool:
    """Return whether this is to be fetched rather than opened."""
    return text.lower().startswith(("http://", "https://"))


def is_public(address: Address) -> bool:
    """Return whether everybody can reach this address.

    No loopback, no private, shared or link-local range and no multicast is public.
    """
    is_special = any(address in network for network in _SPECIAL)
    return address.is_global and not address.is_multicast and not is_special


@dataclass
class AddressGuard:
    """Makes sockets, but only to allowed addresses; a socket factory as aiohttp takes one.

    ``refused`` are the addresses that weren't allowed: clients pass on an OSError of their own.
    """

    allows: AllowsAddress = is_public
    refused: list[str] = field(default_factory=list)

    def __call__(self, info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        """Return a socket for one answer of ``socket.getaddrinfo``. Raises OSError."""
        family, kind, protocol, _, sockaddr = info
        try:
            address = ipaddress.ip_address(sockaddr[0])
        except ValueError as error:
            raise OSError(f"{sockaddr[0]!r} is no address") from error
        if not self.allows(address):
            self.refused.append(sockaddr[0])
            raise PermissionError(f"{sockaddr[0]} is not public")
        if address.version != 4:
            # It has too many ways of writing an IPv4 address into one of its own.
            raise OSError("IPv6 is not used")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)  # noqa: FBT003 - the standard library takes it no other way
        return made
