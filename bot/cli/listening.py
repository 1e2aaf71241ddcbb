"""Tells whether something could listen at an address, by trying it for a moment."""

from __future__ import annotations

import socket

from bot.core.remote_settings import Address


def listen_error(address: Address) -> OSError | None:
    """Return why nothing can listen there; None where something can."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(tuple(address))
        except OSError as error:
            return error
    return None
