"""Whether something can be a spatial base, told by its JSON and its header alone. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generator.checkpoints.inspect.header import Header, read_header
from generator.checkpoints.inspect.kinds import Kind, kind_of
from generator.contract.errors import ModelError
from generator.contract.json_text import JsonError, parse_json
from generator.contract.text import Text

PLAIN_UNET = "UNet2DConditionModel"
HOTSHOT_UNET = "UNet3DConditionModel"
_USABLE = (Kind.SDXL, Kind.SDXL_UNET, Kind.HOTSHOT)


def check_base(path: Path) -> None:
    """Check a directory or a file on this machine. Raises ModelError, one sentence."""
    if path.is_file():
        read_base_header(path)
        return
    unet = unet_folder(path)
    check_is_sdxl(unet, read_json_or_empty(unet / "config.json"))


def read_base_header(file: Path) -> Header:
    """Return a base's header. Raises ModelError for a file that is something else, or damaged."""
    header = read_header(file)
    kind = kind_of(header.shapes)
    if kind not in _USABLE:
        raise ModelError(
            "{name} is {kind}; the spatial UNet base must be a Stable Diffusion XL.",
            name=file.name,
            kind=kind.value,
        )
    return header


def unet_folder(directory: Path) -> Path:
    """Return where a directory's UNet is: in ``unet``, or itself.

    Raises ModelError where it has none.
    """
    inner = directory / "unet"
    if inner.is_dir():
        return inner
    if not (directory / "config.json").is_file():
        found = read_json_or_empty(directory / "model_index.json").get("_class_name")
        raise ModelError(
            "The spatial UNet base {name} has no UNet ({found}); give a Stable Diffusion XL.",
            name=directory,
            found=Text("it is a {kind}", kind=found[:40])
            if isinstance(found, str)
            else Text("unet/config.json is missing"),
        )
    return directory


def check_is_sdxl(unet: Path, config: Mapping[str, Any]) -> None:
    """Raise ModelError for a UNet of another family; ``config`` is that in ``unet``."""
    found = config.get("_class_name")
    if found not in (PLAIN_UNET, HOTSHOT_UNET):
        raise ModelError(
            "The spatial UNet base in {unet} is a {found}; give a Stable Diffusion XL.",
            unet=unet,
            found=found,
        )
    if found == PLAIN_UNET and config.get("addition_embed_type") != "text_time":
        raise ModelError(
            "The spatial UNet base in {unet} is that of an older Stable Diffusion; give a "
            "Stable Diffusion XL.",
            unet=unet,
        )


def read_json_or_empty(path: Path) -> dict[str, Any]:
    """Return a config's JSON object; an empty one for what can't be read: who loads it says why."""
    try:
        found = parse_json(path.read_bytes())
    except (OSError, JsonError):
        return {}
    return found if isinstance(found, dict) else {}
