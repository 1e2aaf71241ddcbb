"""The prompts that nano is measured with, by suite, and the bars that it is to reach.

Half the plain prompts are of combinations that training never saw, all are in wordings that it
never saw; words from outside, negations and other languages are worded as training doesn't.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from generator.media.clip import Frames
from generator.nano import measure, world

SEED = 2_000_000  # far from any that training draws
COLOR_WORDS = {"purple": "violet", "cyan": "turquoise"}
_SHAPES = {"ball": ("ball", "circle", "disc"), "square": ("square", "box"),
           "triangle": ("triangle",), "star": ("star",)}  # fmt: skip
_BACKGROUNDS = {"gray": ("gray", "grey"), "navy": ("navy", "navy blue")}
_MOTIONS = {
    "moving left": ("moving left", "going to the left", "on its way to the left"),
    "moving right": ("moving right", "going to the right", "on its way to the right"),
    "moving up": ("moving up", "rising", "going upwards"),
    "moving down": ("moving down", "falling", "going downwards"),
    "bouncing": ("bouncing", "that keeps bouncing", "jumping"),
    "growing": ("growing", "getting bigger", "that becomes larger"),
    "shrinking": ("shrinking", "getting smaller", "that becomes smaller"),
    "spinning": ("spinning", "rotating", "that keeps turning"),
}
_SENTENCES = (
    "{a} {color} {shape} {motion} on a {background} background",
    "on a {background} backdrop there is {a} {color} {shape} {motion}",
    "a clean drawing with {a} {color} {shape}, {motion}, and a {background} background behind it",
    "{motion}, {a} {color} {shape}; {background} backdrop",
    "we see {a} {shape} in {color}, {motion}, everything behind it is {background}",
    "my favourite {color} {shape} {motion} before a plain {background} background",
)
_OUTSIDE = (
    "a hedgehog knitting socks", "the parliament in spring, watercolour", "grandmother's accordion",
    "two lawyers arguing about tax", "a submarine under the ice, documentary", "spaghetti",
    "quantum turbulence, hyperdetailed matte oil", "a lighthouse keeper sneezes", "jazz quartet",
    "an otter juggling pebbles near the canal", "sunflowers by van gogh", "breakdancing penguins",
)  # fmt: skip
_STRANGERS = ("hedgehog", "parliament", "accordion", "velvet", "gothic", "samurai", "origami",
              "sneezing", "on stilts", "by picasso", "in antarctica", "holographic")  # fmt: skip
_DENIALS = {
    "background": ("{a} {color} {shape} {motion}, but definitely not on {absent}",
                   "{a} {color} {shape} {motion} with a background that is not {absent}"),
    "color": ("{a} {shape} {motion} on a {background} background, it must not be {absent}",
              "{a} {shape} that isn't {absent}, {motion}, {background} background"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A prompt with what it asks for; ``absent`` is an attribute and what it must not be."""

    prompt: str
    attributes: world.Attributes
    seed: int
    negative_prompt: str | None = None
    absent: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """Prompts of one kind, and the least share of clips in which each check is to be right."""

    draw: Callable[[np.random.Generator, int], Case]
    bars: Mapping[str, float]

    def cases(self, count: int, seed: int = SEED) -> Iterator[Case]:
        """Yield the first prompts, the same ones each time."""
        rng = np.random.default_rng(seed)
        for index in range(count):
            case = self.draw(rng, index)
            yield replace(case, seed=seed + index)


