"""``[remote]``: the NATS server that GPU hosts elsewhere dial, of the bot's own or somebody's."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from bot.core.section import Section

NATS_PORT = 4222
_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)*\.?")
_ADDRESS = 'a name or an IP address is expected, with a port if you like, such as "{example}"'


class Address(NamedTuple):
    """A host by its name or IP address, and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def ip(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The IP address; None where the host has a name."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def is_everywhere(self) -> bool:
        """Whether this is every address of a machine, which nobody can dial."""
        return self.ip is not None and self.ip.is_unspecified

    @property
    def is_loopback(self) -> bool:
        """Whether only programs on this machine reach it."""
        return self.host == "localhost" or (self.ip is not None and self.ip.is_loopback)


class RemoteSettings(Section):
    """``[remote]``: ``listen`` starts a server, ``url`` names one; neither: no hosts elsewhere.

    ``address`` is what hosts dial where that isn't ``listen``. ``server`` is the nats-server to
    start (empty: the one on the PATH). ``ca_file`` holds the certificate, in PEM, of who signs that
    of ``url`` (empty: whom the system trusts).
    """

    listen: str = ""
    address: str = ""
    server: str = ""
    url: str = ""
    ca_file: Path | None = None

    @field_validator("listen", "address")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value:
            parse_address(value)
        return value

    @field_validator("url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if value and not value.startswith("tls://"):
            raise ValueError('an address such as "tls://nats.example.com:4222" is expected')
        if value:
            parse_address(value.removeprefix("tls://"))
        return value

    @model_validator(mode="after")
    def _one_server(self) -> RemoteSettings:
        if self.listen and self.url:
            raise ValueError("listen starts a server and url names one; set only one of them")
        return self

    @property
    def is_used(self) -> bool:
        """Whether there may be hosts elsewhere."""
        return bool(self.listen or self.url)

    @property
    def listen_address(self) -> Address:
        """Where the bot's own server listens."""
        return parse_address(self.listen)

    @property
    def dial_address(self) -> Address | None:
        """What hosts dial; None where the bot listens everywhere and ``address`` doesn't say."""
        if self.url:
            return parse_address(urlsplit(self.url).netloc)
        own = self.listen_address
        if not self.address:
            return None if own.is_everywhere else own
        return parse_address(self.address, default_port=own.port)


def parse_address(
    text: str, default_port: int = NATS_PORT, *, example: str = f"0.0.0.0:{NATS_PORT}"
) -> Address:
    """Return the address that a text is; IPv6 stands in brackets. Raises ValueError."""
    wrong = ValueError(_ADDRESS.format(example=example))
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname or "", parts.port or default_port
    except ValueError as error:
        raise wrong from error
    if parts.netloc != text or "@" in text:
        raise wrong
    address = Address(host, port)
    if address.ip is None and not _NAME.fullmatch(host):
        raise wrong
    return address
