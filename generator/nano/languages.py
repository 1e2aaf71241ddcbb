"""Captions in German, French, Spanish and Japanese: everyday sentences of one object. No models.

A noun brings its gender, a colour agrees with it. Japanese is written without spaces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from generator.nano import world

Words = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Language:
    """The words of a language. Colours come as masculine, feminine and neuter.

    ``shapes`` are written with their article, and begin with their gender: "m un cercle {}".
    ``bases`` are words that agree with nothing, of colours and of grounds.
    Patterns have the fields thing, does and ground, and those with ``bases`` noun, base and bottom.
    """

    colors: dict[str, tuple[tuple[str, str, str], ...]]
    shapes: Words
    motions: Words
    grounds: Words
    patterns: tuple[str, ...]
    bases: dict[str, str] = field(default_factory=dict)
    base_patterns: tuple[str, ...] = ()


def _invariable(*words: str) -> tuple[tuple[str, str, str], ...]:
    return tuple((word, word, word) for word in words)


def _german(*stems: str) -> tuple[tuple[str, str, str], ...]:
    return tuple((f"{stem}er", f"{stem}e", f"{stem}es") for stem in stems)


LANGUAGES: dict[str, Language] = {
    "de": Language(
        colors={
            "red": _german("rot"), "green": _german("grün"), "blue": _german("blau"),
            "yellow": _german("gelb"), "purple": (*_invariable("lila"), *_german("violett")),
            "orange": (*_invariable("orange"), *_german("orangefarben")), "white": _german("weiß"),
            "cyan": (*_german("türkis"), *_german("cyanfarben")),
        },
        shapes={
            "ball": ("m ein {} Ball", "m ein {} Kreis", "m ein {} Ball", "f eine {} Kugel"),
            "square": ("n ein {} Quadrat", "m ein {} Würfel"),
            "triangle": ("n ein {} Dreieck",), "star": ("m ein {} Stern",),
        },
        motions={
            "moving left": ("bewegt sich nach links", "geht nach links", "gleitet nach links"),
            "moving right": ("bewegt sich nach rechts", "geht nach rechts", "gleitet nach rechts"),
            "moving up": ("bewegt sich nach oben", "steigt auf", "steigt nach oben"),
            "moving down": ("bewegt sich nach unten", "fällt", "sinkt", "fällt nach unten"),
            "bouncing": ("hüpft", "springt auf und ab"),
            "growing": ("wächst", "wird größer"), "shrinking": ("schrumpft", "wird kleiner"),
            "spinning": ("dreht sich", "rotiert", "dreht sich im Kreis"),
        },
        grounds={
            "black": ("schwarzem", "schwarzem", "tiefschwarzem"), "gray": ("grauem",),
            "navy": ("dunkelblauem", "marineblauem"), "beige": ("beigem", "sandfarbenem"),
        },
        patterns=(
            "{thing} {does} auf {ground} Hintergrund", "{thing} {does} vor {ground} Hintergrund",
            "auf {ground} Hintergrund: {thing} {does}", "{thing} auf {ground} Hintergrund {does}",
            "{thing}, {does}, vor {ground} Hintergrund", "{thing} mit {ground} Hintergrund {does}",
        ),
        bases={
            "red": "Rot", "green": "Grün", "blue": "Blau", "yellow": "Gelb", "purple": "Lila",
            "orange": "Orange", "white": "Weiß", "cyan": "Türkis", "black": "Schwarz",
            "gray": "Grau", "navy": "Dunkelblau", "beige": "Beige",
        },
        base_patterns=(
            "{noun} in {base} {does}, der Hintergrund ist {bottom}",
            "{noun}, {base}, {does}, Hintergrund: {bottom}",
            "{noun} in {base} {does} auf {bottom}", "Hintergrund {bottom}, {noun} in {base} {does}",
        ),
    ),
    "fr": Language(
        colors={
            "red": _invariable("rouge"), "green": (("vert", "verte", "vert"),),
            "blue": (("bleu", "bleue", "bleu"),), "yellow": _invariable("jaune"),
            "purple": (("violet", "violette", "violet"),), "orange": _invariable("orange"),
            "white": (("blanc", "blanche", "blanc"),), "cyan": _invariable("cyan", "turquoise"),
        },
        shapes={
            "ball": ("f une balle {}", "m un cercle {}", "m un ballon {}"),
            "square": ("m un carré {}", "m un cube {}"),
            "triangle": ("m un triangle {}",), "star": ("f une étoile {}",),
        },
        motions={
            "moving left": ("se déplace vers la gauche", "va à gauche", "glisse vers la gauche"),
            "moving right": ("se déplace vers la droite", "va à droite", "glisse vers la droite"),
            "moving up": ("monte", "se déplace vers le haut", "va vers le haut"),
            "moving down": ("descend", "tombe", "se déplace vers le bas", "va vers le bas"),
            "bouncing": ("rebondit", "saute", "fait des bonds"),
            "growing": ("grandit", "grossit", "devient plus grand"),
            "shrinking": ("rétrécit", "rapetisse", "devient plus petit"),
            "spinning": ("tourne", "tourne en rond", "pivote", "tourne sur place"),
        },
        grounds={
            "black": ("noir",), "gray": ("gris",), "navy": ("bleu marine", "bleu foncé"),
            "beige": ("beige", "sable"),
        },
        patterns=(
            "{thing} {does} sur fond {ground}", "{thing} {does} sur un fond {ground}",
            "sur fond {ground}, {thing} {does}", "{thing} qui {does} sur un fond {ground}",
            "{thing} qui {does} devant un fond {ground}", "{thing}, fond {ground}, {does}",
        ),
    ),
    "es": Language(
        colors={
            "red": (("rojo", "roja", "rojo"),), "green": _invariable("verde"),
            "blue": _invariable("azul"), "yellow": (("amarillo", "amarilla", "amarillo"),),
            "purple": (("morado", "morada", "morado"), *_invariable("violeta")),
            "orange": _invariable("naranja"), "white": (("blanco", "blanca", "blanco"),),
            "cyan": _invariable("cian", "turquesa"),
        },
        shapes={
            "ball": ("f una pelota {}", "f una bola {}", "m un círculo {}"),
            "square": ("m un cuadrado {}", "m un cubo {}"),
            "triangle": ("m un triángulo {}",), "star": ("f una estrella {}",),
        },
        motions={
            "moving left": ("se mueve a la izquierda", "va hacia la izquierda"),
            "moving right": ("se mueve a la derecha", "va hacia la derecha"),
            "moving up": ("sube", "se mueve hacia arriba", "va hacia arriba"),
            "moving down": ("baja", "cae", "se mueve hacia abajo", "va hacia abajo"),
            "bouncing": ("rebota", "salta", "da botes"),
            "growing": ("crece", "se hace más grande"),
            "shrinking": ("encoge", "se encoge", "se hace más pequeño"),
            "spinning": ("gira", "da vueltas", "rota"),
        },
        grounds={
            "black": ("negro",), "gray": ("gris",), "navy": ("azul marino", "azul oscuro"),
            "beige": ("beige", "arena"),
        },
        patterns=(
            "{thing} {does} sobre fondo {ground}", "{thing} {does} en un fondo {ground}",
            "sobre un fondo {ground}, {thing} {does}", "{thing} que {does} sobre fondo {ground}",
            "{thing} que {does} en un fondo {ground}", "{thing}, fondo {ground}, {does}",
        ),
    ),
    "ja": Language(
        colors={
            "red": _invariable("赤い", "赤の", "赤色の"), "green": _invariable("緑の", "緑色の"),
            "blue": _invariable("青い", "青の", "青色の"),
            "yellow": _invariable("黄色い", "黄色の"),
            "purple": _invariable("紫の", "紫色の"),
            "orange": _invariable("オレンジの", "オレンジ色の"),
            "white": _invariable("白い", "白の"), "cyan": _invariable("水色の", "シアンの"),
        },
        shapes={
            "ball": ("n {}ボール", "n {}丸", "n {}円", "n {}球"),
            "square": ("n {}四角", "n {}四角形", "n {}正方形"),
            "triangle": ("n {}三角", "n {}三角形"), "star": ("n {}星", "n {}星形"),
        },
        motions={
            "moving left": ("左に動く", "左へ動く", "左に移動する", "左へ進む"),
            "moving right": ("右に動く", "右へ動く", "右に移動する", "右へ進む"),
            "moving up": ("上に動く", "上がる", "上へ移動する", "上昇する"),
            "moving down": ("下に動く", "落ちる", "下へ移動する", "下がる"),
            "bouncing": ("跳ねる", "弾む", "ジャンプする"),
            "growing": ("大きくなる", "拡大する"), "shrinking": ("小さくなる", "縮む"),
            "spinning": ("回る", "回転する", "回転している"),
        },
        grounds={
            "black": ("黒い", "黒の"), "gray": ("灰色の", "グレーの"),
            "navy": ("紺色の", "濃い青の"), "beige": ("ベージュの", "ベージュ色の"),
        },
        patterns=(
            "{ground}背景で{thing}が{does}", "{thing}が{does}、{ground}背景",
            "{ground}背景に{thing}、{does}", "{thing}が{ground}背景の前で{does}",
            "{ground}背景の上を{thing}が{does}", "{does}{thing}、{ground}背景",
            "{thing}、{does}、{ground}背景", "{does}{thing}の動画、{ground}背景",
            "{ground}背景の前で{does}{thing}のイラスト",
        ),
    ),
}  # fmt: skip
_GENDERS = "mfn"


def caption(rng: np.random.Generator, language: str, attributes: world.Attributes) -> str:
    """Return one sentence that says all of a clip, in a language of ``LANGUAGES``."""
    words = LANGUAGES[language]
    gender, noun = _pick(rng, words.shapes[attributes.shape]).split(" ", 1)
    shades = words.colors[attributes.color]
    color = shades[int(rng.integers(len(shades)))][_GENDERS.index(gender)]
    pattern = _pick(rng, words.patterns + words.base_patterns)
    return pattern.format(
        noun=noun.replace("{} ", ""),
        base=words.bases.get(attributes.color, ""),
        bottom=words.bases.get(attributes.background, ""),
        thing=noun.format(color),
        does=_pick(rng, words.motions[attributes.motion]),
        ground=_pick(rng, words.grounds[attributes.background]),
    )


def every_phrase(language: str) -> Iterator[str]:
    """Return all that a language's captions are made of."""
    words = LANGUAGES[language]
    for forms in words.colors.values():
        for genders in forms:
            yield from genders
    for table in (words.motions, words.grounds):
        for phrases in table.values():
            yield from phrases
    for phrases in words.shapes.values():
        yield from (phrase.split(" ", 1)[1].replace("{}", "").strip() for phrase in phrases)
    yield from words.bases.values()
    for pattern in words.patterns + words.base_patterns:
        yield pattern.format(thing="", does="", ground="", noun="", base="", bottom="")


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]
