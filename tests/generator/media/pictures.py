"""Clips to encode, and what readers other than ours make of the files."""

from __future__ import annotations

import io
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from PIL import Image, ImageDraw

from generator.media.clip import Frames

RED, BEIGE = (220, 40, 40), (245, 235, 215)


def moving_ball(count: int = 8, width: int = 128, height: int = 128, noise: float = 0) -> Frames:
    """Flat art with smooth edges; ``noise`` is its standard deviation, as a decoder leaves it."""
    random = np.random.default_rng(0)
    frames = []
    for index in range(count):
        large = Image.new("RGB", (width * 4, height * 4), BEIGE)
        left, top, size = 40 + index * 24, height, min(width, height)
        ImageDraw.Draw(large).ellipse((left, top, left + size, top + size), fill=RED)
        small = large.resize((width, height), Image.Resampling.LANCZOS)
        frames.append(np.asarray(small) + random.normal(0, noise, (height, width, 3)))
    return np.stack(frames).clip(0, 255).round().astype(np.uint8)


def gradient(count: int = 4, edge: int = 96) -> Frames:
    """Thousands of colours that change from frame to frame."""
    y, x = np.mgrid[0:edge, 0:edge] / edge
    phases = [np.stack([x, y, (x + y + index / count) % 1], axis=-1) for index in range(count)]
    return (np.stack(phases) * 255).round().astype(np.uint8)


@dataclass(frozen=True)
class Seen:
    """What Pillow reads; ``loop`` is 0 for endless."""

    frames: Frames
    durations: list[float]
    loop: int | None
    format: str | None


def read_back(data: bytes) -> Seen:
    with Image.open(io.BytesIO(data)) as image:
        frames, durations = [], []
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            image.load()
            frames.append(np.asarray(image.convert("RGB")))
            durations.append(float(image.info.get("duration", 0)))
        return Seen(np.stack(frames), durations, image.info.get("loop"), image.format)


def read_with_ffmpeg(data: bytes, suffix: str, directory: str) -> tuple[Frames, str]:
    """Every stored frame, decoded by ffmpeg, and what it says about the file."""
    path = f"{directory}/film{suffix}"
    Path(path).write_bytes(data)
    done = subprocess.run(
        [
            *(imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-i", path),
            *("-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"),
        ],
        capture_output=True,
        check=True,
    )
    said = done.stderr.decode()
    size = re.search(r"Video: .*?, (\d+)x(\d+)", said)
    assert size
    width, height = map(int, size.groups())
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, height, width, 3), said
