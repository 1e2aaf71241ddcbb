"""The options of /gif, within the limits of whatever model is in use."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord import app_commands

from bot.commands import all_commands, gif, option_parsing
from bot.commands.panel_order import with_plain_values
from bot.core.config import Style
from generator.contract.errors import RequestError
from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.contract.options.gif_options import spec_named

BIG = ModelLimits()
SMALL = ModelLimits(native_edge=128, max_frames=6, max_clip_frames=6, steps=10, guidance_scale=2.5)


def options(limits: ModelLimits) -> dict[str, dict[str, Any]]:
    tree = app_commands.CommandTree(discord.Client(intents=discord.Intents.none()))
    payload = gif.build(limits).to_dict(tree)
    return {option["name"]: option for option in payload["options"]}


def request_of(limits: ModelLimits, style: Style | None = None, **given: object) -> Request:
    return option_parsing.read_request(limits, option_parsing.read_options(given), style)


def test_the_names_that_hold() -> None:
    assert list(options(BIG)) == [
        "prompt",
        "size",
        "frames",
        "motion",
        "duration",
        "negative_prompt",
        "steps",
        "guidance",
        "seed",
        "lora",
        "lora_strength",
        "control_gif",
        "control_type",
        "image",
        "count",
    ]
    assert not any(option["required"] for option in options(BIG).values())
    assert [command.name for command in all_commands(BIG)] == [
        "gif",
        "lora",
        "history",
        "show",
        "gallery",
        "queue",
        "cancel",
        "quota",
        "privacy",
        "settings",
        "moderation",
        "help",
        "Use as motion",
        "Animate this",
        "Remix",
        "Report",
        "Remove",
    ]


def test_limits_come_from_the_model() -> None:
    big, small = options(BIG), options(SMALL)
    assert (big["frames"]["max_value"], small["frames"]["max_value"]) == (256, 6)
    assert (small["frames"]["min_value"], small["steps"]["min_value"]) == (1, 1)
    assert [choice["value"] for choice in small["size"]["choices"]] == [
        size.name for size in SMALL.sizes
    ]
    assert "square (128 x 128)" in [choice["name"] for choice in small["size"]["choices"]]
    assert big["prompt"]["max_length"] == 2000
    assert "(default: 10)" in small["steps"]["description"]


def test_what_is_left_out_is_the_models_default() -> None:
    request = request_of(SMALL, prompt=" a ball ")
    assert (request.prompt, request.width, request.height) == ("a ball", 128, 128)
    assert (request.steps, request.guidance_scale, request.video_length) == (10, 2.5, 6)
    assert request.video_duration == 1000


def test_every_value_arrives() -> None:
    request = request_of(
        BIG,
        prompt="a",
        size="wide",
        frames=12,
        duration=2000,
        negative_prompt="b",
        steps=7,
        guidance=0,
        seed="0",
    )
    assert (request.width, request.height, request.video_length) == (768, 320, 12)
    assert (request.video_duration, request.steps, request.guidance_scale) == (2000, 7, 0)
    assert (request.negative_prompt, request.seed) == ("b", 0)


def test_no_negative_prompt_and_an_empty_one_are_two_values() -> None:
    assert request_of(BIG, prompt="a").negative_prompt is None
    assert request_of(BIG, prompt="a", negative_prompt=" ").negative_prompt == ""
    style = Style(negative_prompt="rain")
    for typed, made in ((None, "rain"), ("", "rain"), ("fog", "fog, rain")):
        request = request_of(BIG, style, prompt="a", negative_prompt=typed)
        assert request.negative_prompt == made


def test_a_panel_tells_no_negative_prompt_from_an_empty_one() -> None:
    context: Any = SimpleNamespace(settings=SimpleNamespace(styles={}))
    for before, after in ((None, None), ("", ""), ("rain", None)):
        request = request_of(BIG, prompt="a", negative_prompt=before)
        emptied = with_plain_values(context, BIG, request, {"negative_prompt": None})
        assert emptied.negative_prompt == after
        typed = with_plain_values(context, BIG, request, {"negative_prompt": "fog"})
        assert typed.negative_prompt == "fog"


def test_a_field_that_was_emptied_is_as_if_nobody_had_said_it() -> None:
    context: Any = SimpleNamespace(settings=SimpleNamespace(styles={}))
    usual = request_of(BIG, prompt="a", seed=1)
    made = replace(
        usual,
        motion="stretch",
        pag_scale=3.0,
        freeu=True,
        steps=4,
        guidance_scale=1.0,
        scheduler="lcm",
        width=768,
        video_length=16,
    )
    names = ("motion", "pag", "steps", "guidance", "scheduler", "size", "frames")
    emptied = with_plain_values(context, BIG, made, {**dict.fromkeys(names), "freeu": False})
    assert emptied == usual
    assert with_plain_values(context, BIG, made, {}) == made
    drafted = with_plain_values(context, BIG, made, {"steps": None, "quality": "draft"})
    assert drafted.steps == BIG.steps // 2


@pytest.mark.parametrize(
    ("width", "height", "name"),
    [
        (1920, 1080, "landscape"),
        (1080, 1920, "portrait"),
        (3000, 2000, "photo landscape"),
        (640, 640, "square"),
        (160, 10, "wide"),
        (10, 160, "tall"),
    ],
)
def test_the_size_nearest_to_a_pictures_shape(width: int, height: int, name: str) -> None:
    assert {option_parsing.nearest_size(each, width, height).name for each in (BIG, SMALL)} == {
        name
    }


@pytest.mark.parametrize("strength", [0, 1.5, "nan", "far", -1])
def test_a_strength_that_is_none(strength: Any) -> None:
    request = request_of(BIG, prompt="a")
    spec = spec_named("image_strength")
    with pytest.raises(RequestError, match="image strength"):
        option_parsing.with_image(BIG, request, "a", option_parsing.read_value(spec, strength))
    assert option_parsing.with_image(BIG, request, "a", None).image_strength == BIG.image_strength


@pytest.mark.parametrize("seed", [2**64 - 1, str(2**64 - 1), " 5 "])
def test_seeds(seed: object) -> None:
    assert request_of(BIG, prompt="a", seed=seed).seed == int(str(seed))


@pytest.mark.parametrize("size", [size.name for size in BIG.sizes])
@pytest.mark.parametrize("limits", [BIG, SMALL])
def test_every_size_offered_is_taken(limits: ModelLimits, size: str) -> None:
    request_of(limits, prompt="a", size=size)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("frames", 7),
        ("frames", True),
        ("steps", "ten"),
        ("seed", "٣"),
        ("seed", "1.5"),
        ("size", ""),
        ("motion", "sideways"),
    ],
)
def test_what_does_not_fit_is_refused(option: str, value: Any) -> None:
    with pytest.raises(RequestError):
        request_of(SMALL, prompt="a", **{option: value})
