"""Every declared option that has a flag is on the command line, and no other flag is a GIF's."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

import pytest

from generator.cli import gif_flags
from generator.cli.gif import _setup
from generator.cli.gif_request import build_request
from generator.contract.command_line import Parser, UsageError
from generator.contract.errors import RequestError
from generator.contract.messages import Control, Lora, Request
from generator.contract.options.gif_options import OPTIONS
from generator.contract.options.spec import Flag, Kind, OptionSpec
from generator.recipes.recipe import ModelSettings, Recipe
from tests.declared_options import BIG, WITH_WOBBLE, sample_value

# Those of files, model and machine.
OWN = {
    *("--output", "--max-bytes", "--from", "--trust", "--control-preview", "--depth-model"),
    *("--pretrained-path", "--spatial-unet-base", "--unet-only", "--prediction-type", "--offline"),
    *("--precision", "--device", "--low-vram-mode", "--compile", "--xformers", "--autocast"),
}
FLAGS: list[tuple[OptionSpec, Flag]] = [(spec, spec.flag) for spec in OPTIONS if spec.flag]

# Those that don't take any text.
PICKY = [
    flag
    for spec, flag in FLAGS
    if spec.kind in (Kind.WHOLE_NUMBER, Kind.NUMBER)
    or (spec.kind is Kind.CHOICE and not flag.metavar)
]


def _parser(specs: tuple[OptionSpec, ...] = OPTIONS) -> Parser:
    parser = Parser(prog="hotshot gif")
    gif_flags.add_all(parser, specs)
    return parser


def _actions(parser: Parser) -> dict[str, argparse.Action]:
    names = (
        next(one for one in action.option_strings if len(one) > 2) for action in parser._actions
    )
    return dict(zip(names, parser._actions, strict=True))


def _words(flag: Flag, value: Any) -> list[str]:
    """Return a flag with its value; a switch stands alone."""
    return [flag.name] if value is True else [flag.name, _word(value)]


def _word(value: Any) -> str:
    return f"{value.path}:{value.strength}" if isinstance(value, Lora) else str(value)


def test_there_are_the_tables_flags_and_the_command_lines_own() -> None:
    assert set(_actions(_parser())) == {flag.name for _, flag in FLAGS} | OWN | {"--help"}


@pytest.mark.parametrize(("spec", "flag"), FLAGS, ids=[flag.name for _, flag in FLAGS])
def test_a_flags_value_is_its_options(spec: OptionSpec, flag: Flag) -> None:
    parser, value = _parser(), sample_value(spec, BIG)
    options = gif_flags.given_options(parser.parse_args(_words(flag, value)))
    assert getattr(options, spec.name) == ((value,) if spec.repeats else value)
    left_out = gif_flags.given_options(parser.parse_args([]))
    assert getattr(left_out, spec.name) is None


@pytest.mark.parametrize(("spec", "flag"), FLAGS, ids=[flag.name for _, flag in FLAGS])
def test_a_second_one_does_what_is_declared(spec: OptionSpec, flag: Flag) -> None:
    value = sample_value(spec, BIG)
    words = _words(flag, value) * 2
    if flag.given == "once":
        with pytest.raises(UsageError, match="given twice"):
            _parser().parse_args(words)
        return
    options = gif_flags.given_options(_parser().parse_args(words))
    assert getattr(options, spec.name) == ((value, value) if flag.given == "again" else value)


@pytest.mark.parametrize("flag", PICKY, ids=[flag.name for flag in PICKY])
def test_a_value_of_another_kind_is_refused(flag: Flag) -> None:
    with pytest.raises(UsageError, match=f"^{flag.name}: "):
        _parser().parse_args([flag.name, "words"])


@pytest.mark.parametrize(
    "flag", [flag for spec, flag in FLAGS if flag.alone or spec.kind is Kind.SWITCH]
)
def test_a_flag_may_stand_alone_where_it_says_so(flag: Flag) -> None:
    assert getattr(_parser().parse_args([flag.name]), flag.dest) is True


@pytest.mark.parametrize(
    "flag", [flag for spec, flag in FLAGS if not (flag.alone or spec.kind is Kind.SWITCH)]
)
def test_any_other_needs_a_value(flag: Flag) -> None:
    with pytest.raises(UsageError, match="expected one argument"):
        _parser().parse_args([flag.name])


BROUGHT = Request(
    prompt="a ball",
    seed=1,
    width=128,
    height=128,
    steps=4,
    guidance_scale=1.0,
    scheduler="euler_trailing",
    motion="loop",
    loras=(Lora("/gone/sdxl_lightning_4step_lora.safetensors"),),
    controls=(Control("canny"),),
    control_source="/gone/a.gif",
    image="/gone/a.png",
    kept_frames=1,
    freeu=True,
    pag_scale=3.0,
)


def _again(*words: str) -> Request:
    recipe = Recipe(request=BROUGHT, setup=ModelSettings())
    return build_request(_parser().parse_args(list(words)), BIG, recipe)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        (("--no-freeu",), {"freeu": False}),
        (("--pag-scale", "0"), {"pag_scale": 0}),
        (("--motion", "none"), {"motion": ""}),
        (("--control-type", "none"), {"controls": (), "control_source": ""}),
        (("--image", "none"), {"image": "", "kept_frames": 0}),
        (
            ("--lora", "none"),  # and what it brought
            {"loras": (), "steps": 30, "guidance_scale": 5.0, "scheduler": "euler_a"},
        ),
        (("--lora", "none", "--lora", "ink:0.5"), {"loras": (Lora("ink", 0.5),)}),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_what_a_recipe_brings_is_turned_off(
    words: tuple[str, ...], changes: dict[str, Any]
) -> None:
    made = _again(*words)
    usual = _again()
    assert usual == BROUGHT
    sampling = ("steps", "guidance_scale", "scheduler") if "--lora" in words else ()
    changed = {name for name in asdict(usual) if getattr(made, name) != getattr(BROUGHT, name)}
    assert changed == {*changes, *sampling}
    assert {name: getattr(made, name) for name in changes} == changes


def test_frames_to_keep_need_an_image_still() -> None:
    words = ["--prompt", "x", "--keep-frames", "3"]
    request = build_request(_parser().parse_args(words), BIG, None)
    with pytest.raises(RequestError, match="To keep frames, there must be an image"):
        BIG.check(request)


def test_of_the_model_too() -> None:
    setup = ModelSettings(
        spatial_unet_base="base.safetensors", unet_only=True, prediction_type="v_prediction"
    )
    recipe = Recipe(request=BROUGHT, setup=setup)
    words = ("--spatial-unet-base", "none", "--no-unet-only", "--prediction-type", "none")
    assert _setup(_parser().parse_args(list(words)), recipe) == ModelSettings()
    assert _setup(_parser().parse_args([]), recipe) == setup


def test_help_has_each_flag_in_its_group() -> None:
    parser = _parser()
    for _, flag in FLAGS:
        [group] = [each for each in parser._action_groups if each.title == flag.group.value]
        [action] = [each for each in group._group_actions if flag.name in each.option_strings]
        assert action.help == flag.help


def test_a_new_entry_has_its_flag() -> None:
    parser = _parser(WITH_WOBBLE)
    assert set(_actions(parser)) - set(_actions(_parser())) == {"--wobble-scale"}
    assert parser.parse_args(["--wobble-scale", "2.5"]).wobble_scale == 2.5
    assert "--wobble-scale X" in parser.format_help()


def test_a_strength_may_be_one_for_each_frame() -> None:
    flags = [
        "--prompt",
        "x",
        "--gif",
        "a.gif",
        "--control-type",
        "canny",
        "--control-type",
        "depth",
    ]
    scale = "--controlnet-conditioning-scale"
    arguments = _parser().parse_args(
        [*flags, scale, "0.5", scale, "0: 1.0 | 5: 0", "--output", "a.gif"]
    )
    first, second = build_request(arguments, BIG, None).controls
    assert (first.scale, first.scales) == (0.5, "")
    assert (second.scale, second.scales) == (1.0, "0: 1.0 | 5: 0")
