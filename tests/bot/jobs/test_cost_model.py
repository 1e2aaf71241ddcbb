"""The cost model: close after a few jobs, never absurd, and the same after a restart."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from bot.jobs.cost_model import CostModel, CostModels, features, kind
from generator.contract.messages import ChosenStage, Control, Request
from generator.contract.stages import UPSCALE
from tests.bot.jobs.samples import REQUEST

DEPTH = Control("depth")


def seconds_of(model: CostModel, request: Request) -> float | None:
    estimate = model.estimate(request)
    return None if estimate is None else estimate.seconds


def truth(request: Request, *, cost_history: float = 0.05, control: float = 0.7) -> float:
    """A machine: a second to begin with, painting, and steps that ControlNets make dearer."""
    painted = request.video_length * request.width * request.height / 1e6
    denoised = painted * request.steps_made * 2
    return 1 + 0.3 * painted + cost_history * denoised * (1 + control * len(request.controls))


def some(seed: int) -> Request:
    chance = random.Random(seed)
    width, height = chance.choice([(512, 512), (672, 384), (320, 768)])
    return replace(
        REQUEST,
        width=width,
        height=height,
        steps=chance.randint(5, 60),
        video_length=chance.choice([1, 8, 8, 16]),
        controls=(DEPTH,) * chance.choice([0, 0, 1, 2]),
    )


def taught(requests: list[Request], **machine: float) -> CostModel:
    model = CostModel()
    for request in requests:
        model.learn(request, truth(request, **machine))
    return model


def test_nothing_is_known_at_first() -> None:
    assert CostModel().estimate(REQUEST) is None
    assert CostModels().seconds(REQUEST) is None


def test_one_job_tells_of_the_next_alike_and_of_one_twice_as_long() -> None:
    one = replace(REQUEST, steps=20, video_length=8)
    model = taught([one])
    assert seconds_of(model, one) == pytest.approx(truth(one), rel=0.02)
    longer = seconds_of(model, replace(one, steps=40))
    assert longer is not None
    assert 1.5 < longer / truth(one) <= 2.1


def test_a_varied_past_is_learnt_within_a_few_percent() -> None:
    model = taught([some(seed) for seed in range(60)])
    for seed in range(100, 120):
        request = some(seed)
        assert seconds_of(model, request) == pytest.approx(truth(request), rel=0.05)


def test_a_control_net_costs_more_before_any_was_seen() -> None:
    model = taught([replace(some(seed), controls=()) for seed in range(20)])
    plain = seconds_of(model, REQUEST)
    followed = seconds_of(model, replace(REQUEST, controls=(DEPTH,)))
    assert plain is not None
    assert followed is not None
    assert followed > plain


def test_a_machine_that_became_slower_is_believed() -> None:
    model = taught([some(seed) for seed in range(60)])
    for seed in range(60, 200):
        model.learn(some(seed), truth(some(seed), cost_history=0.2))
    request = some(300)
    assert seconds_of(model, request) == pytest.approx(truth(request, cost_history=0.2), rel=0.1)


def test_a_second_pass_at_twice_the_size_costs_its_pixels_and_the_steps_really_made() -> None:
    model = taught([some(seed) for seed in range(60)])
    small = replace(REQUEST, steps=30)
    larger = replace(small, width=1024, height=1024, image="a", image_strength=0.4)
    assert seconds_of(model, larger) == pytest.approx(truth(larger), rel=0.1)
    known = [seconds_of(model, each) for each in (small, larger, replace(larger, image=""))]
    first, again, whole = (each or 0.0 for each in known)
    assert first < again < 0.6 * whole


def test_nothing_takes_less_than_nothing() -> None:
    """Times that fall as the work grows."""
    model = CostModel()
    for steps in (10, 20, 40, 80):
        model.learn(replace(REQUEST, steps=steps), 100 / steps)
    for steps in (1, 150):
        seconds = seconds_of(model, replace(REQUEST, steps=steps))
        assert seconds is not None
        assert seconds >= 0


def test_it_is_the_same_after_a_restart() -> None:
    costs = CostModels()
    for seed in range(10):
        costs.learn("cpu", some(seed), truth(some(seed)))
    again = CostModels(json.loads(json.dumps({"cpu": costs.known("cpu")})))
    assert again.seconds(REQUEST, "cpu") == costs.seconds(REQUEST, "cpu")
    assert again.seconds(REQUEST, "cuda:0") == again.seconds(REQUEST)
    assert CostModels({"cpu": {"of": "another version"}}).seconds(REQUEST) is None


def test_of_quick_jobs_several_change_the_estimate_together() -> None:
    costs, quick = CostModels(), replace(REQUEST, steps=1)
    for _ in range(45):
        costs.learn("cpu", quick, 0.05)
    version, known = costs.version, costs.seconds(quick)
    costs.learn("cpu", quick, 0.2)
    assert (costs.version, costs.seconds(quick)) == (version, known)
    for _ in range(10):
        costs.learn("cpu", quick, 0.2)
    assert costs.version > version
    assert (costs.seconds(quick) or 0.0) > (known or 0.0)


UPSCALED = (ChosenStage(UPSCALE, 0.4),)


def test_a_second_pass_is_priced_before_there_was_one() -> None:
    """As the first pass and a job that begins from its frames, but for the second beginning."""
    model = taught([some(seed) for seed in range(60)])
    one = replace(REQUEST, width=256, height=256, steps=20)
    second = replace(one, width=512, height=512, image="a", image_strength=0.4)
    told = seconds_of(model, replace(one, stages=UPSCALED))
    assert told == pytest.approx(truth(one) + truth(second) - 1, rel=0.1)


def test_requests_that_chose_no_stage_are_described_as_they_were_before_there_were_any() -> None:
    for seed in range(20):
        request = replace(some(seed), guidance_start=0.25, image="a" * (seed % 2))
        painted = request.video_length * request.width * request.height / 1e6
        denoised = painted * request.steps_made * 1.75
        followed = len(request.controls)
        assert features(request) == pytest.approx(
            (denoised * (1 + 0.4 * followed), denoised * followed, painted, 1.0), rel=1e-12
        )
        assert kind(request) == (0, followed, seed % 2)
        assert kind(replace(request, stages=UPSCALED)) == (0, followed, seed % 2, 1)


def test_a_second_pass_is_learnt_beside_what_was_learnt_before() -> None:
    """Another version's jobs tell nothing of stages, and are kept."""
    model = CostModel.from_dict(taught([some(seed) for seed in range(60)]).to_dict())
    upscaled = replace(REQUEST, width=256, height=256, stages=UPSCALED)
    before = seconds_of(model, REQUEST)
    for _ in range(4):
        model.learn(upscaled, 12.0)
    assert seconds_of(model, upscaled) == pytest.approx(12.0, rel=0.2)
    assert seconds_of(model, REQUEST) == pytest.approx(before, rel=0.15)
    kept = CostModel.from_dict(json.loads(json.dumps(model.to_dict())))
    assert seconds_of(kept, upscaled) == seconds_of(model, upscaled)


def test_what_a_file_takes_is_learnt_beside_what_keeps_the_worker() -> None:
    """Also beside what an earlier version kept, which knew of no such time."""
    earlier = {"jobs": [[list(features(REQUEST)), list(kind(REQUEST)), 10.0, 4.0]]}
    model = CostModel.from_dict(json.loads(json.dumps(earlier)))
    assert model.estimate(REQUEST) == pytest.approx((10.0, 4.0, 0.0), rel=0.2)
    for _ in range(12):
        model.learn(REQUEST, 10.0, 4.0, 3.0)
    assert model.estimate(REQUEST) == pytest.approx((10.0, 4.0, 3.0), rel=0.05)
    kept = CostModel.from_dict(json.loads(json.dumps(model.to_dict())))
    assert kept.estimate(REQUEST) == model.estimate(REQUEST)
