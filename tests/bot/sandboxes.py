"""Sandboxes for tests: as patient as tests are, so that a busy machine is no dead bot."""

from typing import Any

from bot.sandbox import Sandbox
from bot.sandbox.interactions import ANSWER_WITHIN
from tests.patience import PATIENCE


def make_sandbox(**options: Any) -> Sandbox:
    """Return one that waits as long as tests do, and gives ten times Discord's time to answer."""
    return Sandbox(patience=PATIENCE, answer_within=10 * ANSWER_WITHIN, **options)
