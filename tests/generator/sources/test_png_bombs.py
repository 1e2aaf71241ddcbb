"""Small PNGs that unpack to much: they cost a bounded process, or are refused by their head."""

from __future__ import annotations

import functools
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from generator.contract.errors import MediaError
from generator.sources.reader import read
from tests.generator.sources.odd import png

pytestmark = pytest.mark.slow

_ADAM7 = (  # left, top, and the steps across and down of each pass
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)


@pytest.mark.parametrize("interlaced", [False, True])
def test_a_small_png_makes_no_large_child(*, interlaced: bool, tmp_path: Path) -> None:
    """The largest photo there can be, at the most bytes a pixel, with a profile that explodes."""
    path = tmp_path / "bomb.png"
    path.write_bytes(huge_png(7_000, interlaced=interlaced))
    assert len(path.read_bytes()) < 1_500_000
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from generator.sources.reader import read\n"
        "assert read(Path(sys.argv[1])).frames.shape == (1, 7000, 7000, 3)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 600_000  # KiB


def test_a_larger_png_is_refused_by_its_head(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(huge_png(8_192, interlaced=False, has_pixels=False))
    with pytest.raises(MediaError, match="at most 50 megapixels"):
        read(path)


@functools.cache
def packed_zeros(count: int) -> bytes:
    """So many zeros as zlib packs them: one packed megabyte again and again, and what is left."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)  # without head and checksum
    megabyte = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(bytes(count % (1 << 20))) + packer.flush()
    checksum = count % 65_521 << 16 | 1  # of Adler, where all bytes are zero
    return b"\x78\xda" + megabyte * (count >> 20) + rest + struct.pack(">I", checksum)


def huge_png(edge: int, *, interlaced: bool, has_pixels: bool = True) -> bytes:
    """RGBA of 16 bits, every pixel the same, and a profile of 300 MB, packed."""
    passes = [(edge, edge)]
    if interlaced:
        passes = [
            (-(-(edge - left) // across), -(-(edge - top) // down))
            for left, top, across, down in _ADAM7
        ]
    rows = ((1 + 8 * width) * height for width, height in passes)
    pixels = packed_zeros(sum(rows) if has_pixels else 0)
    head = struct.pack(">IIBBBBB", edge, edge, 16, 6, 0, 0, interlaced)
    exploding = packed_zeros(300 << 20)
    return png([
        (b"IHDR", head),
        (b"iCCP", b"x\0\0" + exploding),
        (b"zTXt", b"x\0\0" + exploding),
        (b"IDAT", pixels),
        (b"IEND", b""),
    ])  # fmt: skip
