"""What a worker process is started with, and how that is written down for another process.

Standard library only: the bot makes these settings, and only the worker imports what they name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from generator.contract import logs

HOTSHOT_ENGINE = "generator.inference.hotshot_engine:create"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """What a worker is started with. ``engine`` is ``module:factory``, an EngineFactory.

    ``spatial_unet_base`` is an SDXL whose spatial layers replace the model's, and of which
    ``unet_only`` takes nothing else; ``prediction_type`` is for one that doesn't say what it
    predicts; ``depth_model`` is the depth annotator's (empty: the usual one). ``files`` is the
    directory of what requests name by hash, ``outputs`` that of what is made, both where the worker
    is. ``threads`` bounds the cores that one worker computes on (0: all of them); ``niceness`` is
    how far it stands back so that the bot, on the same cores, still answers at once.
    """

    model: str = "nano"
    spatial_unet_base: str = ""
    unet_only: bool = False
    prediction_type: str = ""
    low_vram: bool = False
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


def encode_workers(workers: Sequence[WorkerSettings]) -> str:
    """Return the settings of these workers as JSON, the inverse of ``decode_workers``."""
    return json.dumps([asdict(worker) for worker in workers])


def decode_workers(text: str) -> list[WorkerSettings]:
    """Return the settings that ``encode_workers`` wrote. Raises ValueError, TypeError."""
    return [WorkerSettings(**values) for values in json.loads(text)]
