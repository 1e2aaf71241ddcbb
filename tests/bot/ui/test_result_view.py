"""What stands under a result, and behind its More, fits Discord's limits and can be done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.commands import ACTIONS
from bot.storage.models import Job
from bot.ui.result_layout import ShownFile, result_layout
from bot.ui.result_view import EDITS, action_sheet, result_view
from bot.ui.wording import given_up
from generator.contract.limits import ModelLimits
from generator.contract.text import Text
from generator.postprocess import edits
from tests.bot.jobs.samples import job

LIMITS = ModelLimits(native_edge=512, max_frames=24)


@pytest.mark.parametrize("values", [{}, {"video_length": 1}, {"video_length": 24}])
async def test_a_result_has_five_buttons_and_the_last_is_more(values: dict[str, int]) -> None:
    [row] = result_view(job(**values), LIMITS).to_components()
    labels = [button["label"] for button in row["components"]]
    assert len(labels) <= 5
    assert labels[0] == "Again"
    assert labels[-1] == "More"


async def test_a_result_shows_its_file_and_says_what_made_it() -> None:
    made = job(seed=5, guidance_scale=3.5, steps=12, seconds=3.25)
    file = ShownFile("SPOILER_a.gif", "a cat")
    view = result_layout(made, LIMITS, file, note=given_up(made, [Text("fewer colours")]))
    [box] = view.to_components()  # type: ignore[no-untyped-call]
    gallery, words, buttons = box["components"]
    [item] = gallery["items"]
    assert item["media"]["url"] == "attachment://SPOILER_a.gif"
    assert (item["description"], item["spoiler"]) == ("a cat", True)
    for expected in ("`5`", "guidance 3.5", "12 steps", "512 x 512", "8 frames", "3.2 s", "<@7>"):
        assert expected in words["content"]
    assert "Made smaller to fit: fewer colours." in words["content"]
    assert len(buttons["components"]) == 5


async def test_the_sheet_holds_all_that_can_be_done() -> None:
    parts = _parts(job(negative_prompt="rain"))
    assert len(parts) < 40
    custom_ids = [part["custom_id"] for part in parts if "custom_id" in part]
    assert len(set(custom_ids)) == len(custom_ids)
    actions = {name.split(":")[1] for name in custom_ids if not name.startswith("master:")}
    assert actions <= set(ACTIONS)
    [original] = set(custom_ids) - {name for name in custom_ids if name.split(":")[1] in actions}
    assert original == f"master:{'a' * 32}"
    assert "rain" in str(parts)


async def test_what_needs_a_server_is_offered_there() -> None:
    there, elsewhere = (_actions(job(), in_server=where) for where in (True, False))
    assert there - elsewhere == {"share", "add_emoji", "add_sticker"}


@pytest.mark.parametrize(
    ("values", "left_out"),
    [
        ({"video_length": 24}, set()),
        ({"video_length": 256, "motion": "continue"}, {"longer", "stretch"}),
        ({"width": 1024, "height": 1024}, {"upscale"}),
        (
            {"video_length": 1},
            {"vary_subtle", "vary_strong", "motion", "stretch", "closed_loop", "continue"},
        ),
    ],
)
async def test_what_would_be_refused_is_not_offered(
    values: dict[str, Any], left_out: set[str]
) -> None:
    assert _actions(job()) - _actions(job(**values)) == left_out


async def test_a_single_frame_offers_no_edits_of_motion() -> None:
    assert _edits(job(video_length=1)) == {"square", "caption", "emoji", "sticker"}
    assert _edits(job(video_length=2)) == set(EDITS) - {"join"}
    made = job(video_length=2)
    continued = replace(made, origin=replace(made.origin, relation="continue", parent_id="b" * 32))
    assert _edits(continued) == set(EDITS)


def _parts(made: Job, *, in_server: bool = True) -> list[dict[str, Any]]:
    sheet = action_sheet(made, LIMITS, in_server=in_server)
    [box] = sheet.to_components()  # type: ignore[no-untyped-call]
    rows = [part for part in box["components"] if part["type"] == 1]
    return [*box["components"], *(part for row in rows for part in row["components"])]


def _actions(made: Job, *, in_server: bool = True) -> set[str]:
    parts = _parts(made, in_server=in_server)
    return {part["custom_id"].split(":")[1] for part in parts if "custom_id" in part}


def _edits(made: Job) -> set[str]:
    [menu] = [part for part in _parts(made) if part["type"] == 3]
    return {option["value"] for option in menu["options"]}


def test_every_edit_can_be_done() -> None:
    assert set(EDITS) == {*edits.EDITS, edits.JOIN, *edits.UPLOAD_TARGETS}
