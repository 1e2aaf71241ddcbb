"""Judges files by what a detector sees in them, as their server or the bot's owner asks for it.

Where nobody could look, the strictest that might have been said holds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath
from typing import cast

from bot.core.config import Settings
from bot.core.detector_settings import DetectorSettings, Mode
from bot.core.errors import WithheldError
from bot.jobs.gate import Allow, Spoiler, Verdict, Withhold
from bot.policy.pictures.picture_detector import (
    DetectorDownError,
    PictureDetector,
    UnreadablePictureError,
)
from bot.storage.blobs import BlobStore
from bot.storage.models import Attachment
from bot.storage.preferences import PICTURES, SERVER, Preferences
from generator.contract.text import Text

logger = logging.getLogger(__name__)

_NO_PICTURE = frozenset({".safetensors"})
_DOWN = Text(
    "It couldn't be checked, because the picture detector isn't working right now; whoever runs "
    "the bot has been told."
)
_UNREADABLE = Text("The picture detector can't check it: {reason}", reason="")
_MISSING = Text("this bot has none, and a server asks for one")


class PictureJudge:
    """What becomes of pictures; without a ``detector``, only a server that asks for one notices."""

    def __init__(
        self,
        settings: DetectorSettings,
        detector: PictureDetector | None,
        preferences: Preferences,
        blobs: BlobStore,
    ) -> None:
        self._settings = settings
        self._detector = detector
        self._preferences = preferences
        self._blobs = blobs
        self._alert: Callable[[Text], None] = lambda _: None
        self._is_told = False  # whether the owner knows that it is down now

    def set_alert(self, alert: Callable[[Text], None]) -> None:
        """Set how whoever runs the bot is told that the detector is down."""
        self._alert = alert

    async def start(self) -> None:
        """Start the detector, if any. Raises ConfigError where the config is wrong about it.

        One that doesn't start for another reason is told of, and tried again when it is needed.
        """
        if self._detector is None:
            return
        try:
            await self._detector.check()
        except DetectorDownError as error:
            self._tell(error.reason)

    async def close(self) -> None:
        """End the detector's process."""
        if self._detector is not None:
            await self._detector.close()

    async def judge(self, file: Path, guild_id: int | None) -> Verdict:
        """Return how a file that was made may be posted. Raises StorageError."""
        mode = await self._mode(guild_id)
        if mode == "off":
            return Allow()
        if self._detector is None:
            self._tell(_MISSING)
            return Withhold(_DOWN, may_be_appealed=True) if mode == "withhold" else Spoiler()
        rules = self._detector.rules
        try:
            scores = await self._detector.look(file)
        except DetectorDownError as error:
            self._tell(error.reason)
            return rules.worst(mode, _DOWN)
        except UnreadablePictureError as error:
            logger.info("a file can't be looked at: %s", error.reason)  # a preview may be gone
            return rules.worst(mode, _UNREADABLE.with_values(reason=error.reason))
        self._is_told = False
        return rules.verdict(scores, mode)

    async def check_brought(self, files: Iterable[Attachment], guild_id: int | None) -> None:
        """Raise WithheldError where one of the files may not be used there."""
        for file in files:
            if is_picture(file):
                verdict = await self.judge(self._blobs.path(file.blob), guild_id)
                if isinstance(verdict, Withhold):
                    raise WithheldError(
                        "{file} can't be used here. {reason}",
                        file=file.filename,
                        reason=verdict.reason,
                    )

    async def check_shared(self, output: str | None, guild_id: int | None) -> None:
        """Raise WithheldError where a kept file may not be shown uncovered on another server."""
        if output and not isinstance(await self.judge(self._blobs.path(output), guild_id), Allow):
            raise WithheldError(
                "Pictures like this are withheld or posted as spoilers here, so this one can't be "
                "shared."
            )

    async def looks_at(self, files: Iterable[Attachment], guild_id: int | None) -> bool:
        """Return whether checking these files takes a while."""
        return any(map(is_picture, files)) and await self._mode(guild_id) != "off"

    async def _mode(self, guild_id: int | None) -> Mode:
        here = self._settings.servers if self._detector is not None else "off"
        if guild_id is None:
            return self._settings.direct_messages if self._detector is not None else "off"
        chosen = (await self._preferences.get(SERVER, guild_id)).get(PICTURES)
        return cast(Mode, chosen) if chosen else here

    def _tell(self, reason: Text) -> None:
        """Tell whoever runs the bot, once until it works again."""
        if self._is_told:
            return
        self._is_told = True
        self._alert(
            Text(
                "The picture detector isn't working ({reason}). Until it is, results that it "
                "would have to check are withheld or posted as spoilers.",
                reason=reason,
            )
        )


def make_picture_judge(
    settings: Settings, preferences: Preferences, blobs: BlobStore
) -> PictureJudge:
    """Return the judge with the detector that the config names, if any; nothing is started yet."""
    chosen, log = settings.detector, settings.log
    detector = None
    if chosen.model:
        detector = PictureDetector(chosen, log_level=log.level, log_format=log.format)
    return PictureJudge(chosen, detector, preferences, blobs)


def is_picture(file: Attachment) -> bool:
    """Return whether a file has frames that can be looked at."""
    return PurePath(file.blob).suffix not in _NO_PICTURE
