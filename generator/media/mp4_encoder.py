"""H.264 in MP4, by the ffmpeg that imageio-ffmpeg brings along."""

from __future__ import annotations

import math
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from generator.contract.errors import MediaError
from generator.media.clip import Clip, Frames

_LEAST_TICK_MS = 20
# All three, and by a filter: ffmpeg drops the encoder's flags for two of them where frames don't
# carry them, and without these Chromium guesses the matrix by the size.
_TAGS = "setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709"


def encode(clip: Clip, *, crf: int = 17) -> bytes:
    """Return a film whose frame rate gives the duration. Raises MediaError where ffmpeg can't.

    ``crf`` is x264's: 17 can't be told from the original, each 6 more halve the bytes.

    Odd edges repeat their last row or column, because the pixels every player can show come in
    pairs (yuv420p).
    """
    steady = _steady(clip)
    count, height, width, _ = steady.shape
    frames = np.pad(steady, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    command = _command(frames.shape[2], frames.shape[1], f"{count * 1000}/{clip.duration_ms}", crf)
    # Players want the index at the front, and ffmpeg can only move it there in a real file.
    if hasattr(os, "memfd_create"):
        return _made_in_memory(command, frames.tobytes())
    with tempfile.TemporaryDirectory(prefix="hotshot-") as directory:
        film = Path(directory) / "film.mp4"
        _run([*command, str(film)], frames.tobytes())
        return film.read_bytes()


def _made_in_memory(command: list[str], pixels: bytes) -> bytes:
    """Return a film that grew in a file without a name, which nobody can leave behind."""
    with open(os.memfd_create("hotshot-film"), "rb") as film:  # noqa: PTH123 - it has no path
        name = f"/proc/self/fd/{film.fileno()}"
        _run([*command, "-f", "mp4", "-y", name], pixels, film.fileno())
        return film.read()


def _steady(clip: Clip) -> Frames:
    """Return frames at one rate: one with a longer delay comes as often as it is seen."""
    if not clip.own_delays_ms:
        return clip.frames
    tick = max(math.gcd(*clip.own_delays_ms), _LEAST_TICK_MS)
    times = [max(1, round(delay / tick)) for delay in clip.own_delays_ms]
    return np.repeat(clip.frames, times, axis=0)


def _command(width: int, height: int, frame_rate: str, crf: int) -> list[str]:
    import imageio_ffmpeg  # looks for its program, and only films need it

    return [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *("-loglevel", "error", "-nostdin"),
        *("-f", "rawvideo", "-pixel_format", "rgb24"),
        *("-video_size", f"{width}x{height}", "-framerate", frame_rate, "-i", "-"),
        *("-vf", f"scale=out_color_matrix=bt709:out_range=tv,format=yuv420p,{_TAGS}"),
        *("-c:v", "libx264", "-preset", "medium", "-crf", str(crf)),
        *("-movflags", "+faststart"),
    ]


def _run(command: list[str], pixels: bytes, *descriptors: int) -> None:
    """Run ffmpeg with these files open. Raises MediaError."""
    try:
        # A session of its own: Ctrl-C is for whoever started us, who then ends us in order.
        done = subprocess.run(  # noqa: S603 - a fixed program, and every argument is made here
            command,
            input=pixels,
            capture_output=True,
            check=False,
            start_new_session=True,
            pass_fds=descriptors,
        )
    except OSError as error:
        raise MediaError(
            "ffmpeg can't be started ({error}); write a .gif instead.", error=error
        ) from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise MediaError(
            "ffmpeg can't make this video ({reason}); write a .gif instead.", reason=said[-1]
        )
