"""English isn't remarked on, other languages are."""

from __future__ import annotations

import pytest

from bot.ui.prompt_language import is_foreign

ENGLISH = (
    "a red ball bouncing on a black background",
    "cyberpunk city, neon, rain, 8k, masterpiece",
    "La La Land poster, art deco",
    "le mans race car drifting",
    "a die rolling, the con man in Las Vegas",
    "spiderman vs. el chapo",
    "café at night",
    "",
    "1girl, solo, 🎈",
    "naruto running (anime:1.2)",
)
OTHERS = (
    "ein roter Ball auf schwarzem Grund",
    "roter Ball mit Hut",
    "une balle rouge qui rebondit",
    "le chat mange du poisson",
    "una pelota roja",
    "el perro corre por la playa",
    "赤いボールが跳ねる",
    "красный мяч прыгает",
    "une étoile, 8k, masterpiece",
    "un gatto che dorme",
    "كرة حمراء",
)


@pytest.mark.parametrize("prompt", ENGLISH)
def test_english_is_no_matter(prompt: str) -> None:
    assert not is_foreign(prompt)


@pytest.mark.parametrize("prompt", OTHERS)
def test_other_languages_are_noticed(prompt: str) -> None:
    assert is_foreign(prompt)
