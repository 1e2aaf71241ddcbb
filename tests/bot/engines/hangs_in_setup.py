"""Never gets ready."""

from __future__ import annotations

import threading

from generator.worker.engine import Engine
from tests.generator.engines import Loaded


def create(*, model: str, device: str, precision: str) -> Engine:
    threading.Event().wait()
    return Loaded()  # type: ignore[return-value]