def checks(case: Case, frames: Frames) -> dict[str, bool]:
    """Return all that can be told of a clip (f, h, w, 3) that a case was made into."""
    colors, shapes = measure.colors_by_frame(frames), measure.shapes_by_frame(frames)
    seen = measure.measure_clip(frames)
    wanted = case.attributes
    found = {
        name: seen is not None and getattr(seen, name) == getattr(wanted, name)
        for name in ("color", "background", "shape", "motion")
    }
    found["steady"] = seen is not None and seen.is_steady
    found["motion throughout"] = measure.moves_throughout(frames, wanted.motion)
    found["one object"] = measure.is_one_object(frames)
    found["shape in every frame"] = set(shapes) == {wanted.shape}
    found["color steady"] = len(set(colors)) == 1 and "" not in colors
    if case.absent is not None:
        name, value = case.absent
        found["absent"] = seen is not None and getattr(seen, name) != value
    if wanted.other is not None:
        both = measure.measure_things(frames, (wanted.color, wanted.other.color))
        found["both there"] = all("" not in one for one in both)
        names = (wanted.shape, wanted.other.shape)
        found["both shapes"] = all(
            one.count(name) > len(one) / 2 for one, name in zip(both, names, strict=True)
        )
    return found


def _plain(rng: np.random.Generator, index: int) -> Case:
    attributes = world.draw_attributes(rng, held_out=index % 2 == 0)
    return Case(_worded(rng, attributes), attributes, 0)


def _spinning(rng: np.random.Generator, index: int) -> Case:
    while True:
        attributes = world.draw_attributes(rng, held_out=index % 2 == 0)
        if attributes.motion == "spinning" and attributes.shape != "ball":
            return Case(_worded(rng, attributes), attributes, 0)


def _pair(rng: np.random.Generator, index: int) -> Case:
    del index
    attributes = world.draw_pair(rng)
    other = attributes.other or world.Thing("red", "ball")
    first = f"{_an(attributes.color)} {attributes.color} {attributes.shape}"
    second = f"{_an(other.color)} {other.color} {other.shape}"
    motion = _pick(rng, _MOTIONS[attributes.motion][:2])
    pattern = _pick(rng, ("{} together with {}, both {}, on a {} background",
                          "{} and {} {} before a plain {} background"))  # fmt: skip
    return Case(pattern.format(first, second, motion, attributes.background), attributes, 0)


def _strangers(rng: np.random.Generator, index: int) -> Case:
    attributes = world.draw_attributes(rng)
    if index % 2:
        return Case(_pick(rng, _OUTSIDE), attributes, 0)
    words = _worded(rng, attributes).split(" ")
    for _ in range(3):
        words.insert(int(rng.integers(len(words) + 1)), _pick(rng, _STRANGERS))
    return Case(" ".join(words), attributes, 0)


def _denied(rng: np.random.Generator, index: int) -> Case:
    name = "background" if index % 2 else "color"
    return _without(rng, name, _pick(rng, _DENIALS[name]))


def _negative(rng: np.random.Generator, index: int) -> Case:
    """Leave something open in the prompt, and name one of its values in the negative prompt."""
    name = "background" if index % 2 else "color"
    pattern = {
        "background": "{a} {color} {shape} {motion}",
        "color": "{a} {shape} {motion} on a {background} background",
    }[name]
    case = _without(rng, name, pattern)
    absent = case.absent[1] if case.absent else ""
    return replace(case, negative_prompt=f"{absent} background" if name == "background" else absent)


def _without(rng: np.random.Generator, name: str, pattern: str) -> Case:
    attributes = world.draw_attributes(rng)
    names = tuple(world.BACKGROUNDS if name == "background" else world.COLORS)
    absent = _pick(rng, tuple(one for one in names if one != getattr(attributes, name)))
    first = attributes.color if "{color}" in pattern else attributes.shape
    prompt = pattern.format(
        a=_an(first),
        color=attributes.color,
        shape=attributes.shape,
        motion=_pick(rng, _MOTIONS[attributes.motion][:2]),
        background=attributes.background,
        absent=absent,
    )
    return Case(prompt, attributes, 0, absent=(name, absent))


@dataclass(frozen=True, slots=True)
class _Words:
    """A language's words for cases, worded as no caption of training is."""

    pattern: str
    colors: tuple[str, ...]  # as world.COLORS has them
    shapes: tuple[str, ...]
    motions: tuple[str, ...]
    grounds: tuple[str, ...]


