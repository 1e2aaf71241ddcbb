"""What a worker process is started with, and how that is written down for another process.

Standard library only: the bot makes these settings, and only the worker imports what they name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self

from generator.contract import logs
from generator.contract.messages import Lora

HOTSHOT_ENGINE = "generator.inference.hotshot_engine:create"
COMPILE_AUTO, COMPILE_NEVER, COMPILE_ALWAYS = COMPILE_MODES = ("auto", "never", "always")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedModel:
    """A model that a worker can be started anew with, and what jobs call it (``name``).

    ``loras`` are added to those of every request. ``limits`` are what the config says of
    ``DeclaredLimits``, over what the model says of itself. A device that has less than
    ``memory_bytes`` in all isn't given it; 0 is for any.
    """

    name: str
    model: str
    spatial_unet_base: str = ""
    unet_only: bool = False
    prediction_type: str = ""
    loras: tuple[Lora, ...] = ()
    limits: Mapping[str, Any] = field(default_factory=dict, hash=False)
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What a worker is started with. ``engine`` is ``module:factory``, an EngineFactory.

    ``spatial_unet_base`` is an SDXL whose spatial layers replace the model's, and of which
    ``unet_only`` takes nothing else; ``prediction_type`` is for one that doesn't say what it
    predicts; ``name`` is what jobs call the model where it isn't ``model``, and ``loras`` and
    ``limits`` are as those of a ``NamedModel``; ``models`` are all that the worker can be started
    with. ``compile``, one of ``COMPILE_MODES``, is how the network's steps are computed;
    ``low_vram`` has networks on the device only while they compute, "auto" where it is too small;
    ``depth_model`` is the depth annotator's (empty: the usual one). ``files`` is the directory of
    what requests name by hash, ``outputs`` that of what is made, both where the worker is.
    ``threads`` bounds the cores that one worker computes on (0: all of them); ``niceness`` is
    how far it stands back so that the bot, on the same cores, still answers at once.
    """

    model: str = "nano"
    spatial_unet_base: str = ""
    unet_only: bool = False
    prediction_type: str = ""
    name: str = ""
    loras: tuple[Lora, ...] = ()
    limits: Mapping[str, Any] = field(default_factory=dict, hash=False)
    models: tuple[NamedModel, ...] = ()
    low_vram: bool | Literal["auto"] = "auto"
    compile: str = COMPILE_AUTO
    depth_model: str = ""
    device: str = "auto"
    precision: str = "auto"
    engine: str = HOTSHOT_ENGINE
    files: str = ""
    outputs: str = ""
    threads: int = 0
    niceness: int = 10
    log_level: str = "INFO"
    log_format: str = logs.TEXT

    @property
    def model_name(self) -> str:
        """What jobs call the model that is loaded."""
        return self.name or self.model

    def loading(self, name: str) -> Self:
        """Return these settings with another model: one of ``models``, or the worker's own."""
        known = {each.name: each for each in self.models}
        found = known.get(name) or NamedModel(name=name, model=name)
        return replace(
            self,
            name=found.name,
            model=found.model,
            spatial_unet_base=found.spatial_unet_base,
            unet_only=found.unet_only,
            prediction_type=found.prediction_type,
            loras=found.loras,
            limits=found.limits,
        )


def encode_workers(workers: Sequence[WorkerSettings]) -> str:
    """Return the settings of these workers as JSON, the inverse of ``decode_workers``."""
    return json.dumps([asdict(worker) for worker in workers])


def decode_workers(text: str) -> list[WorkerSettings]:
    """Return the settings that ``encode_workers`` wrote. Raises ValueError, TypeError."""
    return [_decoded(values) for values in json.loads(text)]


def _decoded(values: dict[str, Any]) -> WorkerSettings:
    models = tuple(NamedModel(**each | {"loras": _loras(each)}) for each in values["models"])
    return WorkerSettings(**values | {"loras": _loras(values), "models": models})


def _loras(values: Mapping[str, Any]) -> tuple[Lora, ...]:
    return tuple(Lora(**each) for each in values["loras"])
