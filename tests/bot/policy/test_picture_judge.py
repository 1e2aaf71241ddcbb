"""Files are looked at by a real detector in its process; where nobody can look, none passes."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from bot.core.detector_settings import DetectorSettings
from bot.core.errors import ConfigError, WithheldError
from bot.jobs.gate import Allow, Spoiler, Withhold
from bot.policy.pictures.picture_detector import PictureDetector
from bot.policy.pictures.picture_judge import PictureJudge
from bot.storage.blobs import BlobStore
from bot.storage.database import open_database
from bot.storage.models import Attachment
from bot.storage.preferences import PICTURES, SERVER, Preferences
from generator.contract.text import Text
from tests.bot import files
from tests.generator.detection.red_model import make_red_model
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

OFF, COVERS, WITHHOLDS = 1, 2, 3  # servers


@pytest.fixture(scope="module")
def red(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_red_model(tmp_path_factory.mktemp("red"))


class Rig:
    """A judge with its detector, and what the bot's owner was told."""

    def __init__(self, preferences: Preferences, blobs: BlobStore, **settings: Any) -> None:
        values: dict[str, Any] = {"withhold": {"red": 0.9}, "seconds": PATIENCE} | settings
        self.settings = DetectorSettings(**values)
        self.now = 0.0
        self.detector = PictureDetector(self.settings, clock=lambda: self.now)
        self.judge = PictureJudge(self.settings, self.detector, preferences, blobs)
        self.told: list[Text] = []
        self.judge.set_alert(self.told.append)

    def is_running(self) -> bool:
        return self.detector.pid is not None

    @property
    def process(self) -> psutil.Process:
        assert self.detector.pid is not None
        return psutil.Process(self.detector.pid)


@pytest.fixture
async def preferences(tmp_path: Path) -> AsyncIterator[Preferences]:
    async with open_database(f"sqlite:///{tmp_path / 'test.db'}") as database:
        preferences = Preferences(database)
        for guild, mode in ((OFF, "off"), (COVERS, "spoiler"), (WITHHOLDS, "withhold")):
            await preferences.change(SERVER, guild, {PICTURES: mode})
        yield preferences


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def blinking(frames: int, *, at: int) -> bytes:
    """A GIF that is grey, but for one red frame."""
    made = io.BytesIO()
    shades = [(index, index, index) for index in range(frames)]
    shades[at] = (250, 0, 0)
    pictures = [Image.new("RGB", (64, 48), shade) for shade in shades]
    pictures[0].save(made, "GIF", save_all=True, append_images=pictures[1:], duration=100)
    return made.getvalue()


async def test_what_is_seen_is_dealt_with_as_each_server_asks(
    red: Path, preferences: Preferences, blobs: BlobStore
) -> None:
    rig = Rig(preferences, blobs, model=str(red), direct_messages="spoiler", frames=8)
    judge = rig.judge
    try:
        await judge.start()
        red_file = blobs.path(blobs.put(blinking(8, at=7), ".gif"))
        grey_file = blobs.path(blobs.put(files.gif(), ".gif"))
        verdict = await judge.judge(red_file, WITHHOLDS)
        assert isinstance(verdict, Withhold)
        assert str(verdict.reason).startswith("The picture detector found red in it, which isn't")
        assert await judge.judge(red_file, None) == await judge.judge(red_file, COVERS) == Spoiler()
        assert await judge.judge(red_file, OFF) == Allow()
        assert isinstance(await judge.judge(red_file, 99), Withhold)  # as the owner says
        assert await judge.judge(grey_file, WITHHOLDS) == Allow()
        # of twice as many frames every other is looked at
        seen, passed = (blobs.path(blobs.put(blinking(16, at=at), ".gif")) for at in (14, 15))
        assert await judge.judge(seen, COVERS) == Spoiler()
        assert await judge.judge(passed, COVERS) == Allow()
        # what is brought
        picture = Attachment(blobs.put(files.still(colour=(250, 0, 0)), ".png"), "a.png", 1)
        lora = Attachment("0" * 64 + ".safetensors", "ink", 1)
        await judge.check_brought([lora, picture], COVERS)
        with pytest.raises(WithheldError, match=r"^a.png can't be used here. The picture"):
            await judge.check_brought([lora, picture], WITHHOLDS)
        assert await judge.looks_at([lora, picture], WITHHOLDS)
        assert not await judge.looks_at([lora], WITHHOLDS)
        assert not await judge.looks_at([picture], OFF)
        with pytest.raises(WithheldError, match="can't be shared"):
            await judge.check_shared(red_file.name, COVERS)
        await judge.check_shared(grey_file.name, WITHHOLDS)
        # a file that is none
        broken = blobs.path(blobs.put(b"GIF89a, and no more", ".gif"))
        verdict = await judge.judge(broken, WITHHOLDS)
        assert isinstance(verdict, Withhold)
        assert "can't check it" in str(verdict.reason)
        assert rig.told == []
        await dies_and_hangs(rig, blobs)
    finally:
        await judge.close()


