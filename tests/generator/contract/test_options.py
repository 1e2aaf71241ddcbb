"""Every declared option reaches the request, the limits and the recipe."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from generator.contract.errors import RequestError
from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.contract.options.gif_options import OPTIONS, GifOptions
from generator.contract.options.spec import Kind, OptionSpec
from generator.recipes.recipe import ModelSettings, Recipe
from tests.declared_options import (
    BIG,
    SMALL,
    WITH_WOBBLE,
    OptionsWithWobble,
    RequestWithWobble,
    sample_value,
)

# What isn't one value: files and how each is followed, and what is made after the first pass.
OF_SEVERAL = {"controls", "control_source", "image", "stages"}
WITH_FIELD = [spec for spec in OPTIONS if spec.field]
NUMBERS = [
    spec for spec in WITH_FIELD if spec.bounds and spec.kind in (Kind.WHOLE_NUMBER, Kind.NUMBER)
]


def _given(spec: OptionSpec, limits: ModelLimits) -> Any:
    value = sample_value(spec, limits)
    return (value,) if spec.repeats else value


def _options(spec: OptionSpec, value: Any) -> GifOptions[str]:
    return GifOptions(**{spec.name: value})


def _ids(specs: list[OptionSpec]) -> list[str]:
    return [spec.name for spec in specs]


def test_every_field_of_a_request_is_an_options() -> None:
    assert {spec.field for spec in WITH_FIELD} | OF_SEVERAL == {one.name for one in fields(Request)}


@pytest.mark.parametrize("limits", [BIG, SMALL])
@pytest.mark.parametrize("spec", WITH_FIELD, ids=_ids(WITH_FIELD))
def test_an_option_reaches_the_request_and_its_recipe(
    spec: OptionSpec, limits: ModelLimits
) -> None:
    given = _given(spec, limits)
    request = _options(spec, given).to_request(limits)
    assert spec.value_of(request) == given
    written = Recipe(request=request, setup=ModelSettings()).to_json()
    restored = Recipe.from_json(written)
    assert restored is not None
    assert restored.request == request


@pytest.mark.parametrize("spec", WITH_FIELD, ids=_ids(WITH_FIELD))
def test_what_is_left_out_stays_as_it_was(spec: OptionSpec) -> None:
    before = _options(spec, _given(spec, BIG)).to_request(BIG)
    assert GifOptions[str]().to_request(BIG, before) == before


@pytest.mark.parametrize("limits", [BIG, SMALL])
def test_what_nothing_says_is_the_models_default(limits: ModelLimits) -> None:
    request = GifOptions[str](seed=1).to_request(limits)
    for spec in WITH_FIELD:
        if spec.default is not None and spec.name != "seed":
            assert spec.value_of(request) == spec.default(limits), spec.name
    limits.check(replace(request, prompt="a ball"))


def test_each_request_has_a_seed_of_its_own_unless_one_is_given() -> None:
    asked = GifOptions[str](prompt="a ball")
    assert len({asked.to_request(BIG).seed for _ in range(3)}) == 3


@pytest.mark.parametrize("limits", [BIG, SMALL])
@pytest.mark.parametrize("spec", NUMBERS, ids=_ids(NUMBERS))
def test_limits_check_its_bounds(spec: OptionSpec, limits: ModelLimits) -> None:
    assert spec.bounds is not None
    lowest, highest = spec.bounds(limits)
    usual = GifOptions[str](prompt="a ball", frames=1).to_request(limits)
    for number in (lowest, highest):
        spec.check(limits, _options(spec, number).to_request(limits, usual))
    for number in (lowest - 1, highest + 1):
        outside = _options(spec, number).to_request(limits, usual)
        with pytest.raises(RequestError, match=str(spec.subject)):
            limits.check(outside)


def test_a_duration_is_bounded_by_the_frames() -> None:
    request = GifOptions[str](prompt="a ball", frames=8, duration=100).to_request(BIG)
    with pytest.raises(RequestError, match="from 160 to 60000"):
        BIG.check(request)


def test_an_unknown_size_is_refused() -> None:
    with pytest.raises(RequestError, match="There is no size 'round'; choose one of tall"):
        GifOptions[str](size="round").to_request(BIG)


def test_a_new_entry_reaches_request_and_bounds() -> None:
    usual = RequestWithWobble(
        prompt="a ball", seed=1, width=512, height=512, steps=30, guidance_scale=5.0
    )
    request = OptionsWithWobble(wobble=2.5, frames=4).to_request(BIG, usual)
    assert isinstance(request, RequestWithWobble)
    assert (request.wobble, request.video_length) == (2.5, 4)
    spec = next(each for each in WITH_WOBBLE if each.name == "wobble")
    spec.check(BIG, request)
    with pytest.raises(RequestError, match="The wobble must be from 0 to 3, not 7"):
        spec.check(SMALL, replace(request, wobble=7.0))
