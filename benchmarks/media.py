"""GIF encoders side by side: bytes, CPU time, and how near the pixels are to what was to be shown.

On clips as nano's world draws them, the same with a decoder's noise, many soft colours, as a
photograph has, and real films. Encoders take turns, so that all meet the same machine; seconds are
medians and count child processes. What isn't installed is left out: imagequant (``pip install
imagequant``; its library is under the GPL), gifsicle (GPL, no wheel).
"""

from __future__ import annotations

import io
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import cv2
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.films import films, noise
from benchmarks.table import print_table
from generator.media import gif_encoder
from generator.media.clip import Clip, Frames
from generator.nano.world import Attributes, Scene, render

EDGE, FRAMES, DURATION_MS = 256, 8, 1000
_ROUNDS = 3
_YARDSTICK = "Pillow's default"
_NOISE = 4.0  # standard deviation in levels of 255
_Encode = Callable[[Clip], bytes]
_Plane = npt.NDArray[np.float64]


def run() -> None:
    """Measures and prints."""
    for title, clip in _clips().items():
        print_table(
            f"GIF of {title}, {len(clip.frames)} frames of {clip.width} x {clip.height}",
            ("", "KiB", "PSNR, dB", "SSIM", "CPU s", "of Pillow's"),
            _rows(clip),
        )


def _clips() -> dict[str, Clip]:
    drawn = render(Scene(Attributes("red", "star", "spinning", "beige")), EDGE, EDGE, FRAMES)
    grain = np.random.default_rng(0).normal(0, _NOISE, drawn.shape)
    soft = _soft()
    clips = {
        "drawn art": drawn,
        "drawn art with noise": _levels(drawn + grain),
        "soft colours that move": _levels(soft),
        "soft colours with noise": _levels(soft + grain),
    }
    small = {title: Clip(frames, DURATION_MS) for title, frames in clips.items()}
    return small | _films() | {"coloured noise": noise()}


def _films() -> dict[str, Clip]:
    try:
        return {f"the film {name}": clip for name, clip in films().items()}
    except OSError as error:
        print(f"\nThe films are left out: {error}", flush=True)
        return {}


def _soft() -> npt.NDArray[np.float32]:
    """Clouds of colour, drifting: as many colours as there are pixels."""
    coarse = np.random.default_rng(1).integers(0, 256, (12, 12, 3)).astype(np.uint8)
    large = cv2.resize(coarse, (EDGE, EDGE), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    return np.stack([np.roll(large, 4 * index, axis=1) for index in range(FRAMES)])


def _levels(frames: npt.NDArray[np.floating]) -> Frames:
    return frames.clip(0, 255).round().astype(np.uint8)


def _encoders() -> dict[str, _Encode]:
    encoders: dict[str, _Encode] = {
        "Hotshot": gif_encoder.encode,
        "Hotshot, 64 colours": partial(gif_encoder.encode, colours=64),
        "Hotshot, 64 colours, lossy 12": partial(gif_encoder.encode, colours=64, lossy=12),
        _YARDSTICK: _pillow,
        "ffmpeg, one palette": partial(_ffmpeg, mode="full", use="dither=none"),
        "ffmpeg, a palette a frame": partial(_ffmpeg, mode="single", use="dither=none:new=1"),
        "ffmpeg, its default (dithered)": partial(_ffmpeg, mode="full", use="dither=sierra2_4a"),
    }
    try:
        import imagequant  # noqa: F401
    except ImportError:
        pass
    else:
        encoders["imagequant"] = partial(_imagequant, dithering=0.0)
        encoders["imagequant, dithered"] = partial(_imagequant, dithering=1.0)
    if shutil.which("gifsicle"):
        encoders["gifsicle -O3 --lossy=30 on Hotshot's"] = _gifsicle
    return encoders


def _rows(clip: Clip) -> list[tuple[str, ...]]:
    encoders, files = _encoders(), dict[str, bytes]()
    seconds: dict[str, list[float]] = {name: [] for name in encoders}
    for _ in range(_ROUNDS):
        for name, encode in encoders.items():
            began = _cpu_seconds()
            files[name] = encode(clip)
            seconds[name].append(_cpu_seconds() - began)
    medians = {name: median(taken) for name, taken in seconds.items()}
    return [
        (name, *_quality(files[name], clip), f"{taken:.2f}", f"{taken / medians[_YARDSTICK]:.2f}")
        for name, taken in medians.items()
    ]


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _quality(data: bytes, clip: Clip) -> tuple[str, str, str]:
    seen = _seen(data, len(clip.frames))
    psnr, ssim = _psnr(seen, clip.frames), _ssim(seen, clip.frames)
    return (
        f"{len(data) / 1024:.1f}",
        "exact" if np.isinf(psnr) else f"{psnr:.1f}",
        f"{ssim:.4f}",
    )


def _seen(data: bytes, count: int) -> Frames:
    """What is on the screen in the middle of each frame's time: encoders merge equal frames."""
    with Image.open(io.BytesIO(data)) as picture:
        shown: list[tuple[float, Frames]] = []
        end = 0.0
        for index in range(getattr(picture, "n_frames", 1)):
            picture.seek(index)
            end += float(picture.info.get("duration", 0)) or 1
            shown.append((end, np.asarray(picture.convert("RGB"))))
    moments = [(index + 0.5) * end / count for index in range(count)]
    return np.stack([next(frame for end, frame in shown if end > moment) for moment in moments])


def _psnr(seen: Frames, wanted: Frames) -> float:
    error = float(((seen.astype(np.float64) - wanted) ** 2).mean())
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))


