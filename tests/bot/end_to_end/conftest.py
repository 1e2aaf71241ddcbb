"""A sandbox whose answers fit Discord's description, and a bot that breaks none of its rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox import Person, Sandbox
from tests.bot.end_to_end.process import Setup
from tests.bot.sandboxes import make_sandbox


@pytest.fixture
async def discord() -> AsyncIterator[Sandbox]:
    async with make_sandbox(check_answers=True) as sandbox:
        yield sandbox
        assert sandbox.violations == []
        assert sandbox.wrong_answers == []


@pytest.fixture
def setup(discord: Sandbox, tmp_path: Path) -> Setup:
    return Setup(tmp_path, discord)


@pytest.fixture
def ada(discord: Sandbox) -> Person:
    return discord.person("ada")


@pytest.fixture
def bob(discord: Sandbox) -> Person:
    return discord.person("bob")
