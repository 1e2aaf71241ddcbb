"""Recipes that were spoilt at random: read, refused with a sentence, or passed over; never more."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from generator.contract.errors import HotshotError, RequestError
from generator.contract.limits import ModelLimits
from generator.media.clip import Clip
from generator.media.comment import comment_of, with_comment
from generator.media.containers import BrokenFileError
from generator.media.gif_encoder import encode
from generator.recipes.foreign.convert import parse_foreign_recipe, with_foreign
from generator.recipes.foreign.metadata_texts import read_metadata_texts
from generator.recipes.recipe import Recipe
from generator.recipes.trust import check_trusted
from tests.generator.media.pictures import moving_ball
from tests.generator.recipes.foreign.pictures import PARAMETERS, dumped, png, simple_graph
from tests.generator.recipes.test_recipe import RECIPE

MUTATIONS = 5000
LIMITS = ModelLimits()
# What a JSON value may turn into; texts are put in as they stand.
STRANGE = (
    *("null", "true", "-1", "0", "1e308", "1e400", "NaN", "-Infinity", "9" * 400, "-" + "9" * 4000),
    *('""', '"\\ud800"', '"' + "x" * 5000 + '"', '"\\u0000\\u202e"', '"@everyone"', "[]", "{}"),
    *("[[[[]]]]", "[" * 2000 + "]" * 2000, '{"path": 1}', '[{"path": "\\udfff"}]', "0.1", "1.5"),
)


def places_in(values: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where every value of a JSON object is."""
    inner = values.items() if isinstance(values, dict) else enumerate(values)
    found = []
    for key, value in inner:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += places_in(value, (*path, key))
    return found


def spoilt_json(text: str, chance: random.Random) -> str:
    """With some values replaced, by way of marks that JSON keeps as they are."""
    values = json.loads(text)
    marks: dict[str, str] = {}
    for place in chance.sample(places_in(values), chance.randint(1, 3)):
        at = values
        try:
            for key in place[:-1]:
                at = at[key]
            mark = f"mark-{len(marks)}-"
            at[place[-1]] = mark
        except (KeyError, IndexError, TypeError):  # inside what was replaced already
            continue
        marks[json.dumps(mark)] = chance.choice(STRANGE)
    spoilt = json.dumps(values)
    for mark, strange in marks.items():
        spoilt = spoilt.replace(mark, strange)
    return spoilt


def spoilt_bytes(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(changed))
        match chance.randrange(3):
            case 0:
                changed[at] = chance.randrange(256)
            case 1:
                del changed[at : at + chance.randint(1, 30)]
            case _:
                changed[at:at] = chance.randbytes(chance.randint(1, 9))
        if not changed:
            return b"GIF89a"
    return bytes(changed)


def used(recipe: Recipe | None) -> str:
    """Everything that is done with a stranger's recipe before a model is loaded."""
    if recipe is None:
        return "none"
    recipe.to_json().encode()
    recipe.without_directories().to_json().encode()
    with suppress(RequestError):
        check_trusted(recipe, ())
    LIMITS.check(recipe.request)
    return "read"


def used_text(text: str) -> str:
    return used(Recipe.from_json(text))


def tried(use: Callable[[], str]) -> str:
    try:
        return use()
    except HotshotError as error:
        said = str(error)
        assert len(said) < 1500, said[:200]
        said.encode()
        return "refused"


@pytest.mark.slow
def test_recipes_spoilt_value_by_value(capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(12)
    text, outcomes = RECIPE.to_json(), Counter[str]()
    for _ in range(MUTATIONS):
        spoilt = spoilt_json(text, chance)
        outcomes[tried(partial(used_text, spoilt))] += 1
    with capsys.disabled():
        print(f" {MUTATIONS} mutations: {dict(outcomes)}", end="")
    assert outcomes["refused"] > MUTATIONS / 3
    assert outcomes["read"] > 100


def test_files_spoilt_byte_by_byte() -> None:
    chance = random.Random(13)
    whole = with_comment(
        encode(Clip(moving_ball(1, 16, 16), 100)), RECIPE.to_json().encode().decode()
    )

    def use(data: bytes) -> str:
        try:
            return used(Recipe.from_json(comment_of(data)))
        except BrokenFileError:
            return "broken"

    outcomes = Counter(tried(partial(use, spoilt_bytes(whole, chance))) for _ in range(1000))
    assert len(outcomes) > 1


@pytest.mark.slow
def test_other_programs_texts_spoilt(tmp_path: Path) -> None:
    chance = random.Random(14)
    graph = dumped(simple_graph())
    whole = png(tmp_path / "a.png", parameters=PARAMETERS, prompt=graph).read_bytes()
    start = replace(RECIPE.request, stages=())  # theirs are large already

    def use(texts: dict[str, str]) -> str:
        recipe = parse_foreign_recipe(texts)
        if recipe is None:
            return "none"
        LIMITS.check(with_foreign(start, recipe, LIMITS))
        json.dumps([recipe.prompt, recipe.sampler], ensure_ascii=False).encode()
        return "read"

    def use_file(data: bytes) -> str:
        try:
            return use(read_metadata_texts(data))
        except BrokenFileError:
            return "broken"

    outcomes = Counter[str]()
    for _ in range(1000):
        spoilt = spoilt_json(graph, chance)
        outcomes[tried(partial(use, {"prompt": spoilt}))] += 1
        text = spoilt_bytes(PARAMETERS.encode(), chance).decode(errors="surrogateescape")
        outcomes[tried(partial(use, {"parameters": text}))] += 1
        outcomes[tried(partial(use_file, spoilt_bytes(whole, chance)))] += 1
    assert outcomes["read"] > 500