async def dies_and_hangs(rig: Rig, blobs: BlobStore) -> None:
    """The same detector goes on: one that dies once is replaced, and nobody notices."""
    judge, first = rig.judge, rig.process
    fresh = [blobs.path(blobs.put(blinking(frames, at=0), ".gif")) for frames in range(2, 6)]
    first.suspend()
    looking = asyncio.create_task(judge.judge(fresh[0], COVERS))
    await asyncio.sleep(0)
    os.kill(first.pid, signal.SIGKILL)
    assert await looking == Spoiler()
    assert rig.process.pid != first.pid
    assert rig.told == []
    # one that never answers
    object.__setattr__(rig.settings, "seconds", 0.2)
    rig.process.suspend()
    for file in (fresh[1], fresh[2], fresh[1]):  # the first waits for it, the others don't
        verdict = await judge.judge(file, WITHHOLDS)
        assert isinstance(verdict, Withhold)
        assert verdict.may_be_appealed
        assert "isn't working right now" in str(verdict.reason)
    assert await judge.judge(fresh[1], COVERS) == Spoiler()
    assert await judge.judge(fresh[1], OFF) == Allow()
    assert not rig.is_running()
    assert len(rig.told) == 1
    assert "it didn't respond for 0.2 s" in str(rig.told[0])
    # after a pause it is tried again; what was remembered was never in doubt
    object.__setattr__(rig.settings, "seconds", PATIENCE)
    rig.now += 10.0
    assert isinstance(await judge.judge(fresh[2], WITHHOLDS), Withhold)
    assert await judge.judge(fresh[2], COVERS) == Spoiler()
    assert rig.is_running()
    assert len(rig.told) == 1


async def test_a_config_that_is_wrong_about_it_is_refused(
    red: Path, preferences: Preferences, blobs: BlobStore, tmp_path: Path
) -> None:
    unknown = Rig(preferences, blobs, model=str(red), withhold={"rde": 0.5})
    nothing = Rig(preferences, blobs, model=str(tmp_path / "nothing"))
    for rig, reason in (
        (unknown, "knows no class 'rde'; perhaps red was meant. It knows other, red."),
        (nothing, r"^detector.model: The detector .* can't be loaded"),
    ):
        with pytest.raises(ConfigError, match=reason):
            await rig.judge.start()
        await rig.judge.close()
        assert rig.detector.pid is None


async def test_a_server_that_asks_for_a_detector_that_is_gone_gets_nothing_unseen(
    preferences: Preferences, blobs: BlobStore
) -> None:
    told: list[Text] = []
    judge = PictureJudge(DetectorSettings(), None, preferences, blobs)
    judge.set_alert(told.append)
    file = blobs.path(blobs.put(files.gif(), ".gif"))
    await judge.start()
    assert await judge.judge(file, None) == await judge.judge(file, OFF) == Allow()
    assert await judge.judge(file, 99) == Allow()
    assert await judge.judge(file, COVERS) == Spoiler()
    assert isinstance(await judge.judge(file, WITHHOLDS), Withhold)
    assert len(told) == 1
    await judge.close()
