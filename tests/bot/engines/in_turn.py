"""Draws seed 5 at once; other jobs wait for their turn in the directory TESTS_GO_FILE, where the
n-th that begins waits for the file ``go-n``, and fails where ``fail`` stands in it.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from generator.contract.errors import RequestError
from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.bot.engines.draws import Draws


class InTurn(Draws):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        if request.seed != 5:
            turns = Path(os.environ["TESTS_GO_FILE"])
            begun = len(list(turns.glob("begun-*"))) + 1
            (turns / f"begun-{begun}").touch()
            go = turns / f"go-{begun}"
            while not go.exists():
                report("denoise", 1, request.steps)
                time.sleep(0.02)
            if go.read_text(encoding="utf-8") == "fail":
                raise RequestError("That can't be drawn.")
        super().generate(request, output, report)


def create(**settings: Any) -> Engine:
    del settings
    return InTurn()
