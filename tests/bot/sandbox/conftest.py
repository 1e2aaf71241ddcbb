"""A sandbox, a small discord.py bot in it, and raw HTTP as that bot."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.sandbox import Person, Sandbox
from tests.bot.sandbox.raw import Raw
from tests.bot.sandbox.small_bot import SmallBot, running
from tests.bot.sandboxes import make_sandbox


@pytest.fixture
async def discord() -> AsyncIterator[Sandbox]:
    """Run a sandbox whose own answers fit Discord's description, whatever a test does."""
    async with make_sandbox(check_answers=True) as sandbox:
        yield sandbox
        assert sandbox.wrong_answers == []


@pytest.fixture
async def bot(discord: Sandbox) -> AsyncIterator[SmallBot]:
    """Run a bot that is ready; nothing that it sends may break Discord's rules."""
    async with running(SmallBot(), discord.url, discord.token) as small:
        yield small
    assert discord.violations == []


@pytest.fixture
def ada(discord: Sandbox) -> Person:
    return discord.person("ada")


@pytest.fixture
async def raw(discord: Sandbox) -> AsyncIterator[Raw]:
    async with aiohttp.ClientSession() as session:
        yield Raw(session, discord)
