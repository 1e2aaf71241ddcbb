"""Which prompts are outside nano's world, by their words alone, in each of its languages."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from generator.nano import captions, languages, world
from generator.nano.unknown_words import find_unknown_words
from generator.nano.vocabulary import all_learnt


@pytest.mark.slow
def test_no_caption_that_nano_learnt_from_is_foreign_to_it() -> None:
    rng = np.random.default_rng(11)
    for _ in range(3000):
        caption, _, _ = captions.draw_caption(rng)
        told = set(itertools.chain(*map(str.split, find_unknown_words(caption))))
        assert not told & all_learnt(), caption  # words from outside are told


@pytest.mark.slow
def test_no_plain_caption_of_one_object_or_two_is_foreign() -> None:
    rng = np.random.default_rng(12)
    for _ in range(1000):
        for attributes in (world.draw_attributes(rng), world.draw_pair(rng)):
            caption = captions.plain_caption(rng, attributes)
            assert find_unknown_words(caption) == [], caption


@pytest.mark.slow
@pytest.mark.parametrize("language", languages.LANGUAGES)
def test_no_caption_of_a_language_is_foreign(language: str) -> None:
    rng = np.random.default_rng(13)
    for _ in range(1000):
        caption = languages.caption(rng, language, world.draw_attributes(rng))
        assert find_unknown_words(caption) == [], caption


@pytest.mark.parametrize(
    "prompt",
    [
        "a red ball bouncing on a black background",
        "Please make a big red circle jump up and down, dark background",
        "show me a lovely blue star that turns around really slowly, on gray",
        "I'd like a GIF of a green triangle getting bigger and bigger",
        "tiny purple dot shrinking away to nothing on beige",
        "red ball, bouncing, black",
        "could you animate a white star spinning like crazy on a dark blue background?",
        "A (red:1.4) BALL",
        "traingle, green, growing",
        "a bright yelow sqare",
        "one azure circle that keeps hopping nonstop",
        "an emerald star, rotating clockwise",
        "a blue block moves right, seamless loop, high quality, 4k",
        "something red moving left",
        "a 5 pointed star, then a five pointed star",
        "8 frames of a ball, 30 fps, 2 seconds",
    ],
)
def test_everyday_wording_of_nano_s_world(prompt: str) -> None:
    assert find_unknown_words(prompt) == []


@pytest.mark.parametrize(
    "prompt",
    [
        "a red ball and a green triangle",
        "a red ball next to a blue ball, both bouncing",
        "two balls, one red and one blue, moving left",
        "two shapes: a white star and an orange square",
        "a blue star with a yellow cube. The star and the cube are spinning.",
        "ein blaues Dreieck und ein grüner Stern drehen sich",
        "zwei Bälle, rot und blau, hüpfen",
        "un petit carré bleu et un triangle vert tournent lentement",
        "una estrella verde junto a un cuadrado azul, girando",
        "赤いボールと青い星が一緒に回転する",
        "2つのボール、赤と青",
    ],
)
def test_two_objects_are_of_nano_s_world(prompt: str) -> None:
    assert find_unknown_words(prompt) == []


@pytest.mark.parametrize(
    "prompt",
    [
        "a ball, not red",
        "a star, but not on black",
        "a ball, not pink",
        "a red ball, not on a white background",
        "a square that isn't blue, on a background which is not beige",
        "a red ball and a blue square, without a star",
        "ein Ball, aber nicht rot",
        "une étoile, pas jaune",
        "una pelota que no es roja",
        "赤ではないボール",
    ],
)
def test_what_is_said_to_be_absent_is_not_told(prompt: str) -> None:
    assert find_unknown_words(prompt) == []


@pytest.mark.parametrize(
    "prompt",
    [
        "Ein roter Ball hüpft auf schwarzem Hintergrund",
        "mach mir bitte ein GIF von einem kleinen weißen Quadrat, das immer größer wird",
        "eine gelbe Kugel bewegt sich langsam nach links vor grauem Hintergrund",
        "gruener Stern dreht sich, dunkelblauer Hintergrund",
        "etwas Rotes hüpft auf und ab",
        "lila Dreieck, rotierend, beige",
        "un cercle violet se déplace vers la gauche de l'écran",
        "dessine-moi une étoile jaune qui grandit sur fond bleu marine",
        "une balle rouge qui rebondit sur un fond noir",
        "quelque chose de rouge qui rebondit",
        "etoile blanche qui tourne, fond gris",
        "un carré orange qui monte doucement, en boucle",
        "una pelota roja que rebota sobre fondo negro",
        "quiero ver una estrella amarilla que crece poco a poco",
        "un circulo naranja se mueve hacia la derecha, fondo gris",
        "algo azul que gira",
        "triángulo morado cayendo despacio",
        "赤いボールが黒い背景で跳ねる",
        "青い四角が右に動いている、灰色の背景",
        "黄色い星がゆっくり回っているアニメーション",
        "緑の三角がだんだん大きくなる、紺色の背景",
        "白い丸が左から右へ移動します",
        "黒背景で赤い丸が弾んでいます",
        "オレンジ色のボールがぴょんぴょん跳ねるGIFを作ってください",
        "赤い円、ループ、4K",
        "何か赤いものが回る",
    ],
)
def test_everyday_wording_in_other_languages(prompt: str) -> None:
    assert find_unknown_words(prompt) == []


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a camel smoking a cigarette", ["camel", "smoking", "cigarette"]),
        ("a red car moving left on a black background", ["car"]),
        ("a pink ball bouncing", ["pink"]),
        ("a red ball in a kitchen", ["kitchen"]),
        ("a red ball bouncing next to a dog", ["dog"]),
        ("two red balls bouncing", ["two"]),
        ("two red balls and a blue star", ["two"]),
        ("3 red balls", ["3"]),
        ("five stars spinning", ["five"]),
        ("a red ball, a blue square and a green star", ["green star"]),
        ("a red ball, a blue ball and a green ball", ["green ball"]),
        ("a blue square on a green background", ["green"]),
        ("a hexagon spinning", ["hexagon"]),
        ("a blue ring", ["ring"]),
        ("красный мяч", ["красный", "мяч"]),
    ],
)
def test_what_nano_has_no_picture_of(prompt: str, words: list[str]) -> None:
    assert find_unknown_words(prompt) == words


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("ein Hund läuft im Park", ["hund", "läuft", "park"]),
        ("ein roter Ball in der Küche", ["küche"]),
        ("ein rosa Ball", ["rosa"]),
        ("drei rote Bälle hüpfen", ["drei"]),
        ("ein roter Ball auf weißem Hintergrund", ["weißem"]),
        ("un chat qui dort", ["chat", "dort"]),
        ("une balle rouge et un chat", ["chat"]),
        ("une balle rouge à côté d'un chien", ["chien"]),
        ("l'éléphant dans la cuisine", ["éléphant", "cuisine"]),
        ("une étoile sur fond vert", ["vert"]),
        ("un rond rouge, un carré bleu et une étoile verte", ["étoile verte"]),
        ("un gato duerme en el sofá", ["gato", "duerme", "sofá"]),
        ("una pelota roja en la cocina", ["cocina"]),
        ("una pelota roja al lado de un perro", ["perro"]),
        ("dos pelotas rojas", ["dos"]),
        ("un cuadrado rojo sobre fondo verde", ["verde"]),
        ("猫", ["猫"]),
        ("猫が走る", ["猫", "走る"]),
        ("台所で赤いボールが跳ねる", ["台所"]),
        ("赤いボールと人形", ["人形"]),
        ("とりがとぶ", ["とり"]),
        ("ピンクのボール", ["ピンク"]),
        ("3つの赤いボール", ["3つ"]),
        ("白い背景の赤いボール", ["白い"]),
        ("赤いボールと青い四角と緑の星", ["緑の星"]),
        ("红色的球", ["红色的球"]),  # Chinese, which it hasn't learnt
    ],
)
def test_what_it_has_no_picture_of_in_other_languages(prompt: str, words: list[str]) -> None:
    assert find_unknown_words(prompt) == words
