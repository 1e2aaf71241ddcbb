"""An order as a command would hand it in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.storage.models import Job, Origin, State
from generator.contract.messages import Capabilities, Request

ORIGIN = Origin(
    application_id=1,
    token="token",
    asked_at=datetime.now(UTC),
    user_id=7,
    user_name="ada",
    channel_id=3,
    guild_id=4,
)
REQUEST = Request(prompt="x", seed=2**64 - 1, width=512, height=512, steps=3, guidance_scale=5.0)

ABLE = Capabilities(
    model="nano",
    device="cpu",
    dtype="float32",
    max_frames=24,
    max_pixels=1024 * 1024,
    stages=("upscale",),
)


def job(**values: Any) -> Job:
    """A queued job; ``values`` are fields of it, or of its request."""
    names = Request.__dataclass_fields__
    asked = {name: values.pop(name) for name in list(values) if name in names}
    fields: dict[str, Any] = {
        "id": "a" * 32,
        "number": 1,
        "state": State.QUEUED,
        "attempt": 0,
        "crashes": 0,
        "origin": ORIGIN,
        "request": replace(REQUEST, **asked),
        "model": "nano",
        "created_at": datetime(2026, 8, 1, tzinfo=UTC),
    }
    return Job(**(fields | values))
