"""One device of a GPU host, with a real worker process, as the bot's frames reach it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from generator.contract.remote import pack, unpack
from generator.contract.worker_settings import WorkerSettings
from generator.host.cache import FileCache
from generator.host.device import HostDevice
from generator.host.place import HostPlace
from generator.host.settings import SENT
from generator.link.lasting import LastingLink
from tests.patience import until


class Line:
    """What a device says, as it arrives."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []

    def publish(self, subject: str, frame: bytes) -> bool:
        self.said.append(unpack(frame)[0])
        return True

    def of(self, session: str) -> list[str]:
        """What matters that was said in a session."""
        told = [each for each in self.said if each["session"] == session and each["kind"] != "ack"]
        return [each.get("message", each).get("type", each["kind"]) for each in told]


async def test_another_model_is_a_new_worker_and_no_death(tmp_path: Path) -> None:
    """The end of the old process was told to the bot as a crash while the new model loaded."""
    line, cache = Line(), FileCache(tmp_path, 0)
    cache.open()
    place = HostPlace(
        host="home",
        link=cast(LastingLink, line),
        cache=cache,
        outputs=tmp_path,
        memory_limit=2**40,
        lease=60.0,
        engine="tests.generator.engines.fast:create",
    )
    device = HostDevice("cpu", place)
    for session in ("first", "second"):
        settings = asdict(WorkerSettings(model="nano", name=session))
        said = {name: settings[name] for name in SENT}
        device.hear(pack({"kind": "attach", "session": session, "id": 1, "settings": said}))
        await until(lambda session=session: line.of(session), lambda: line.said)  # type: ignore[misc]
    await device.stop()
    assert line.of("second") == line.of("first")
    assert len(line.of("first")) == 1
