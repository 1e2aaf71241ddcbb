"""The second half of ``hotshot model fetch``: what is needed is told, fetched and pinned."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.utils import logging as hub_logging

from generator.checkpoints import file_selection, hub
from generator.checkpoints.download import Plan, readable
from generator.checkpoints.download_progress import FetchBar
from generator.checkpoints.file_selection import Layout
from generator.checkpoints.hub import Listing
from generator.checkpoints.hub_cache import What, what_is, what_is_file
from generator.checkpoints.resolve import only_file, sdxl_descriptions
from generator.cli.toml_edit import pin
from generator.contract.errors import ModelError, RequestError

_SETTINGS = {
    What.MODEL: "model",
    What.TEMPORAL: "model",
    What.BASE: "spatial_unet_base",
    What.DEPTH: "depth_model",
}
_FLAGS = {
    What.MODEL: "--pretrained-path",
    What.TEMPORAL: "--pretrained-path",
    What.BASE: "--spatial-unet-base",
    What.DEPTH: "--depth-model",
    What.CONTROLNET: "--control-type",
    What.LORA: "--lora",
}


def fetch(name: str, *, file: str | None, half: bool, config: Path | None) -> None:
    """``name`` is ``owner/name`` or ``owner/name@revision``. Raises HotshotError."""
    hub_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    if constants.HF_HUB_OFFLINE:
        raise ModelError("HF_HUB_OFFLINE is set, so nothing is fetched; run it without.")
    listing = Listing.of(name, fresh=True)
    if listing.unreached is not None:
        raise hub.why(listing.repository, listing.unreached)
    names = _names(listing, file, half=half)
    plan = Plan.of(listing, names)
    licence = listing.licence or "not stated"
    gated = ", gated" if listing.is_gated else ""
    print(f"{listing.repository.name}: {len(names)} files, {readable(plan.size)}")
    print(f"licence: {licence}{gated} ({hub.address()}/{listing.repository.name})")
    print(f"revision: {listing.commit}")
    _check_described(listing, names, file, config)
    snapshot = _run(plan.rest())
    single = file_selection.single_files(names)
    alone = single[0] if len(single) == 1 and not (snapshot / "config.json").exists() else None
    what = what_is_file(snapshot / alone) if alone else what_is(snapshot)
    if alone and what in (What.BASE, What.TEMPORAL):
        _fetch_descriptions()
    id_ = f"{name}/{alone}" if alone else name
    flag = f"; hotshot gif {_FLAGS[what]} {id_}" if what in _FLAGS else ""
    print(f"{snapshot / alone if alone else snapshot}  ({what}{flag})")
    if config is not None:
        _pin(config, what, listing, alone)


def _names(listing: Listing, file: str | None, *, half: bool) -> list[str]:
    """Which files are needed; raises ModelError where there are none, or it isn't clear which."""
    names, cached, name = listing.files, listing.cached, listing.repository.name
    if file is not None:
        if file not in names:
            has = ", ".join(file_selection.single_files(names)) or "none at its top"
            raise ModelError(f"{name} has no file {file}; its .safetensors files: {has}.")
        if not file.endswith(file_selection.SUFFIX):
            raise ModelError(
                f"{file} is no {file_selection.SUFFIX} file, which is all that is loaded."
            )
        return [file]
    try:
        layout = file_selection.layout_of(names)
    except ModelError as error:
        raise ModelError(f"{name} can't be used: {error}") from error
    if layout is Layout.FOLDERS:
        return file_selection.in_folders(names, cached=cached, half=half)
    if layout is not Layout.FILES:
        stem = (
            file_selection.DIFFUSERS_STEM
            if layout is Layout.NETWORK
            else file_selection.TRANSFORMERS_STEM
        )
        return file_selection.at_root(names, stem, cached=cached, half=half)
    try:
        found = only_file(listing, file_selection.LORA_FILES)
    except ModelError as error:
        files = ", ".join(file_selection.single_files(names)[:5])
        raise ModelError(f"{name} has several files; name one by --file: {files}.") from error
    beside = [one for one in ("adapter_config.json",) if one in names]
    return [found, *beside]


def _check_described(
    listing: Listing, names: list[str], file: str | None, config: Path | None
) -> None:
    """The configs come first: they tell in a second what gigabytes would be fetched for."""
    described = [one for one in names if one.endswith("config.json")]
    if file is not None or not described:
        return
    what = what_is(Plan.of(listing, described).run(FetchBar(listing.repository.name)))
    if what is What.OTHER and not file_selection.single_files(names):
        raise ModelError(
            f"{listing.repository.name} can't be used: it is no Hotshot-XL, Stable Diffusion XL, "
            "ControlNet or depth model; nothing but its configs was fetched."
        )
    if config is not None and what in _FLAGS:
        _setting(what)


def _run(plan: Plan) -> Path:
    if not plan.missing:
        print("All of it is here already.")
    else:
        plan.check_room()
        free = shutil.disk_usage(_existing(Path(constants.HF_HUB_CACHE))).free
        left = readable(plan.total - plan.done)
        print(f"fetching {left} to {constants.HF_HUB_CACHE}, whose disk has {readable(free)} left")
        sys.stdout.flush()
    with FetchBar(plan.listing.repository.name, lines=True) as bar:
        return plan.run(bar)


def _existing(path: Path) -> Path:
    return next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())


def _fetch_descriptions() -> None:
    """What a file alone comes without, so that it loads where there is no connection."""
    try:
        sdxl_descriptions()
    except ModelError as error:
        print(f"Its tokenizers and configs are still to be fetched: {error}", file=sys.stderr)


def _setting(what: What) -> str:
    """Raises RequestError for what the bot's config has no place for."""
    if what not in _SETTINGS:
        raise RequestError(
            f"A config of the bot names no {what}, so there is nothing to pin; leave --pin out."
        )
    return _SETTINGS[what]


def _pin(config: Path, what: What, listing: Listing, file: str | None) -> None:
    key = _setting(what)
    value = f"{listing.repository.name}@{listing.commit}" + (f"/{file}" if file else "")
    pin(config, key, value)
    print(f'{config}: {key} = "{value}"')
