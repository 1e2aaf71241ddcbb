"""What a clip begins from instead of noise alone: somebody's picture or clip, in the clip's size.

Knows requests, and no model. Refusals speak of the image, since a request may have a source to
follow as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from generator.contract.errors import MediaError
from generator.contract.messages import Request
from generator.media.clip import Frames
from generator.sources.reader import probe, read_init_frames


def read_init_image(request: Request, image: Path) -> Frames | None:
    """Return the frames that a request begins from; None where it asks for none.

    They are (1, h, w, 3) of a still picture, otherwise (f, h, w, 3), as many as are kept if any
    are. ``image`` is the file of ``request.image``. Raises MediaError.
    """
    if not request.image:
        return None
    count = request.kept_frames or request.video_length
    with _naming_the_image():
        return read_init_frames(
            image,
            count=count,
            duration_ms=request.video_duration * count // request.video_length,
            width=request.width,
            height=request.height,
            first=bool(request.kept_frames),
        )


def check_init_image(request: Request, image: Path) -> None:
    """Raise MediaError where the image can't be used, before a model is loaded for it."""
    if request.image:
        with _naming_the_image():
            probe(image)


@contextmanager
def _naming_the_image() -> Iterator[None]:
    try:
        yield
    except MediaError as error:
        raise MediaError("The image can't be used. {reason}", reason=error.words) from error
