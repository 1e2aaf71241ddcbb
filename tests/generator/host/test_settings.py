"""What a GPU host makes of the models that a bot names, honest or not."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import pytest

from generator.contract.errors import MessageError, ModelError
from generator.contract.messages import Lora
from generator.contract.worker_settings import NamedModel, WorkerSettings
from generator.host.cache import FileCache
from generator.host.place import HostPlace
from generator.host.settings import SENT, settings_of
from generator.link.lasting import LastingLink


def place_in(directory: Path) -> HostPlace:
    return HostPlace(
        host="home",
        link=cast(LastingLink, None),  # nothing is said here
        cache=FileCache(directory, 0),
        outputs=directory,
        memory_limit=0,
        lease=1.0,
        models={"/bot/anime": "/here/anime"},
    )


def said(**values: Any) -> dict[str, Any]:
    """What a bot sends, as JSON makes it."""
    settings = WorkerSettings(
        name="anime",
        model="/bot/anime",
        loras=(Lora("owner/flat", 0.5),),
        limits={"steps": 5},
        models=(
            NamedModel(name="nano", model="nano", memory_bytes=7),
            NamedModel(name="anime", model="/bot/anime"),
            NamedModel(name="its own", model="/bot/other"),
        ),
    )
    sent = {name: asdict(settings)[name] for name in SENT}
    return sent | {"loras": list(sent["loras"]), "models": list(sent["models"])} | values


def test_models_are_those_that_are_here(tmp_path: Path) -> None:
    found = settings_of(said(), "cuda:0", place_in(tmp_path))
    assert (found.model_name, found.model) == ("anime", "/here/anime")
    assert (found.loras, found.limits) == ((Lora("owner/flat", 0.5),), {"steps": 5})
    assert [(each.name, each.model) for each in found.models] == [
        ("nano", "nano"),
        ("anime", "/here/anime"),
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"loras": [{"path": "/etc/passwd", "strength": 1.0}]},
        {"loras": [{"path": "owner/flat", "strength": 1e300}]},
        {"loras": "all"},
        {"limits": {"max_frames": 10**9}},
        {"limits": {"scheduler": []}},
        {"models": [{"name": 5, "model": "nano"}]},
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises((MessageError, ModelError)):
        settings_of(said(**values), "cuda:0", place_in(tmp_path))
