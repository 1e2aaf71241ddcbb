"""Decodes in this process what a child with limits decodes elsewhere: the same code at a tenth of
the cost, for tests of what is seen. Those of hostile files and of limits have the child.
"""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import pytest

from generator.sources import decoder_process, reader


def decode_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ``reader`` start no process until the test ends."""

    def output(job: str, _seconds: float) -> bytes:
        written = io.BytesIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(decoder_process, "set_limits", lambda *_: None)
            patch.setattr("sys.stdout", SimpleNamespace(buffer=written))
            decoder_process.main(json.loads(job))
        return written.getvalue()

    monkeypatch.setattr(reader, "_output", output)
