"""`make audit`, where nothing can be asked: the tests' environment has no pip-audit."""

from __future__ import annotations

import pytest

from tools import audit


def test_what_could_not_be_asked_is_a_sentence_and_no_clean_bill(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert audit.main() == 2
    [said] = capsys.readouterr().err.splitlines()
    assert said.startswith("worker.txt wasn't audited, since PyPI didn't say")
    assert "No module named pip_audit" in said
