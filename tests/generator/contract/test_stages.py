"""The plan of a request: which stages, at which size, for how much work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generator.contract.errors import RequestError
from generator.contract.limits import ModelLimits
from generator.contract.messages import ChosenStage, Control, Request
from generator.contract.stages import (
    STAGES,
    UPSCALE,
    Cost,
    last_pass,
    most_steps,
    output_size,
    plan,
    total_cost,
    total_steps,
    with_most_steps,
    work_done,
)

PLAIN = Request(
    prompt="a cat", seed=1, width=512, height=256, steps=10, guidance_scale=5.0, video_length=4
)
UPSCALED = replace(
    PLAIN,
    controls=(Control("depth", end=0.5),),
    control_source="a.gif",
    stages=(ChosenStage(UPSCALE, 0.4),),
)
OWN_STEPS = ChosenStage(UPSCALE, 0.1, steps=30, scheduler="euler_a")
FEW_STEPS = replace(PLAIN, steps=7, scheduler="unipc", stages=(OWN_STEPS,))
OF_A_NEWER_VERSION = {"name": "interpolate", "factor": 2}


def names(request: Request) -> list[str]:
    return [planned.name for planned in plan(request)]


def test_a_picture_is_only_encoded_where_there_is_one() -> None:
    usual = ["encode_prompt", "draw_noise", "denoise", "decode", "to_frames", "save"]
    assert names(PLAIN) == usual
    assert names(replace(PLAIN, image="a.png")) == [usual[0], "encode_image", *usual[1:]]


def test_every_planned_stage_is_in_the_table_by_its_own_name() -> None:
    assert all(name == spec.name for name, spec in STAGES.items())
    used = {*names(replace(PLAIN, image="a.png")), *names(UPSCALED)}
    assert used == {*STAGES}


def test_a_second_pass_begins_from_the_frames_at_twice_the_size() -> None:
    planned = plan(UPSCALED)
    passes = list(dict.fromkeys(one.request for one in planned))
    assert [(one.width, one.height, one.steps_made) for one in passes] == [
        (512, 256, 10),
        (1024, 512, 4),
    ]
    assert passes[1].controls == ()
    assert planned[-1].name == "save"
    assert names(UPSCALED).index("enlarge") == 5
    assert output_size(UPSCALED) == (1024, 512)
    assert output_size(PLAIN) == (512, 256)
    assert last_pass(PLAIN) == PLAIN


def test_a_second_pass_may_have_steps_and_a_sampler_of_its_own() -> None:
    passes = list(dict.fromkeys(one.request for one in plan(FEW_STEPS)))
    assert [(one.steps, one.steps_made, one.scheduler) for one in passes] == [
        (7, 7, "unipc"),
        (30, 3, "euler_a"),
    ]
    assert (total_steps(FEW_STEPS), most_steps(FEW_STEPS)) == (10, 7)
    assert work_done(FEW_STEPS, 8) == 7 + 4
    as_the_first = replace(FEW_STEPS, stages=(ChosenStage(UPSCALE, 0.1),))
    assert last_pass(as_the_first).steps_made == 1
    assert last_pass(as_the_first).scheduler == "unipc"


def test_a_model_says_how_its_second_pass_is_made_or_it_is_made_as_the_first() -> None:
    own = ModelLimits(upscale_strength=0.1, upscale_steps=30, upscale_scheduler="euler_a")
    first = replace(FEW_STEPS, stages=())
    assert own.upscale_stage() == OWN_STEPS
    assert own.upscale_stage(0.4) == replace(OWN_STEPS, strength=0.4)
    assert own.upscaled(first, "its own frames") == last_pass(FEW_STEPS)
    larger = ModelLimits().upscaled(first, "a.gif")
    assert (larger.steps, larger.steps_made, larger.scheduler) == (7, 3, "unipc")
    assert own.with_declared({"max_steps": 20}).upscale_stage().steps == 20


def test_no_pass_has_more_steps_than_are_allowed() -> None:
    many = replace(FEW_STEPS, stages=(replace(OWN_STEPS, strength=0.8),))
    assert (most_steps(many), most_steps(with_most_steps(many, 6))) == (24, 6)
    assert with_most_steps(FEW_STEPS, 7) == FEW_STEPS
    for stage, says in (
        (replace(OWN_STEPS, steps=151), "number of steps must be from 1 to 150, not 151"),
        (replace(OWN_STEPS, steps=-1), "number of steps must be from 1"),
        (replace(OWN_STEPS, scheduler="heun"), "There is no scheduler 'heun'"),
    ):
        with pytest.raises(RequestError, match=says):
            ModelLimits().check(replace(PLAIN, stages=(stage,)))


def test_the_work_is_the_sum_of_the_passes_and_steps_are_weighed_by_it() -> None:
    first, second = 4 * 512 * 256 / 1e6, 4 * 1024 * 512 / 1e6
    cost = total_cost(UPSCALED)
    assert cost.denoised == pytest.approx(2 * (10 * first + 4 * second))
    assert cost.controlled == pytest.approx(10 * first)
    assert cost.painted == pytest.approx(first + second)
    assert total_cost(PLAIN) == Cost(2 * 10 * first, 0.0, first)
    assert total_steps(UPSCALED) == 14
    assert [work_done(UPSCALED, step) for step in (0, 3, 10, 11, 14)] == [0, 3, 10, 14, 26]
    assert [work_done(PLAIN, step) for step in range(11)] == list(range(11))


def test_each_pass_must_be_of_a_size_that_the_model_makes() -> None:
    limits = ModelLimits()
    limits.check(UPSCALED)
    with pytest.raises(RequestError, match="2048 x 1024 is too large"):
        limits.check(replace(UPSCALED, width=1024, height=512))
    with pytest.raises(
        RequestError, match=r"strength of upscale must be from 0\.05 to 1, not 1\.5"
    ):
        limits.check(replace(UPSCALED, stages=(ChosenStage(UPSCALE, 1.5),)))


def test_what_was_made_larger_is_made_larger_from_its_last_pass() -> None:
    again = ModelLimits().upscaled(replace(UPSCALED, width=128, height=128), "a.gif")
    assert (again.width, again.height, again.image) == (512, 512, "a.gif")
    assert (again.stages, again.controls, again.control_source) == ((), (), "")


def test_a_request_keeps_its_stages_as_json_and_says_nothing_of_none() -> None:
    assert Request.from_dict(UPSCALED.to_dict()) == UPSCALED
    assert UPSCALED.to_dict()["stages"] == ({"name": "upscale", "strength": 0.4},)
    assert "stages" not in PLAIN.to_dict()
    assert Request.from_dict(FEW_STEPS.to_dict()) == FEW_STEPS
    assert FEW_STEPS.to_dict()["stages"] == (
        {"name": "upscale", "strength": 0.1, "steps": 30, "scheduler": "euler_a"},
    )


def test_a_newer_version_s_stage_is_read_priced_and_refused_by_its_name() -> None:
    request = Request.from_dict({**PLAIN.to_dict(), "stages": [OF_A_NEWER_VERSION]})
    assert names(request) == names(PLAIN)
    assert total_cost(request) == total_cost(PLAIN)
    with pytest.raises(RequestError, match="This version doesn't know the stage 'interpolate'"):
        ModelLimits().check(request)
