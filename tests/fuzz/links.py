"""Links that lead to places that are nobody's business but their owner's, in every writing."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

PRIVATE = (
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.254", "100.64.0.1", "127.0.0.1", "127.255.0.9",  # noqa: S104
    "169.254.169.254", "172.16.0.1", "172.31.255.254", "192.0.0.8", "192.0.2.1", "192.168.0.1",
    "192.168.255.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.1.1",
    "240.0.0.1", "255.255.255.255", "192.0.0.170", "192.88.99.1", "168.63.129.16",
)  # fmt: skip
PRIVATE_6 = (
    "::", "::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%25lo", "ff02::1", "2001:db8::1",
    "100::1", "::ffff:0:127.0.0.1", "2001::1", "fec0::1", "64:ff9b:1::1",
)  # fmt: skip
NAMES = (
    "localhost", "LOCALHOST", "localhost.", "metadata.google.internal", "rebind.example",
    "127.0.0.1.nip.io", "router.local", "xn--bcher-kva.example", "bücher.example", "a_b.example",
)  # fmt: skip
_PARTS = ("", "/a.gif", ":80/a.gif", ":22/", "/?x=https://huggingface.co/")
_USERS = ("", "huggingface.co@", "user:word@")


def every() -> Iterator[str]:
    """Links without their scheme."""
    for host in hosts():
        for user in _USERS:
            for part in _PARTS if not user else _PARTS[:1]:
                yield f"{user}{host}{part}"


def hosts() -> Iterator[str]:
    for address in PRIVATE:
        yield from dict.fromkeys(_written(address))
    for address in PRIVATE_6:
        yield f"[{address}]"
    yield from NAMES


def _written(address: str) -> Iterator[str]:
    """One address in every way that some reader takes."""
    whole = int(ipaddress.IPv4Address(address))
    a, b, c, d = whole.to_bytes(4, "big")
    high, low = whole >> 16, whole & 0xFFFF
    yield from (address, f"{address}.", str(whole), hex(whole), f"0{whole:o}")
    yield from (f"{a:#x}.{b:#x}.{c:#x}.{d:#x}", f"0{a:o}.0{b:o}.0{c:o}.0{d:o}")
    yield from (f"{a}.{whole & 0xFFFFFF}", f"{a}.{b}.{low}", f"{a:#x}.{b}.{low}")
    yield from (f"{a:03}.{b:03}.{c:03}.{d:03}", f"{a:#010x}.{b}.{c}.{d}")
    yield "".join(f"%{ord(letter):02x}" for letter in address)
    yield "".join(chr(ord(each) + 0xFEE0) if each.isdigit() else each for each in address)
    yield address.replace(".", "。")
    yield f"[::ffff:{address}]"
    yield f"[::ffff:{high:x}:{low:x}]"
    yield f"[::{address}]"
    yield f"[64:ff9b::{address}]"
    yield f"[2002:{high:x}:{low:x}::1]"
