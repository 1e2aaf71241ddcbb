"""What stands under a result fits Discord's limits, with the original's button as well."""

from __future__ import annotations

import pytest

from bot.commands import ACTIONS
from bot.storage.models import Job
from bot.ui.result_view import EDITS, SAMPLING, result_view
from generator.contract.limits import ModelLimits
from generator.postprocess import edits
from tests.bot.jobs.samples import job

LIMITS = ModelLimits(native_edge=512, max_frames=24)


@pytest.mark.parametrize("offers_original", [True, False])
async def test_the_rows(offers_original: bool) -> None:
    rows = result_view(job(), LIMITS, offers_original=offers_original).to_components()
    assert [len(row["components"]) for row in rows] == [5, 5, 1, *[1] * offers_original]
    custom_ids = [part["custom_id"] for row in rows for part in row["components"]]
    assert len(set(custom_ids)) == len(custom_ids)
    actions = {name.split(":")[1] for name in custom_ids if not name.startswith("master:")}
    assert actions <= set(ACTIONS)


@pytest.mark.parametrize(
    ("values", "left_out"),
    [
        ({"video_length": 24}, {"longer"}),
        ({"width": 1024, "height": 1024}, {"upscale"}),
        ({"video_length": 1}, {"vary_subtle", "vary_strong", "motion"}),
    ],
)
async def test_what_would_be_refused_is_not_offered(
    values: dict[str, int], left_out: set[str]
) -> None:
    assert _actions(job()) - _actions(job(**values)) == left_out


async def test_a_single_frame_offers_no_edits_of_motion() -> None:
    assert _edits(job(video_length=1)) == {"square", "caption", "emoji", "sticker", SAMPLING}
    assert _edits(job(video_length=2)) == {*EDITS, SAMPLING}


def _actions(made: Job) -> set[str]:
    rows = result_view(made, LIMITS, offers_original=False).to_components()
    return {part["custom_id"].split(":")[1] for row in rows for part in row["components"]}


def _edits(made: Job) -> set[str]:
    (menu,) = result_view(made, LIMITS, offers_original=False).to_components()[-1]["components"]
    return {option["value"] for option in menu["options"]}


def test_every_edit_can_be_done() -> None:
    assert set(EDITS) == {*edits.EDITS, *edits.UPLOAD_TARGETS}
