"""``python -m generator.detection.process MODEL LEVEL FORMAT [CACHED]``: looks at files for a bot.

Says on standard output which classes it knows, or why it can't be used; then answers each question
that comes on standard input (``generator.contract.detection``). LEVEL and FORMAT are of the log;
with CACHED, whatever word it is, nothing is fetched from the hub.
Files are decoded by a limited child (``generator.sources``). What the detector itself fails at ends
the process, and its parent starts another; it ends with its parent as well.
"""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from generator.contract import logs
from generator.contract.detection import Answer, Introduction, Question
from generator.contract.errors import HotshotError, MediaError
from generator.contract.extras import missing_extra
from generator.detection.detector import Detector, load_detector
from generator.sources.reader import Limits, read_spread

logger = logging.getLogger(__name__)

_EDGE = 640  # pixels; detectors look at fewer, and more would only be carried about


def main(arguments: Sequence[str]) -> None:
    """Answer one question after another until the parent is gone."""
    model, level, form, *cached = arguments
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # libraries print what is no answer
    logs.configure(level, form)
    questions = _questions(sys.stdin.buffer)
    try:
        detector = load_detector(model, may_fetch=not cached)
    except (HotshotError, ImportError) as error:
        reason = missing_extra(error) or error
        if not isinstance(reason, HotshotError):
            raise
        _say(answers, Introduction(refusal=reason.words))
        return
    _say(answers, Introduction(tuple(detector.classes)))
    while True:
        _say(answers, _answer(detector, Question.of_line(questions.get())))


def _answer(detector: Detector, question: Question) -> Answer:
    try:
        limits = Limits(wall_seconds=question.seconds)
        path = Path(question.path)
        frames = read_spread(path, most=question.frames, edge=_EDGE, limits=limits)
    except MediaError as error:
        return Answer({}, refusal=error.words)
    return Answer(detector.look(frames), len(frames))


def _say(answers: BinaryIO, said: Introduction | Answer) -> None:
    answers.write(said.to_line().encode() + b"\n")
    answers.flush()


def _questions(source: BinaryIO) -> queue.SimpleQueue[bytes]:
    """Return where the questions come in, read by a thread that sees the parent's end at once."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in source:
            lines.put(line)
        os._exit(0)  # sys.exit would only end this thread

    threading.Thread(target=read, name="questions", daemon=True).start()
    return lines


if __name__ == "__main__":
    main(sys.argv[1:])
