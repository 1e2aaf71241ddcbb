"""``hotshot model fetch | list | remove``: models on this machine, from the hub. Free of torch."""

from __future__ import annotations

import argparse
import shutil
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from generator.cli.toml_edit import check_config
from generator.contract.command_line import Parser
from generator.contract.errors import CancelledError, ModelError
from generator.contract.limits import NANO, NANO_DIRECTORY
from generator.contract.paths import existing_path, parse_hub_id

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[Parser]

_EXAMPLES = """\
examples:
  hotshot model fetch hotshotco/Hotshot-XL
  hotshot model fetch stabilityai/stable-diffusion-xl-base-1.0 --half
  hotshot model fetch diffusers/controlnet-canny-sdxl-1.0
  hotshot model fetch depth-anything/Depth-Anything-V2-Small-hf
  hotshot model fetch somebody/checkpoints --file juggernaut.safetensors
  hotshot model fetch hotshotco/Hotshot-XL --pin config.toml
  hotshot model list
  hotshot model remove hotshotco/Hotshot-XL

An interrupted fetch goes on where it stopped. Afterwards no connection is needed. Models are kept
in the hub's cache, under ~/.cache/huggingface or where HF_HOME says."""


def add_to(subparsers: Subparsers) -> Parser:
    """Declare the sub-command and its own."""
    parser = subparsers.add_parser(
        "model",
        help="download models from the hub, list them, or remove them",
        description="Fetches models from the hub, and lists and removes those on this machine.",
        epilog=_EXAMPLES,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add_fetch(actions)
    actions.add_parser("list", help="list the models on this machine, and what they are")
    removed = actions.add_parser("remove", help="remove a model from this machine")
    removed.add_argument(
        "name", nargs="+", metavar="MODEL", help="owner/name, or owner/name@revision"
    )
    return parser


def run(arguments: Namespace) -> None:
    """Do it and say what was done. Raises HotshotError."""
    {"fetch": _fetch, "list": _list, "remove": _remove}[arguments.action](arguments)


def _add_fetch(actions: Subparsers) -> None:
    parser = actions.add_parser(
        "fetch",
        help="download a model, or continue a download",
        description="Fetches a Hotshot-XL model, a spatial base, a ControlNet, a depth model "
        "or a LoRA.",
    )
    parser.add_argument("name", metavar="MODEL", help="owner/name, or owner/name@revision")
    parser.add_argument(
        "--revision", metavar="REVISION", help="a branch, a tag or a commit (default: main)"
    )
    parser.add_argument(
        "--file", metavar="FILE", help="only this file, such as a base in a single file"
    )
    parser.add_argument(
        "--half",
        action="store_true",
        help="the half-precision weights, if there are both: half the size",
    )
    parser.add_argument(
        "--pin",
        type=Path,
        metavar="CONFIG",
        help="write the model and its revision into this config file of the bot",
    )


def _fetch(arguments: Namespace) -> None:
    if arguments.name == NANO:
        print(f"{NANO} ships with Hotshot, in {NANO_DIRECTORY}; there is nothing to fetch.")
        return
    if arguments.pin is not None:
        check_config(arguments.pin)
    name = _hub_name(arguments.name, arguments.revision)
    from generator.cli.model_fetch import fetch

    try:
        fetch(name, file=arguments.file, half=arguments.half, config=arguments.pin)
    except KeyboardInterrupt:
        raise CancelledError(
            "stopped; what was fetched is kept, and the same command continues from there."
        ) from None


def _hub_name(text: str, revision: str | None) -> str:
    """Return ``owner/name@revision``. Raises ModelError for what is no name on the hub."""
    given = text.removeprefix("https://huggingface.co/").strip("/")
    if existing_path(text) is not None:
        raise ModelError(
            f"{text} is on this machine already; give its path where you want to use it."
        )
    repository, inner = parse_hub_id(given) or ("", "")
    if not repository or inner:
        from generator.checkpoints.hub import suggestion

        file = f" (a file in it is named by --file {inner})" if inner else str(suggestion(given))
        raise ModelError(
            f"{text} isn't the name of a model on the hub{file}; give one such as "
            "hotshotco/Hotshot-XL."
        )
    if revision and "@" in repository:
        raise ModelError(f"{text} names a revision already; leave one of the two out.")
    return f"{repository}@{revision}" if revision else repository


def _list(arguments: Namespace) -> None:  # noqa: ARG001 - as the others are called
    from huggingface_hub import constants

    from generator.checkpoints.download import format_bytes
    from generator.checkpoints.hub_cache import cached_models

    size = sum(path.stat().st_size for path in NANO_DIRECTORY.rglob("*") if path.is_file())
    rows = [("MODEL", "WHAT IT IS", "SIZE", "REVISION", "LAST USED")]
    rows.append((NANO, "Hotshot-XL", format_bytes(size), "ships with Hotshot", ""))
    models = cached_models()
    rows += [
        (one.name, str(one.role), format_bytes(one.size), one.commit[:12], _ago(one.used_at))
        for one in models
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())
    cache = Path(constants.HF_HUB_CACHE).absolute()
    there = next(path for path in (cache, *cache.parents) if path.exists())
    total, free = sum(one.size for one in models), shutil.disk_usage(there).free
    print(f"{format_bytes(total)} in {cache}, whose disk has {format_bytes(free)} left.")


def _remove(arguments: Namespace) -> None:
    if NANO in arguments.name:
        raise ModelError(
            f"{NANO} ships with Hotshot and can't be removed; name a model that was fetched."
        )
    from generator.checkpoints.download import format_bytes
    from generator.checkpoints.hub_cache import remove_model

    for name in arguments.name:
        print(f"{name} removed: {format_bytes(remove_model(name))} freed.")


def _ago(then: float) -> str:
    days = int((time.time() - then) // 86400)
    return {0: "today", 1: "yesterday"}.get(days, f"{days} days ago")
