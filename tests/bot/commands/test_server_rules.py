"""Where a server lets GIFs be made; threads and posts count as what they stand in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.commands.server_rules import _check_allowed
from bot.core.errors import RefusedError

GIFS, OTHER, THREAD, CATEGORY = 1, 2, 3, 4


def typed_in(channel_id: int, **channel: int) -> Any:
    """All that the rule looks at; the sandbox has no threads."""
    return cast(Any, SimpleNamespace(
        channel_id=channel_id,
        channel=SimpleNamespace(**channel),
        permissions=SimpleNamespace(manage_guild=False),
    ))  # fmt: skip


@pytest.mark.parametrize(
    "interaction",
    [
        typed_in(GIFS, category_id=CATEGORY),
        typed_in(THREAD, parent_id=GIFS, category_id=CATEGORY),
    ],
)
def test_in_the_channel_and_what_hangs_from_it(interaction: Any) -> None:
    _check_allowed(interaction, {"channels": [GIFS]})
    _check_allowed(interaction, {"channels": [CATEGORY]})


def test_nowhere_else() -> None:
    with pytest.raises(RefusedError, match="use the command there"):
        _check_allowed(typed_in(THREAD, parent_id=OTHER), {"channels": [GIFS]})
