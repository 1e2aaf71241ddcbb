"""The detector as the bot has it: a process that is asked about files, one after another.

One that dies or hangs is replaced; one that goes on doing so is left alone for a while, and
whoever asks meanwhile hears at once that nobody looked.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path

from bot.core.detector_settings import DetectorSettings
from bot.core.errors import ConfigError
from bot.core.standing_child import ChildLostError, StandingChild
from bot.policy.pictures.picture_rules import PictureRules
from bot.storage.blobs import is_blob
from generator.contract import logs
from generator.contract.detection import MODULE, Answer, Introduction, Question
from generator.contract.text import Text

logger = logging.getLogger(__name__)

_START_SECONDS = 300.0  # weights may come from a slow disk, or from the hub
_TRIES = 2  # of a file at which a process died
_FIRST_PAUSE, _LONGEST_PAUSE = 10.0, 300.0  # seconds
_REMEMBERED = 10_000  # files

Scores = Mapping[str, float]


class DetectorDownError(Exception):
    """Nobody can look at pictures just now; ``reason`` is a few words on why."""

    def __init__(self, reason: Text) -> None:
        super().__init__(str(reason))
        self.reason = reason


class UnreadablePictureError(Exception):
    """This file can't be looked at; ``reason`` is a sentence."""

    def __init__(self, reason: Text) -> None:
        super().__init__(str(reason))
        self.reason = reason


class PictureDetector:
    """Looks at files by ``[detector]`` of the config. What it saw in a blob is remembered."""

    def __init__(
        self,
        settings: DetectorSettings,
        *,
        log_level: str = "INFO",
        log_format: str = logs.TEXT,
        start_seconds: float = _START_SECONDS,
        may_fetch: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rules = PictureRules(settings.withhold, settings.spoiler)
        self._settings = settings
        self._child = StandingChild(
            *(MODULE, settings.model, log_level, log_format),
            *(() if may_fetch else ("cached",)),
            start_seconds=start_seconds,
        )
        self._clock = clock
        self._lock = asyncio.Lock()  # the process looks at one file at a time
        self._looking: dict[Path, asyncio.Task[Scores]] = {}
        self._seen: OrderedDict[str, Scores] = OrderedDict()
        self._down: Text | None = None
        self._pause = 0.0
        self._again_at = 0.0

    @property
    def pid(self) -> int | None:
        """The id of the process, None where there is none."""
        return self._child.pid

    async def check(self) -> tuple[str, ...]:
        """Start the detector; return the classes that it knows.

        Raises ConfigError where it can't be used as the config has it, and DetectorDownError where
        that may pass.
        """
        async with self._lock:
            try:
                return await self._greeted()
            except ChildLostError as lost:
                self._note_down(lost.reason)
                raise DetectorDownError(lost.reason) from lost

    async def look(self, file: Path) -> Scores:
        """Return the highest score of each class in a file's frames.

        Raises DetectorDownError and UnreadablePictureError.
        """
        if (seen := self._seen.get(file.name)) is not None:
            return seen
        task = self._looking.get(file)
        if task is None:
            # a task of its own: the process isn't killed because one of those who wait gives up
            task = self._looking[file] = asyncio.create_task(self._look(file))
            task.add_done_callback(lambda done: self._looked(file, done))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End the process, and whatever it is at."""
        looking = list(self._looking.values())
        for task in looking:
            task.cancel()
        await asyncio.gather(*looking, return_exceptions=True)
        await self._child.close()

    def _looked(self, file: Path, done: asyncio.Task[Scores]) -> None:
        del self._looking[file]
        if done.cancelled() or done.exception() is not None or not is_blob(file.name):
            return
        self._seen[file.name] = done.result()
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)

    async def _look(self, file: Path) -> Scores:
        # a file that takes long to read is no fault of the detector's, which isn't killed for it
        reading = self._settings.seconds / 2
        question = Question(str(file), self._settings.frames, reading).to_line()
        async with self._lock:
            if self._down is not None and self._clock() < self._again_at:
                raise DetectorDownError(self._down)
            answer = await self._answer(question)
        self._down, self._pause = None, 0.0
        if answer.refusal is not None:
            raise UnreadablePictureError(answer.refusal)
        logger.debug("looked at %d frames", answer.frames)
        return answer.scores

    async def _answer(self, question: str) -> Answer:
        """Return the process's answer; another one is asked where it dies once."""
        for left in reversed(range(_TRIES)):
            try:
                await self._greeted()
                said = await self._child.ask(question, self._settings.seconds)
                return Answer.of_line(said)
            except ConfigError as error:  # it was there when the bot started
                self._note_down(error.words)
                raise DetectorDownError(error.words) from error
            except ValueError as error:
                await self._child.close()
                lost = ChildLostError(Text("its answer made no sense"))
                logger.warning("the detector's answer can't be read: %s", error)
            except ChildLostError as error:
                lost = error
            if lost.is_hung or not left:
                break
            logger.warning("the detector ended (%s), and is asked once more", lost.reason)
        self._note_down(lost.reason)
        raise DetectorDownError(lost.reason)

    async def _greeted(self) -> tuple[str, ...]:
        """Return the classes of a process that runs, and knows all that the config names.

        Raises ConfigError and ChildLostError.
        """
        said = await self._child.greeting()
        try:
            introduction = Introduction.of_line(said)
        except ValueError as error:
            await self._child.close()
            raise ChildLostError(Text("its answer made no sense")) from error
        if introduction.refusal is not None:
            await self._child.close()
            raise ConfigError(f"detector.model: {introduction.refusal}")
        self.rules.check_classes(introduction.classes)
        return introduction.classes

    def _note_down(self, reason: Text) -> None:
        self._down = reason
        self._pause = min(max(_FIRST_PAUSE, 2 * self._pause), _LONGEST_PAUSE)
        self._again_at = self._clock() + self._pause
        logger.error("the detector doesn't work: %s; tried again in %g s", reason, self._pause)