def _ssim(seen: Frames, wanted: Frames) -> float:
    """Mean structural similarity of brightness (Wang et al. 2004): 11 x 11 Gauss, sigma 1.5."""
    return float(np.mean([_ssim_of(*map(_gray, pair)) for pair in zip(seen, wanted, strict=True)]))


def _gray(frame: Frames) -> _Plane:
    gray: _Plane = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float64)
    return gray


def _ssim_of(x: _Plane, y: _Plane) -> float:
    def blur(plane: _Plane) -> _Plane:
        blurred: _Plane = cv2.GaussianBlur(plane, (11, 11), 1.5)
        return blurred

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
    covariance = blur(x * y) - mean_x * mean_y
    above = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    below = (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return float((above / below).mean())


# -- the others ------------------------------------------------------------------------------------


def _pillow(clip: Clip) -> bytes:
    return _saved([Image.fromarray(frame) for frame in clip.frames])


def _imagequant(clip: Clip, dithering: float) -> bytes:
    import imagequant

    pictures = [Image.fromarray(frame).convert("RGBA") for frame in clip.frames]
    return _saved(
        [imagequant.quantize_pil_image(one, dithering_level=dithering) for one in pictures]
    )


def _saved(pictures: list[Image.Image]) -> bytes:
    file = io.BytesIO()
    delay = DURATION_MS // FRAMES
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], duration=delay, loop=0)
    return file.getvalue()


def _ffmpeg(clip: Clip, mode: str, use: str) -> bytes:
    graph = f"split[a][b];[a]palettegen=stats_mode={mode}[p];[b][p]paletteuse={use}"
    size = f"{clip.width}x{clip.height}"
    source = ("-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", size)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-threads", "1", *source]
    command += ["-framerate", str(FRAMES), "-i", "-", "-vf", graph, "-f", "gif", "-"]
    return _piped(command, clip.frames.tobytes())


def _gifsicle(clip: Clip) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "clip.gif"
        path.write_bytes(gif_encoder.encode(clip))
        return _piped(["gifsicle", "-O3", "--lossy=30", str(path)], b"")


def _piped(command: list[str], data: bytes) -> bytes:
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout  # noqa: S603


if __name__ == "__main__":
    run()
