"""ICC profiles (ICC.1:2001), written byte by byte."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Mapping, Sequence

_D50 = (0.9642, 1.0, 0.8249)
_P3 = {  # Display P3's primaries, adapted to D50
    b"rXYZ": (0.51512, 0.24120, -0.00105),
    b"gXYZ": (0.29198, 0.69225, 0.04189),
    b"bXYZ": (0.15710, 0.06657, 0.78407),
}


def display_p3() -> bytes:
    """As phones' photos have it, but for its curve, which is a plain one."""
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(2.2))
    return _profile(b"RGB ", {name: _xyz(*of) for name, of in _P3.items()} | curves)


def gray(gamma: float) -> bytes:
    """Gray levels that aren't spaced as sRGB's are."""
    return _profile(b"GRAY", {b"kTRC": _curve(gamma)})


def cmyk() -> bytes:
    """Inks of a press: 9 grid points along each, and what each mixture looks like in CIELAB."""
    steps = [step / 8 for step in range(9)]
    table = bytearray()
    for c, m, y, k in itertools.product(steps, repeat=4):
        paper = (1 - 0.4 * c) * (1 - 0.45 * m) * (1 - 0.08 * y) * (1 - 0.9 * k)
        a, b = (1 - k) * (48 * m - 25 * c - 4 * y), (1 - k) * (60 * y - 37 * c - 3 * m)
        table += bytes([round(245 * paper), round(a + 128), round(b + 128)])
    identity = [65536 * (row == column) for row in range(3) for column in range(3)]
    straight = bytes(range(256))
    head = b"mft1\0\0\0\0" + bytes([4, 3, 9, 0]) + struct.pack(">9i", *identity)
    lut = head + straight * 4 + bytes(table) + straight * 3
    return _profile(b"CMYK", {b"A2B0": lut}, kind=b"prtr", connects=b"Lab ")


def _profile(
    space: bytes, tags: Mapping[bytes, bytes], kind: bytes = b"mntr", connects: bytes = b"XYZ "
) -> bytes:
    tags = {b"desc": _described(b"of a test"), b"wtpt": _xyz(*_D50), **tags}
    at, table, data = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name, at + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    head = struct.pack(
        ">I4xI4s4s4s12x4s28xiii", at + len(data), 0x02400000, kind, space, connects, b"acsp",
        *_fixed(_D50),
    )  # fmt: skip
    return head.ljust(128, b"\0") + table + data


def _described(text: bytes) -> bytes:
    return b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + bytes(80)


def _curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def _xyz(*of: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *_fixed(of))


def _fixed(of: Sequence[float]) -> list[int]:
    return [round(value * 65536) for value in of]
