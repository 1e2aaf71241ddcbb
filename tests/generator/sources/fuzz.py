"""``python -m tests.generator.sources.fuzz COUNT SEED``: spoilt files of every kind, all read here.

A process of its own, within the limits of the real one: a decoder may crash. Prints how many were
read and how many refused; a traceback is an error that no reader declares.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image

from generator.contract.errors import MediaError
from generator.media.containers import BrokenFileError
from generator.sources.decoder_process import set_limits
from generator.sources.decoders import open_source
from generator.sources.refusals import check_facts
from tests.generator.sources import icc
from tests.generator.sources.made import numbered
from tests.generator.sources.odd import apng, block, flat, gif, glass, picture_of_16_bits, spot

_MEMORY, _CPU_SECONDS = 1536 << 20, 300
_MOST_FRAMES = 16  # of a file, read each time
_FILMS = {
    ".mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p"),
    ".webm": ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p"),
}


def pictures() -> list[bytes]:
    """Small valid files, one of each kind but films."""
    frames = [Image.fromarray(frame) for frame in numbered(4, 24, 16)]
    exif = Image.Exif()
    exif[0x0112] = 6
    more = {"save_all": True, "append_images": frames[1:], "duration": 50}
    red = glass((255, 0, 0, 9), 9, 9)
    return [
        gif(block(flat(4)), spot(0, 5, 5, disposal=2), spot(1, 60, 40, disposal=3), spot(2, 3, 3)),
        apng((glass((9, 9, 9, 99)), 0, 0, 1, 9, 1, 0), (red, 1, 1, 1, 9, 2, 1)),
        picture_of_16_bits(np.arange(64 * 16, dtype=np.uint16).reshape(16, 16, 4)),
        _saved(frames[0].quantize(8), "PNG", exif=exif, transparency=3),
        *(_saved(frames[0], "WEBP", exif=exif, **options) for options in ({}, {"lossless": True})),
        _saved(frames[0], "WEBP", **more),
        _saved(frames[0], "AVIF", **more),
        _saved(frames[0], "AVIF", exif=exif),
        _saved(frames[0], "JPEG", exif=exif),
        _saved(frames[0].convert("CMYK"), "JPEG"),
        _saved(frames[0], "JPEG", icc_profile=icc.display_p3()),
        _saved(frames[0].convert("CMYK"), "JPEG", icc_profile=icc.cmyk()),
        _saved(frames[0].convert("L"), "PNG", icc_profile=icc.gray(1.8)),
        _saved(frames[0], "BMP"),
    ]


def films(directory: Path) -> list[bytes]:
    """Small valid films."""
    made = []
    for suffix, codec in _FILMS.items():
        path = directory / f"film{suffix}"
        source = ("-f", "lavfi", "-i", "testsrc2=size=32x32:rate=10", "-frames:v", "5")
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *source, *codec, path]
        subprocess.run(command, check=True)
        made.append(path.read_bytes())
    return made


def spoilt(whole: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Files with bytes changed, pieces cut out or doubled, ends cut off."""
    random = np.random.default_rng(seed)
    for index in range(count):
        data = bytearray(whole[index % len(whole)])
        for _ in range(random.integers(1, 5)):
            start = int(random.integers(4, len(data)))
            end = min(len(data), start + int(random.integers(1, 9)))
            way = random.integers(5)
            if way <= 1:
                data[start] = int(random.integers(256))
            elif way == 2:
                data[start:end] = bytes([255 * int(random.integers(2))]) * (end - start)
            elif way == 3:
                data[start:end] = data[start:end] * int(random.integers(0, 3))
            else:
                del data[max(8, len(data) - int(random.integers(1, 40))) :]
        yield bytes(data)


def main() -> None:
    """Reads them; prints the counts as JSON."""
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    ended: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        path = directory / "spoilt"
        of_films = count // 50  # each starts ffmpeg twice
        whole = films(directory)
        set_limits(_MEMORY, _CPU_SECONDS, writes=True)
        for whole_ones, share in ((pictures(), count - of_films), (whole, of_films)):
            for data in spoilt(whole_ones, share, seed):
                path.write_bytes(data)
                ended[_read(path)] += 1
    print(json.dumps(ended))


def _read(path: Path) -> str:
    try:
        source = open_source(path)
        check_facts(source.facts, is_film=source.is_film)
        for frame in source.frames(range(min(_MOST_FRAMES, len(source.facts.delays_ms)))):
            frame.tobytes()
    except (MediaError, BrokenFileError):
        return "refused"
    return "read"


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


if __name__ == "__main__":
    main()
