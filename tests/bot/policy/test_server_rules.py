"""Where a server lets GIFs be made; threads and posts count as what they stand in."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.core.errors import RefusedError
from bot.gateway.context import place_of
from bot.jobs.gate import Actor, Place
from bot.policy.server_rules import ServerRules
from generator.contract.messages import ChosenStage, Request

GIFS, OTHER, THREAD, CATEGORY, GUILD = 1, 2, 3, 4, 5
SOMEBODY = Actor(user_id=7)


def typed_in(channel_id: int, **channel: int) -> Place:
    """The place of an interaction, all of it that is looked at; the sandbox has no threads."""
    return place_of(cast(Any, SimpleNamespace(
        channel_id=channel_id,
        channel=SimpleNamespace(**channel),
        guild_id=GUILD,
        extras={},
    )))  # fmt: skip


@pytest.mark.parametrize(
    "place",
    [
        typed_in(GIFS, category_id=CATEGORY),
        typed_in(THREAD, parent_id=GIFS, category_id=CATEGORY),
    ],
)
def test_in_the_channel_and_what_hangs_from_it(place: Place) -> None:
    ServerRules(channels=(GIFS,)).check_actor(SOMEBODY, place)
    ServerRules(channels=(CATEGORY,)).check_actor(SOMEBODY, place)


def test_nowhere_else() -> None:
    with pytest.raises(RefusedError, match="use the command there"):
        ServerRules(channels=(GIFS,)).check_actor(SOMEBODY, typed_in(THREAD, parent_id=OTHER))


def test_for_those_who_have_one_of_the_roles() -> None:
    rules = ServerRules(roles=(8, 9))
    rules.check_actor(Actor(user_id=7, roles=frozenset({1, 9})), typed_in(GIFS))
    with pytest.raises(RefusedError, match="certain roles"):
        rules.check_actor(SOMEBODY, typed_in(GIFS))


def test_steps_are_counted_of_whichever_pass_has_the_most() -> None:
    rules = ServerRules(steps=10)
    second = ChosenStage("upscale", 0.5, steps=20)
    request = Request(
        prompt="a", seed=1, width=64, height=64, steps=7, guidance_scale=2.0, stages=(second,)
    )
    rules.check_requests([request])
    with pytest.raises(RefusedError, match="at most 10 steps"):
        rules.check_requests([replace(request, stages=(replace(second, steps=22),))])
