"""A request as another model makes it: what was a default becomes the other one's."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.model_choice import for_model
from bot.core.model_catalogue import OfferedModel
from generator.contract.limits import ModelLimits
from generator.contract.messages import ChosenStage, Request

FEW = ModelLimits(steps=7, scheduler="unipc", upscale_strength=0.07, upscale_steps=30,
                  upscale_scheduler="euler_a")  # fmt: skip
USUAL = ModelLimits(max_steps=40)
REQUEST = Request(
    prompt="a cat", seed=1, width=512, height=512, steps=7, guidance_scale=5.0, scheduler="unipc",
    stages=(FEW.upscale_stage(),),
)  # fmt: skip


def stage_for(model: ModelLimits, request: Request, before: ModelLimits) -> ChosenStage:
    offered = OfferedModel(name="other", key="other", label="Other", limits=model, declared={})
    made = for_model(request, before, offered)
    assert made.scheduler == model.scheduler
    [stage] = made.stages
    return stage


def test_a_second_pass_is_made_as_the_other_model_makes_its_own() -> None:
    assert stage_for(USUAL, REQUEST, FEW) == ChosenStage("upscale", 0.4)
    back = replace(REQUEST, steps=30, scheduler="euler_a", stages=(USUAL.upscale_stage(),))
    assert stage_for(FEW, back, USUAL) == FEW.upscale_stage()


def test_what_was_said_of_a_second_pass_stays_where_the_other_model_can_make_it() -> None:
    said = ChosenStage("upscale", 0.2, steps=60, scheduler="ddim")
    assert stage_for(USUAL, replace(REQUEST, stages=(said,)), FEW) == replace(said, steps=40)