_LANGUAGES = {
    "de": _Words(
        "ein Film: {shape} in {color}, {motion}, Hintergrund in {ground}",
        ("Rot", "Grün", "Blau", "Gelb", "Lila", "Orange", "Weiß", "Türkis"),
        ("ein Kreis", "ein Quadrat", "ein Dreieck", "ein Stern"),
        ("bewegt sich nach links", "bewegt sich nach rechts", "bewegt sich nach oben",
         "fällt nach unten", "hüpft", "wird größer", "wird kleiner", "dreht sich"),
        ("Schwarz", "Grau", "Dunkelblau", "Beige"),
    ),
    "fr": _Words(
        "un dessin avec {shape} {color} qui {motion}, le fond est {ground}",
        ("rouge", "vert", "bleu", "jaune", "violet", "orange", "blanc", "turquoise"),
        ("un cercle", "un carré", "un triangle", "une étoile"),
        ("va vers la gauche", "va vers la droite", "monte", "descend", "rebondit", "grandit",
         "rapetisse", "tourne"),
        ("noir", "gris", "bleu marine", "beige"),
    ),
    "es": _Words(
        "un dibujo con {shape} {color} que {motion}, el fondo es {ground}",
        ("rojo", "verde", "azul", "amarillo", "violeta", "naranja", "blanco", "turquesa"),
        ("un círculo", "un cuadrado", "un triángulo", "una estrella"),
        ("va a la izquierda", "va a la derecha", "sube", "baja", "rebota", "crece", "encoge",
         "gira"),
        ("negro", "gris", "azul marino", "beige"),
    ),
    "ja": _Words(
        "{ground}背景、{color}{shape}、{motion}アニメ",
        ("赤い", "緑の", "青い", "黄色い", "紫の", "オレンジの", "白い", "水色の"),
        ("丸", "四角", "三角", "星"),
        ("左に動く", "右に動く", "上がる", "落ちる", "跳ねる", "大きくなる", "小さくなる", "回る"),
        ("黒い", "灰色の", "紺色の", "ベージュの"),
    ),
}  # fmt: skip


def _in_language(language: str) -> Callable[[np.random.Generator, int], Case]:
    words = _LANGUAGES[language]

    def draw(rng: np.random.Generator, index: int) -> Case:
        attributes = world.draw_attributes(rng, held_out=index % 2 == 0)
        prompt = words.pattern.format(
            color=words.colors[list(world.COLORS).index(attributes.color)],
            shape=words.shapes[world.SHAPES.index(attributes.shape)],
            motion=words.motions[world.MOTIONS.index(attributes.motion)],
            ground=words.grounds[list(world.BACKGROUNDS).index(attributes.background)],
        )
        return Case(prompt, attributes, 0)

    return draw


def _worded(rng: np.random.Generator, attributes: world.Attributes) -> str:
    color = attributes.color
    if color in COLOR_WORDS and rng.random() < 0.3:
        color = COLOR_WORDS[color]
    return _pick(rng, _SENTENCES).format(
        a=_an(color),
        color=color,
        shape=_pick(rng, _SHAPES[attributes.shape]),
        motion=_pick(rng, _MOTIONS[attributes.motion]),
        background=_pick(rng, _BACKGROUNDS.get(attributes.background, (attributes.background,))),
    )


def _an(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]


BARS = {"color": 0.97, "background": 0.97, "shape": 0.87, "motion": 0.92, "steady": 0.97}
LONG_BARS = {"motion throughout": 0.85, "shape": 0.85}  # of 16 and 24 frames
SIZE_BARS = {"one object": 0.85, "shape": 0.85}  # of other sizes than the native one
_LANGUAGE_BARS = {"color": 0.85, "background": 0.85, "shape": 0.85}
SUITES = {
    "plain": Suite(_plain, BARS),
    "spinning": Suite(_spinning, {"shape in every frame": 0.85}),
    "pairs": Suite(_pair, {"both there": 0.80, "both shapes": 0.0}),
    "strangers": Suite(_strangers, {"color steady": 0.95}),
    "denied": Suite(_denied, {"absent": 0.85}),
    "negative": Suite(_negative, {"absent": 0.85}),
} | {language: Suite(_in_language(language), _LANGUAGE_BARS) for language in _LANGUAGES}
