"""Recipes of earlier versions still make what they made: an empty negative prompt was none."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from generator.__main__ import main
from generator.contract.messages import Request
from generator.recipes.recipe import Recipe, read_recipe
from tests.generator.media.pictures import read_back

# Made by version 0.1.0 before None and "" were told apart; its recipe holds "".
OLD = Path(__file__).parents[2] / "data" / "recipes" / "before_none_and_empty.gif"


def frames_of(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return read_back(path.read_bytes()).frames.astype(int)


def test_an_empty_negative_prompt_of_an_earlier_version_is_none() -> None:
    recipe = read_recipe(OLD)
    assert recipe is not None
    assert recipe.request.negative_prompt is None
    row = {"negative_prompt": "", **{key: value for key, value in recipe.request.to_dict().items()
                                     if key not in ("version", "negative_prompt")}}  # fmt: skip
    assert Request.from_dict(row) == recipe.request
    assert Request.from_dict(row | {"negative_prompt": "x"}).negative_prompt == "x"


def test_this_version_s_requests_keep_none_and_empty_apart() -> None:
    recipe = read_recipe(OLD)
    assert recipe is not None
    for negative in (None, "", "blurry"):
        values = recipe.request.to_dict() | {"negative_prompt": negative}
        assert Request.from_dict(values).negative_prompt == negative
        asked = Recipe(request=Request.from_dict(values), setup=recipe.setup)
        assert Recipe.from_json(asked.to_json()) == asked


def test_its_gif_is_made_without_one_and_an_empty_text_makes_another(tmp_path: Path) -> None:
    """Its own pixels are of weights that don't ship any more."""
    again, same, other = (tmp_path / f"{name}.gif" for name in ("again", "same", "other"))
    assert main(["gif", "--from", str(OLD), "--output", str(again)]) == 0
    without = read_recipe(again)
    assert without is not None
    assert without.request.negative_prompt is None
    assert main(["gif", "--from", str(again), "--output", str(same)]) == 0
    assert same.read_bytes() == again.read_bytes()
    line = ["gif", "--from", str(OLD), "--negative-prompt", "", "--output", str(other)]
    assert main(line) == 0
    assert np.abs(frames_of(other) - frames_of(again)).mean() > 0.7
    made = read_recipe(other)
    assert made is not None
    assert made.request.negative_prompt == ""
