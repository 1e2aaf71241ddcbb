"""Keys are read, and nothing that only looks like them; what a clip can't have gets a sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generator.contract.errors import RequestError
from generator.contract.limits import ModelLimits
from generator.contract.messages import Control, Request
from generator.contract.options.gif_options import GifOptions
from generator.contract.travel import (
    Blend,
    Key,
    all_keys,
    blends,
    strengths,
    text_keys,
    with_each_text,
)

LIMITS = ModelLimits()
PLAIN = GifOptions[str](prompt="a ball", seed=1).to_request(LIMITS)
FOLLOWING = replace(PLAIN, controls=(Control("canny"),), control_source="a.gif")


def test_keys_are_frames_or_percentages_and_may_be_gradual() -> None:
    expected = (Key("0", 0, "a red ball"), Key("4", 4, "a blue ball", is_gradual=True))
    for text in ("0: a red ball | ~4: a blue ball", " 0:a red ball\n~ 4 :  a blue ball\n"):
        assert text_keys(text, 8) == expected
    half = text_keys("0%: a | 50%: b | 100 %: c", 9)
    assert [(key.at, key.text) for key in half] == [(0, "a"), (4, "b"), (8, "c")]
    assert text_keys("2: a | 5: b", 8) == (Key("2", 2, "a"), Key("5", 5, "b"))


@pytest.mark.parametrize(
    "text",
    [
        "a red ball",
        "at 5:30 | style",
        "5:30 | noir",
        "5:30 in the morning | 6:15 at night",
        "12: the movie",
        "a ball | 4: a star",
        "<lora:ink:0.8> a ball | ink",
        "(a ball:1.3)",
        "| 0: a ball",
        "0:30",
        "-1: a ball",
        "",
    ],
)
def test_other_texts_are_what_they_are(text: str) -> None:
    assert all_keys(text, 8) == (Key("0", 0, text),)


def test_a_bar_inside_a_key_s_text_stays_there() -> None:
    keys = text_keys("0: a ball | style, at 5:30 | noir | 4: a star | 7", 8)
    assert [key.text for key in keys] == ["a ball | style, at 5:30 | noir", "a star | 7"]


def test_frames_hold_what_their_key_says_or_lie_between_two() -> None:
    hard, gradual = text_keys("0: a | 2: b", 4), text_keys("0: a | ~2: b", 4)
    assert blends(hard, 4) == (Blend(0, 0, 0), Blend(0, 0, 0), Blend(1, 1, 0), Blend(1, 1, 0))
    assert blends(gradual, 4) == (Blend(0, 1, 0), Blend(0, 1, 0.5), Blend(1, 1, 0), Blend(1, 1, 0))
    assert blends(text_keys("1: a | 2: b", 3), 3)[0] == Blend(0, 0, 0)


def test_strengths_are_numbers_by_frame() -> None:
    keys, numbers = strengths("0:1.0|~50%:.5|7:0", 9)
    assert [key.at for key in keys] == [0, 4, 7]
    assert numbers == (1.0, 0.5, 0.0)


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        ("0: a | 8: b", "The prompt has a key at 8, and the frames are 0 to 7; give it one"),
        ("0%: a | 101%: b", "The prompt has a key at 101%, and the frames are 0 to 7"),
        ("0: a | 3: b | 3: c", "The prompt has two keys at the same frame, 3; leave one out"),
        ("0: a | 100%: b | 7: c", "two keys at the same frame, 7"),
        ("0: a | 5: b | 3: c", "has the key 3 after 5; write keys in the order of their frames"),
        ("0: a | 4:", "The prompt says nothing at the key 4; write"),
        ("\n".join(f"{at}: a" for at in range(40)), "The prompt has 40 keys; at most 32"),
        ("0: a | 4: (b:9)", "The weight of 'b' must be from 0 to 3"),
    ],
)
def test_what_a_prompt_can_t_say_gets_a_sentence(prompt: str, sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        LIMITS.check(replace(PLAIN, prompt=prompt))


@pytest.mark.parametrize(
    ("scales", "sentence"),
    [
        ("0: 1 | 9: 0", "The ControlNet's conditioning scale has a key at 9"),
        ("0: 1 | 4: x", "is neither a number nor keys with numbers: '0: 1 . 4: x'"),
        ("1 | 4: 0", "is neither a number nor keys with numbers"),
        ("0: 1 | 4: 6", "conditioning scale must be from 0 to 5, not 6"),
    ],
)
def test_what_a_controlnet_can_t_have_gets_a_sentence(scales: str, sentence: str) -> None:
    LIMITS.check(FOLLOWING)
    with pytest.raises(RequestError, match=sentence):
        LIMITS.check(replace(FOLLOWING, controls=(Control("canny", scales=scales),)))


@pytest.mark.parametrize(
    ("prompt", "key"),
    [
        ("0: a | -1: b", "-1:"),
        ("0: a | 4.5: b", "4.5:"),
        ("0: a | 99999999999: b", "99999999999:"),
        ("-1: a | 4: b", "-1:"),
        ("4: a\n~2.5: b", "~2.5:"),
    ],
)
def test_what_is_meant_for_a_key_and_is_none_gets_a_sentence(prompt: str, key: str) -> None:
    with pytest.raises(RequestError, match=f"has {key} where a key should be; write a frame"):
        LIMITS.check(replace(PLAIN, prompt=prompt))
    with pytest.raises(RequestError, match=r"^The negative prompt has"):
        LIMITS.check(replace(PLAIN, negative_prompt=prompt))


@pytest.mark.parametrize("prompt", ["16:9 | 4:3", "0: a ball | 16:9 wide", "a | 0.5: b", "1.5: a"])
def test_other_colons_are_none_of_that(prompt: str) -> None:
    LIMITS.check(replace(PLAIN, prompt=prompt))


def test_negative_prompts_travel_as_well() -> None:
    LIMITS.check(replace(PLAIN, negative_prompt="0: red | ~4: blue"))
    with pytest.raises(RequestError, match="The negative prompt has a key at 40"):
        LIMITS.check(replace(PLAIN, negative_prompt="0: red | 40: blue"))


def test_a_control_of_one_strength_is_written_as_before() -> None:
    assert "scales" not in FOLLOWING.to_dict()["controls"][0]
    by_frame = replace(FOLLOWING, controls=(Control("canny", scales="0: 1 | 4: 0"),))
    for request in (FOLLOWING, by_frame):
        assert Request.from_dict(request.to_dict()) == request


def test_each_text_of_a_travel_is_changed_alone() -> None:
    def loud(text: str) -> str:
        return f"a film of {text}, loud"

    assert with_each_text("a ball", loud) == "a film of a ball, loud"
    changed = with_each_text("0: a ball\n~50%: a star", loud)
    assert changed == "0: a film of a ball, loud | ~50%: a film of a star, loud"
    assert [key.at for key in text_keys(changed, 9)] == [0, 4]
