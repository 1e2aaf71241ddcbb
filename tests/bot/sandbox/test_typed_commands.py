"""A typed command is read as a person means it, and mistakes are told with what was meant."""

from __future__ import annotations

from typing import Any

import pytest

from bot.sandbox import NotOffered
from bot.sandbox.console.typed_commands import pick, read, value_of

SIZES = [{"name": f"{name} ({edge} x 96)", "value": name} for name, edge in
         (("square", 96), ("landscape", 168), ("photo landscape", 152))]  # fmt: skip
GIF: dict[str, Any] = {
    "name": "gif",
    "type": 1,
    "options": [
        {"name": "prompt", "type": 3, "required": True},
        {"name": "size", "type": 3, "choices": SIZES},
        {"name": "frames", "type": 4},
        {"name": "guidance", "type": 10},
        {"name": "private", "type": 5},
        {"name": "negative_prompt", "type": 3},
    ],
}
LORA = {
    "name": "lora",
    "type": 1,
    "options": [
        {"name": "list", "type": 1},
        {"name": "info", "type": 1, "options": [{"name": "lora", "type": 3, "required": True}]},
    ],
}
QUEUE = {"name": "queue", "type": 1}
COMMANDS = [GIF, LORA, QUEUE, {"name": "Remix", "type": 3}]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("/gif a red ball", {"prompt": "a red ball"}),
        ("/GIF a red ball", {"prompt": "a red ball"}),
        ("/gif  a red ball   frames:16", {"prompt": "a red ball", "frames": "16"}),
        ("/gif frames:16 prompt: a red ball", {"prompt": "a red ball", "frames": "16"}),
        ("/gif a ball size:photo landscape frames: 4", {
            "prompt": "a ball", "size": "photo landscape", "frames": "4"}),
        ('/gif a ball size:"photo landscape"', {"prompt": "a ball", "size": "photo landscape"}),
        ('/gif "a sign with size: large" frames:2', {
            "prompt": "a sign with size: large", "frames": "2"}),
        ('/gif a sign that says "frames:9"', {"prompt": 'a sign that says "frames:9"'}),
        ("/gif a film in 16:9, it's dawn", {"prompt": "a film in 16:9, it's dawn"}),
        ("/gif a sign: stop", {"prompt": "a sign: stop"}),
        ("/gif 0: a cat | 4: a dog", {"prompt": "0: a cat | 4: a dog"}),
        ("/gif like https://a.example/b", {"prompt": "like https://a.example/b"}),
        ("/gif x negative-prompt: fog", {"prompt": "x", "negative_prompt": "fog"}),
        ("/gif x Frames:3", {"prompt": "x", "frames": "3"}),
        ("/lora info dragon", {"lora": "dragon"}),
        ("/lora list", {}),
        ("/queue", {}),
    ],
)  # fmt: skip
def test_what_a_line_means(line: str, values: dict[str, str]) -> None:
    assert read(line, COMMANDS).values == values


def test_sub_commands_belong_to_the_command() -> None:
    assert read("/lora info dragon", COMMANDS).command == "lora info"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/gfi x", "no command /gfi; do you mean /gif?"),
        ("/zzz", "there are: /gif, /lora, /queue."),
        ("/remix", "no command /remix"),
        ("/gif x frmaes:4", "no option frmaes; do you mean frames?"),
        ("/gif x fps:4", "no option fps; there are: prompt, size"),
        ("/gif x frames:4 frames:5", "The option frames of /gif is there twice."),
        ("/gif x prompt:y", "The option prompt is there twice"),
        ("/lora", "/lora wants one of these after it: list, info."),
        ("/lora inof x", "do you mean info?"),
        ("/lora list x", "takes no text such as 'x'"),
        ("/", "there are: /gif"),
    ],
)
def test_what_a_line_can_not_mean(line: str, words: str) -> None:
    with pytest.raises(NotOffered) as refusal:
        read(line, COMMANDS)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("size", "photo landscape", "photo landscape"),
        ("size", "Landscape", "landscape"),
        ("size", "landscape (168 x 96)", "landscape"),
        ("size", "sq", "square"),
        ("size", "152", "photo landscape"),
        ("frames", "16", 16),
        ("frames", "1.5", "1.5"),
        ("guidance", "2", 2),
        ("guidance", "2,5", 2.5),
        ("private", "yes", True),
        ("private", "OFF", False),
        ("private", "perhaps", "perhaps"),
        ("prompt", "16", "16"),
    ],
)
def test_values_as_their_options_take_them(name: str, text: str, value: object) -> None:
    assert value_of(read("/gif x", COMMANDS).option(name), text) == value


def test_a_choice_that_is_not_there() -> None:
    option = read("/gif x", COMMANDS).option("size")
    for text in ("huge", "96", ""):  # two of them begin so, or all
        with pytest.raises(NotOffered, match="There is no size"):
            value_of(option, text)


def test_a_label_is_picked_by_any_part_that_only_it_has() -> None:
    labels = ["Again", "Vary a little", "Vary a lot"]
    assert pick("again", labels) == "Again"
    assert pick("vary a li", labels) == "Vary a little"
    assert pick("lot", labels) == "Vary a lot"
    assert pick("vary", labels) is None
    assert pick("nothing", labels) is None
