"""Engines that stand in for the real one in a real worker process, named by how they fail.

``WorkerSettings(engine="tests.generator.engines.killed:create")`` starts a worker with one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from generator.contract.limits import ModelLimits


@dataclass(frozen=True, slots=True)
class Loaded:
    """What every one of them has: a device, a dtype and limits to tell of."""

    device: str = "cpu"
    dtype: str = "float32"
    limits: ModelLimits = field(default_factory=ModelLimits)
    memory_bytes: int = 0
