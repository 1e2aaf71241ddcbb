"""One message for variations fits Discord's limits, whatever became of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.commands import ACTIONS
from bot.storage.models import Job, State
from bot.ui.group_layout import NOTE_IDS, Variation, group_layout, outcome
from bot.ui.result_layout import ShownFile
from generator.contract.limits import ModelLimits
from tests.bot.jobs.samples import ORIGIN, job

LIMITS = ModelLimits(native_edge=512, max_frames=24)
GROUP = "f" * 32


def member(place: int, **values: Any) -> Job:
    origin = replace(ORIGIN, group_id=GROUP, group_place=place)
    return job(id=f"{place:032x}", origin=origin, seed=place * 11, **values)


def made(place: int, **values: Any) -> Variation:
    file = ShownFile(f"{place}.gif", "x" * 2000)
    return Variation(job=member(place, state=State.DONE), file=file, **values)


def parts_of(*variations: Variation) -> list[dict[str, Any]]:
    [box] = group_layout(variations, LIMITS).to_components()  # type: ignore[no-untyped-call]
    rows = [part for part in box["components"] if part["type"] == 1]
    return [box, *box["components"], *(part for row in rows for part in row["components"])]


def labels_of(parts: list[dict[str, Any]]) -> list[str]:
    return [part["label"] for part in parts if part["type"] == 2]


async def test_four_with_all_that_can_be_done_are_fewer_than_forty_components() -> None:
    parts = parts_of(*(made(place, note="x" * 900) for place in range(1, 5)))
    assert len(parts) < 40
    custom_ids = [part["custom_id"] for part in parts if "custom_id" in part]
    assert len(set(custom_ids)) == len(custom_ids)
    assert {name.split(":")[1] for name in custom_ids} <= set(ACTIONS)
    [gallery] = [part for part in parts if part["type"] == 12]
    assert [item["media"]["url"] for item in gallery["items"]] == [
        f"attachment://{place}.gif" for place in range(1, 5)
    ]
    assert [part["id"] for part in parts if "id" in part] == [NOTE_IDS + n for n in range(1, 5)]
    assert "Cancel" not in labels_of(parts)


async def test_each_says_what_became_of_it_and_what_is_there_has_buttons() -> None:
    failed = member(2, state=State.FAILED, error="It **broke**.")
    waiting = Variation(job=member(4, state=State.RUNNING), words="▰▰▱ 30 %\nstep 3")
    cancelled = member(3, state=State.CANCELLED)
    others = [Variation(job=each, words=outcome(each)) for each in (failed, cancelled)]
    parts = parts_of(made(1), *others, waiting)
    text = "\n".join(part["content"] for part in parts if part["type"] == 10)
    assert "**2** ❌ It \\*\\*broke\\*\\*. Job 000000000000" in text
    assert "**3** 🚫 Cancelled." in text
    assert "**4** ▰▰▱ 30 % step 3" in text
    assert "1: seed `11`" in text
    assert labels_of(parts) == ["Upscale 1", "Vary 1", "Keep 1", "Again", "Cancel"]


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.FAILED])
async def test_none_made_has_no_gallery(state: State) -> None:
    parts = parts_of(*(Variation(job=member(n, state=state), words="x") for n in (1, 2)))
    assert not [part for part in parts if part["type"] == 12]
    assert labels_of(parts) == ([] if state.is_final else ["Cancel"])


async def test_one_that_is_left_looks_like_any_result() -> None:
    assert labels_of(parts_of(made(3))) == [
        "Again",
        "Vary a little",
        "Motion of this",
        "Edit",
        "More",
    ]
