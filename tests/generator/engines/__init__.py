"""Engines that stand in for the real one in a real worker process, named by how they fail.

``WorkerSettings(engine="tests.generator.engines.killed:create")`` starts a worker with one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Loaded:
    """What every one of them has: a device and a dtype to tell of."""

    device: str = "cpu"
    dtype: str = "float32"
