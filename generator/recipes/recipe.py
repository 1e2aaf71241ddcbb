"""How a file was made: everything that makes it again, as one JSON object inside the file itself.

A recipe may come from anybody's file, so every value in it is checked to be of its type before it
is believed; whether it is in range is for ``ModelLimits.check``. Free of torch. Knows no formats.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Self

from generator.contract.control_types import DEPTH_MODEL
from generator.contract.errors import MediaError
from generator.contract.json_text import JsonError, parse_json
from generator.contract.limits import NANO
from generator.contract.messages import Request
from generator.contract.paths import without_directory
from generator.contract.version import VERSION
from generator.media.comment import comment_of
from generator.media.containers import BrokenFileError
from generator.recipes.values import InvalidValueError, read_fields, read_request, read_string_map

_MAKER = "hotshot"
_WEIGHTS = "*.safetensors"
_FOLDERS = (".", "unet", "vae", "text_encoder", "text_encoder_2")
_MAX_FILE_BYTES = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """The model that requests are made with, in the words of whoever asked for it.

    ``spatial_unet_base`` is empty for none; ``unet_only`` takes nothing but the UNet from it.
    ``prediction_type`` is empty where the files say it themselves.
    """

    model: str = NANO
    spatial_unet_base: str = ""
    unet_only: bool = False
    prediction_type: str = ""
    precision: str = "auto"
    depth_model: str = DEPTH_MODEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A request, and what it was made with; ``setup.precision`` is what was computed in.

    ``sha256`` has a hash for each name of a model, LoRA, ControlNet, source or image whose files
    are known. ``environment`` names the device and the libraries' versions: with others, or in
    another precision, sums are rounded otherwise, and the frames are alike and not the same.
    """

    request: Request
    setup: ModelSettings
    sha256: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the recipe as JSON on one line."""
        values = {
            "made_by": f"{_MAKER} {VERSION}",
            "request": self.request.to_dict(),
            "setup": asdict(self.setup),
            "sha256": dict(self.sha256),
            "made_on": dict(self.environment),
        }
        return json.dumps(values, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self | None:
        """Return the recipe in a text; None for a text that is no recipe.

        Raises MediaError for a recipe that makes no sense.
        """
        try:
            values = parse_json(text)
        except JsonError:
            return None
        if not isinstance(values, dict) or not str(values.get("made_by")).startswith(_MAKER):
            return None
        try:
            return cls(
                request=read_request(values.get("request")),
                setup=ModelSettings(**read_fields("setup", ModelSettings, values.get("setup"))),
                sha256=read_string_map("hashes", values.get("sha256", {})),
                environment=read_string_map("versions", values.get("made_on", {})),
            )
        except InvalidValueError as error:
            raise MediaError(
                "The recipe in this file can't be used ({error}); it was changed, or made by "
                "another version.",
                error=_short(error),
            ) from error

    def without_directories(self) -> Self:
        """Return the recipe with file names for paths: strangers will see the file."""
        request = replace(
            self.request,
            loras=tuple(
                replace(lora, path=without_directory(lora.path)) for lora in self.request.loras
            ),
            controls=tuple(
                replace(one, kind=without_directory(one.kind)) for one in self.request.controls
            ),
            control_source=without_directory(self.request.control_source),
            image=without_directory(self.request.image),
        )
        setup = replace(
            self.setup,
            model=without_directory(self.setup.model),
            spatial_unet_base=without_directory(self.setup.spatial_unet_base),
            depth_model=without_directory(self.setup.depth_model),
        )
        hashes = {without_directory(name): value for name, value in self.sha256.items()}
        return replace(self, request=request, setup=setup, sha256=hashes)


def read_recipe(path: Path) -> Recipe | None:
    """Return the recipe that a GIF, WebP, MP4, PNG or JPEG carries; None where it has none.

    Raises MediaError where there is no such file, or it is damaged.
    """
    data = read_bounded(path)
    if data is None:
        raise MediaError("{path} is larger than {most} MiB.", path=path, most=_MAX_FILE_BYTES >> 20)
    try:
        return Recipe.from_json(comment_of(data))
    except BrokenFileError as error:
        raise MediaError(
            "{path} is damaged or cut off in the middle; get it again.", path=path
        ) from error


def read_bounded(path: Path) -> bytes | None:
    """Return the bytes of a file; None for one that is too large to look for a recipe in.

    Raises MediaError where it can't be read.
    """
    try:
        return path.read_bytes() if path.stat().st_size <= _MAX_FILE_BYTES else None
    except (OSError, ValueError) as error:  # ValueError: no path can be so called
        reason = (getattr(error, "strerror", None) or type(error).__name__).lower()
        raise MediaError("{path} can't be read ({reason}).", path=path, reason=reason) from error


def sha256_of(path: Path) -> str:
    """Return the hash of a file; of a model's directory one for all its weights and their names."""
    if path.is_file():
        return _file_sha256(path)
    files = [file for folder in _FOLDERS for file in sorted((path / folder).glob(_WEIGHTS))]
    lines = [f"{_file_sha256(file)}  {file.relative_to(path).as_posix()}\n" for file in files]
    return sha256("".join(lines).encode()).hexdigest()


def _file_sha256(path: Path) -> str:
    real = path.resolve()
    # The hub's cache keeps a large file under its own hash.
    if real.parent.name == "blobs" and len(real.name) == 64:
        return real.name
    found = real.stat()
    return _read_sha256(real, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=256)
def _read_sha256(path: Path, _changed: int, _size: int) -> str:
    with path.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())[:120]
    return "".join(letter for letter in text if letter.isprintable())
