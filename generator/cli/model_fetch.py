"""The second half of ``hotshot model fetch``: what is needed is told, fetched and pinned."""

from __future__ import annotations

import shutil
import sys
from contextlib import closing
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.utils import logging as hub_logging

from generator.checkpoints import file_selection, hub
from generator.checkpoints.download import DownloadPlan, format_bytes
from generator.checkpoints.download_progress import DownloadProgress
from generator.checkpoints.file_selection import RepositoryLayout
from generator.checkpoints.hub import Listing
from generator.checkpoints.hub_cache import ModelRole, role_of_file, role_of_snapshot
from generator.checkpoints.resolve import fetch_sdxl_descriptions, only_file
from generator.cli.toml_edit import pin
from generator.contract.errors import ModelError, RequestError

_SETTINGS = {
    ModelRole.MODEL: "model",
    ModelRole.TEMPORAL: "model",
    ModelRole.BASE: "spatial_unet_base",
    ModelRole.DEPTH: "depth_model",
}
_FLAGS = {
    ModelRole.MODEL: "--pretrained-path",
    ModelRole.TEMPORAL: "--pretrained-path",
    ModelRole.BASE: "--spatial-unet-base",
    ModelRole.DEPTH: "--depth-model",
    ModelRole.CONTROLNET: "--control-type",
    ModelRole.LORA: "--lora",
}


def fetch(name: str, *, file: str | None, half: bool, config: Path | None) -> None:
    """Fetch ``owner/name`` or ``owner/name@revision``. Raises HotshotError."""
    hub_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    if constants.HF_HUB_OFFLINE:
        raise ModelError("HF_HUB_OFFLINE is set, so nothing is fetched; unset it first.")
    listing = Listing.of(name, fresh=True)
    if listing.unreached is not None:
        raise hub.download_error(listing.repository, listing.unreached)
    names = _names(listing, file, half=half)
    plan = DownloadPlan.of(listing, names)
    licence = listing.licence or "not stated"
    gated = ", gated" if listing.is_gated else ""
    print(f"{listing.repository.name}: {len(names)} files, {format_bytes(plan.size)}")
    print(f"licence: {licence}{gated} ({hub.address()}/{listing.repository.name})")
    print(f"revision: {listing.commit}")
    _check_described(listing, names, file, config)
    snapshot = _run(plan.rest())
    single = file_selection.single_files(names)
    alone = single[0] if len(single) == 1 and not (snapshot / "config.json").exists() else None
    role = role_of_file(snapshot / alone) if alone else role_of_snapshot(snapshot)
    if alone and role in (ModelRole.BASE, ModelRole.TEMPORAL):
        _fetch_descriptions()
    id_ = f"{name}/{alone}" if alone else name
    flag = f"; hotshot gif {_FLAGS[role]} {id_}" if role in _FLAGS else ""
    print(f"{snapshot / alone if alone else snapshot}  ({role}{flag})")
    if config is not None:
        _pin(config, role, listing, alone)


def _names(listing: Listing, file: str | None, *, half: bool) -> list[str]:
    """Return which files are needed.

    Raises ModelError where there are none, or it isn't clear which.
    """
    names, cached, name = listing.files, listing.cached, listing.repository.name
    if file is not None:
        if file not in names:
            has = ", ".join(file_selection.single_files(names)) or "none at its top"
            raise ModelError(f"{name} has no file {file}; its .safetensors files: {has}.")
        if not file.endswith(file_selection.SUFFIX):
            raise ModelError(
                f"{file} isn't a {file_selection.SUFFIX} file, the only kind that is loaded."
            )
        return [file]
    try:
        layout = file_selection.layout_of(names)
    except ModelError as error:
        raise ModelError(f"{name} can't be used: {error}") from error
    if layout is RepositoryLayout.FOLDERS:
        return file_selection.in_folders(names, cached=cached, half=half)
    if layout is not RepositoryLayout.FILES:
        stem = (
            file_selection.DIFFUSERS_STEM
            if layout is RepositoryLayout.NETWORK
            else file_selection.TRANSFORMERS_STEM
        )
        return file_selection.at_root(names, stem, cached=cached, half=half)
    try:
        found = only_file(listing, file_selection.LORA_FILES)
    except ModelError as error:
        files = ", ".join(file_selection.single_files(names)[:5])
        raise ModelError(f"{name} has several files; name one with --file: {files}.") from error
    beside = [one for one in ("adapter_config.json",) if one in names]
    return [found, *beside]


def _check_described(
    listing: Listing, names: list[str], file: str | None, config: Path | None
) -> None:
    """Raise HotshotError for what the configs, fetched first, show to be of no use."""
    described = [one for one in names if one.endswith("config.json")]
    if file is not None or not described:
        return
    role = role_of_snapshot(
        DownloadPlan.of(listing, described).run(DownloadProgress(listing.repository.name))
    )
    if role is ModelRole.OTHER and not file_selection.single_files(names):
        raise ModelError(
            f"{listing.repository.name} can't be used: it isn't a Hotshot-XL, Stable Diffusion "
            "XL, ControlNet or depth model; only its configs were fetched."
        )
    if config is not None and role in _FLAGS:
        _setting(role)


def _run(plan: DownloadPlan) -> Path:
    if not plan.missing:
        print("All of it is here already.")
    else:
        plan.check_room()
        free = shutil.disk_usage(_existing(Path(constants.HF_HUB_CACHE))).free
        left = format_bytes(plan.total - plan.done)
        print(
            f"fetching {left} to {constants.HF_HUB_CACHE}, whose disk has {format_bytes(free)} left"
        )
        sys.stdout.flush()
    with closing(DownloadProgress(plan.listing.repository.name, lines=True)) as bar:
        return plan.run(bar)


def _existing(path: Path) -> Path:
    return next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())


def _fetch_descriptions() -> None:
    """Fetch what a file alone comes without, so that it loads where there is no connection."""
    try:
        fetch_sdxl_descriptions()
    except ModelError as error:
        print(f"Its tokenizers and configs are still to be fetched: {error}", file=sys.stderr)


def _setting(role: ModelRole) -> str:
    """Raise RequestError for what the bot's config has no place for."""
    if role not in _SETTINGS:
        raise RequestError(
            f"The bot's config has no setting for a {role}, so there is nothing to pin; leave "
            "--pin out."
        )
    return _SETTINGS[role]


def _pin(config: Path, role: ModelRole, listing: Listing, file: str | None) -> None:
    key = _setting(role)
    value = f"{listing.repository.name}@{listing.commit}" + (f"/{file}" if file else "")
    pin(config, key, value)
    print(f'{config}: {key} = "{value}"')
