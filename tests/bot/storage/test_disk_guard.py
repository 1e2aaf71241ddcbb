"""Room on the disk: what is about to be written counts, and a clean-up comes before a refusal."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.core.errors import NotAcceptedError, StorageError
from bot.storage.disk_guard import DiskGuard


class Disk:
    """So many bytes free, and what a clean-up frees."""

    def __init__(self, free: int, freed: int = 0) -> None:
        self.free = free
        self._freed = freed
        self.cleaned: list[int] = []

    async def clean(self, needed: int) -> None:
        self.cleaned.append(needed)
        await asyncio.sleep(0)
        self.free, self._freed = self.free + self._freed, 0


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=made.free))
    return made


async def test_what_is_being_written_counts(disk: Disk, tmp_path: Path) -> None:
    room = DiskGuard(tmp_path, spare_bytes=10)
    async with room.claimed(60):
        await room.check(30)
        with pytest.raises(NotAcceptedError, match="disk is full"):
            await room.check(31)
        with pytest.raises(NotAcceptedError):
            async with room.claimed(31):
                pass
    await room.check(90)


async def test_a_clean_up_comes_first_and_once_for_all_who_wait(disk: Disk, tmp_path: Path) -> None:
    disk._freed = 100
    room = DiskGuard(tmp_path, spare_bytes=150, make_room=disk.clean)
    await asyncio.gather(*(room.check() for _ in range(5)))
    assert disk.cleaned == [50]


async def test_one_in_vain_is_not_repeated_for_everybody(disk: Disk, tmp_path: Path) -> None:
    room = DiskGuard(tmp_path, spare_bytes=150, make_room=disk.clean)
    for _ in range(5):
        with pytest.raises(NotAcceptedError):
            await room.check()
    assert disk.cleaned == [50]
    disk.free = 200
    await room.check()


async def test_one_that_fails_is_a_refusal(disk: Disk, tmp_path: Path) -> None:
    async def fails(_: int) -> None:
        raise StorageError("The bot is being restarted.")

    with pytest.raises(NotAcceptedError, match="disk is full"):
        await DiskGuard(tmp_path, spare_bytes=150, make_room=fails).check()
