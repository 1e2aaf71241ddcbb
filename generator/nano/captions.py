"""Captions in varied natural wording, in any order, with words from outside. No models here.

A caption may leave attributes unsaid; then the clip's are up to chance, but never what the caption
says is absent.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from generator.nano import languages, world

COLOR_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("red", "red", "red", "bright red", "crimson", "scarlet"),
    "green": ("green", "green", "green", "bright green", "emerald"),
    "blue": ("blue", "blue", "blue", "bright blue", "azure"),
    "yellow": ("yellow", "yellow", "yellow", "bright yellow", "golden"),
    "purple": ("purple", "purple", "purple", "violet"),
    "orange": ("orange", "orange", "orange", "bright orange"),
    "white": ("white", "white", "white", "snow white"),
    "cyan": ("cyan", "cyan", "cyan", "turquoise", "aqua"),
}
SHAPE_WORDS: dict[str, tuple[str, ...]] = {
    "ball": ("ball", "ball", "circle", "circle", "disc", "disk", "dot", "sphere", "round ball"),
    "square": ("square", "square", "square", "box", "block", "cube"),
    "triangle": ("triangle", "triangle", "triangle", "pyramid"),
    "star": ("star", "star", "star", "five-pointed star"),
}
BACKGROUND_WORDS: dict[str, tuple[str, ...]] = {
    "black": ("black", "black", "black", "pitch black", "jet black"),
    "gray": ("gray", "gray", "grey", "grey"),
    "navy": ("navy", "navy", "navy blue", "dark blue", "deep blue"),
    "beige": ("beige", "beige", "beige", "cream", "sand colored", "tan"),
}
WAYS = {
    "left": ("left", "to the left", "towards the left", "leftwards", "leftward", "right to left",
             "from right to left", "to the left side", "from the right to the left"),
    "right": ("right", "to the right", "towards the right", "rightwards", "rightward",
              "left to right", "from left to right", "to the right side",
              "from the left to the right"),
    "up": ("up", "upwards", "upward", "to the top", "towards the top", "from bottom to top",
           "from the bottom to the top", "up high"),
    "down": ("down", "downwards", "downward", "to the bottom", "towards the bottom",
             "from top to bottom", "from the top to the bottom", "to the ground"),
}  # fmt: skip
GO = ("moving", "moving", "going", "going", "sliding", "drifting", "gliding", "traveling",
       "flying", "heading", "floating", "running", "passing", "shifting")  # fmt: skip
MOTION_WORDS: dict[str, tuple[str, ...]] = {
    "bouncing": ("bouncing", "bouncing", "bouncing up and down", "hopping", "jumping",
                 "jumping up and down", "hopping up and down", "bouncing on the floor"),
    "growing": ("growing", "growing", "getting bigger", "getting larger", "becoming bigger",
                "expanding", "swelling", "inflating", "increasing in size", "growing bigger",
                "enlarging", "scaling up"),
    "shrinking": ("shrinking", "shrinking", "getting smaller", "becoming smaller", "contracting",
                  "dwindling", "deflating", "decreasing in size", "growing smaller",
                  "scaling down", "getting tiny"),
    "spinning": ("spinning", "spinning", "rotating", "rotating", "turning", "turning around",
                 "twirling", "whirling", "revolving", "spinning around",
                 "rotating in place"),
}  # fmt: skip
ALONE = {"up": ("rising", "rising", "climbing", "ascending", "lifting off", "soaring"),
          "down": ("falling", "falling", "sinking", "descending", "dropping"),
          "left": (), "right": ()}  # fmt: skip
FINITE = {
    "moving": "moves", "going": "goes", "sliding": "slides", "drifting": "drifts",
    "gliding": "glides", "traveling": "travels", "flying": "flies", "heading": "heads",
    "floating": "floats", "running": "runs", "passing": "passes", "shifting": "shifts",
    "rising": "rises", "climbing": "climbs", "ascending": "ascends", "lifting": "lifts",
    "soaring": "soars", "falling": "falls", "sinking": "sinks", "descending": "descends",
    "dropping": "drops", "bouncing": "bounces", "hopping": "hops", "jumping": "jumps",
    "growing": "grows", "getting": "gets", "becoming": "becomes", "expanding": "expands",
    "swelling": "swells", "inflating": "inflates", "increasing": "increases",
    "enlarging": "enlarges", "scaling": "scales", "shrinking": "shrinks",
    "contracting": "contracts", "dwindling": "dwindles", "deflating": "deflates",
    "decreasing": "decreases", "spinning": "spins", "rotating": "rotates", "turning": "turns",
    "twirling": "twirls", "whirling": "whirls", "revolving": "revolves",
}  # fmt: skip
_BEHIND = ("on a {} background", "on a {} background", "against a {} background",
           "with a {} background", "in front of a {} background", "over a {} background",
           "on a {} backdrop", "against a {} backdrop", "with a {} backdrop", "on {}",
           "before a {} backdrop", "the background is {}", "{} background", "{} backdrop",
           "background: {}", "in a {} scene", "against {}", "on a {} canvas",
           "where the background is {}", "in front of {}", "surrounded by {}")  # fmt: skip
_OPENINGS = ("", "", "", "", "a gif of ", "an animation of ", "a clip of ", "a video of ",
             "an animated gif showing ", "show me ", "please draw ", "a short animation with ",
             "picture of ", "i want ", "make ", "render ", "imagine ", "a loop of ")  # fmt: skip
_ADJECTIVES = ("small", "big", "simple", "flat", "shiny", "little", "large", "cute", "solid",
               "plain", "bright", "lonely", "happy", "geometric", "smooth", "single", "tiny",
               "huge", "nice", "pretty", "colorful", "perfect", "colored")  # fmt: skip
_ADVERBS = ("slowly", "quickly", "smoothly", "steadily", "gently", "fast", "gracefully",
            "constantly", "across the screen", "over time", "in the frame", "again and again",
            "across the picture", "all the time", "in the air")  # fmt: skip
_ENDINGS = ("high quality", "4k", "minimalist", "vector art", "clean", "hd", "best quality",
            "flat design", "smooth animation", "masterpiece", "cartoon style", "sharp edges",
            "motion graphics", "simple shapes", "very detailed", "in a loop")  # fmt: skip
MORE_SPINNING = 0.12  # of captions: a shape that turns is hardest to draw
# Words from outside, that a picture of nano's world has no place for.
STRANGERS = tuple(
    """
    dog cat bicycle city ocean forest mountain rain music dinosaur castle robot dragon coffee summer
    winter guitar rocket planet river winner train bridge flower garden monkey pirate wizard queen
    kitchen window street market doctor teacher football laptop camera photo realistic cinematic
    portrait sunset night moon beach desert island waterfall volcano whale tiger elephant horse bird
    butterfly spider sandwich pizza cake banana apple bread cheese wine dancing singing riding
    eating sleeping walking dreaming laughing reading swimming fighting cooking painting driving
    ancient modern magical mysterious dramatic epic fantasy steampunk cyberpunk anime pixar disney
    blurry ugly deformed watermark text low quality worst lowres jpeg artifacts noisy grainy photo
    volumetric lighting bokeh unreal engine octane award winning trending astronaut knight ship
    warm cold wooden metal glass golden-hour vintage retro famous people crowd woman man child boy
    """.split()  # noqa: SIM905 - read as a text
)
_NOT = ("not {}", "but not {}", "no {}", "without {}", "never {}", "anything but {}", "not in {}",
        "isn't {}", "that is not {}", "which isn't {}", "may not be {}", "should not be {}",
        "and is not {}", "nothing {}", "can't be {}", "don't make it {}", "avoid {}")  # fmt: skip
_NOT_BEHIND = ("not on {}", "not on a {} background", "no {} background", "not a {} background",
               "without a {} background", "the background is not {}", "not against {}",
               "anything but a {} background", "non-{} background", "but not on {}",
               "the background isn't {}", "the backdrop may not be {}", "never on {}",
               "on a background which is not {}", "whose background isn't {}",
               "don't use a {} background", "avoid a {} backdrop")  # fmt: skip
_SURELY = ("certainly", "absolutely", "really", "at all", "ever", "please", "surely")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Said:
    """Which attributes a caption mentions, and which names it says are absent."""

    color: bool = True
    shape: bool = True
    motion: bool = True
    background: bool = True
    not_color: str = ""
    not_shape: str = ""
    not_background: str = ""

    def allows(self, attributes: world.Attributes) -> bool:
        """Return whether nothing is to be seen that is said to be absent."""
        return (
            attributes.color != self.not_color
            and attributes.shape != self.not_shape
            and attributes.background != self.not_background
        )


def every_phrase() -> Iterator[str]:
    """Return all that English captions are made of, words from outside left out."""
    for said in (COLOR_WORDS, SHAPE_WORDS, BACKGROUND_WORDS, MOTION_WORDS, WAYS, ALONE):
        yield from itertools.chain.from_iterable(said.values())
    yield from itertools.chain(GO, FINITE.values(), _BEHIND, _OPENINGS)
    yield from itertools.chain(_ADJECTIVES, _ADVERBS, _ENDINGS)
    yield "shape object colored that which is where one the"


def draw_said(rng: np.random.Generator, attributes: world.Attributes) -> Said:
    """Draw what is said: mostly everything; else each attribute by itself, or that it is absent."""
    chance = rng.random()
    if attributes.other or chance < 0.62:
        return Said()
    color, shape, motion, background = (bool(one < 0.6) for one in rng.random(4))
    if chance < 0.82:
        return Said(color, shape, motion, background)
    absent = {}
    for name, names, share in (
        ("color", tuple(world.COLORS), 0.35),
        ("shape", world.SHAPES, 0.2),
        ("background", tuple(world.BACKGROUNDS), 0.6),
    ):
        others = tuple(one for one in names if one != getattr(attributes, name))
        absent[name] = _pick(rng, others) if rng.random() < share else ""
    return Said(
        not absent["color"] and rng.random() < 0.8,
        not absent["shape"] and rng.random() < 0.8,
        rng.random() < 0.8,
        not absent["background"] and rng.random() < 0.8,
        absent["color"],
        absent["shape"],
        absent["background"],
    )


def draw_caption(rng: np.random.Generator) -> tuple[str, world.Attributes, Said]:
    """Draw a caption with what it says, over the combinations that training sees."""
    chance = rng.random()
    attributes = world.draw_pair(rng) if chance < 0.26 else world.draw_attributes(rng)
    turning = replace(attributes, motion="spinning")
    if rng.random() < MORE_SPINNING and not turning.held_out:
        attributes = turning
    if 0.26 <= chance < 0.42:
        language = tuple(languages.LANGUAGES)[int(rng.integers(len(languages.LANGUAGES)))]
        return languages.caption(rng, language, attributes), attributes, Said()
    if 0.42 <= chance < 0.5:
        nothing = Said(color=False, shape=False, motion=False, background=False)
        return _only_strangers(rng), attributes, nothing
    if 0.5 <= chance < 0.55:  # what stands in negative prompts has to mean something alone
        alone = _draw_one_said(rng)
        return fragment(rng, attributes, alone), attributes, alone
    said = draw_said(rng, attributes)
    return caption(rng, attributes, said), attributes, said


def plain_caption(rng: np.random.Generator, attributes: world.Attributes) -> str:
    """Return one wording of all of a clip, with no word from outside and no ending."""
    return _typed(rng, _sentence(rng, attributes, Said()).strip(" ,"))


def fragment(rng: np.random.Generator, attributes: world.Attributes, said: Said) -> str:
    """Return the few words that a negative prompt has: "red", "black background, a star"."""
    parts = []
    if said.color:
        parts.append(_pick(rng, COLOR_WORDS[attributes.color]))
    if said.shape:
        noun = _pick(rng, SHAPE_WORDS[attributes.shape])
        parts.append(_article(rng, noun) + noun if rng.random() < 0.5 else noun)
    if said.motion:
        parts.append(motion_phrase(rng, attributes.motion))
    if said.background:
        behind = _pick(rng, ("{} background", "{} background", "{} backdrop", "on {}", "{}"))
        parts.append(behind.format(_pick(rng, BACKGROUND_WORDS[attributes.background])))
    order = rng.permutation(len(parts))
    return _typed(rng, ", ".join(parts[index] for index in order))


def _draw_one_said(rng: np.random.Generator) -> Said:
    """Draw one attribute to be said alone, or now and then two."""
    chosen = rng.permutation(4)[: 1 if rng.random() < 0.75 else 2]
    color, shape, motion, background = (index in chosen for index in range(4))
    return Said(color, shape, motion, background)


def _sentence(rng: np.random.Generator, attributes: world.Attributes, said: Said) -> str:
    thing = _thing(rng, attributes, said)
    behind = _behind(rng, attributes.background) if said.background else ""
    return _arranged(rng, thing, attributes.motion if said.motion else "", behind)


def caption(rng: np.random.Generator, attributes: world.Attributes, said: Said) -> str:
    """Return one wording of what is said of a clip; may be empty when nothing is."""
    text = f"{_sentence(rng, attributes, said)}{_absent(rng, said)}"
    if rng.random() < 0.2:
        text += f", {_pick(rng, _ENDINGS)}"
    if rng.random() < 0.25:
        for _ in range(int(rng.integers(1, 5))):
            text = _with_stranger(rng, text)
    return _typed(rng, text.strip(" ,"))


def _absent(rng: np.random.Generator, said: Said) -> str:
    """Return what is said to be absent, to follow a sentence."""
    parts = []
    if said.not_color:
        parts.append(_pick(rng, _NOT).format(_pick(rng, COLOR_WORDS[said.not_color])))
    if said.not_shape:
        noun = _pick(rng, SHAPE_WORDS[said.not_shape])
        parts.append(_pick(rng, _NOT).format(_article(rng, noun) + noun))
    if said.not_background:
        behind = _pick(rng, BACKGROUND_WORDS[said.not_background])
        parts.append(_pick(rng, _NOT_BEHIND).format(behind))
    if parts and rng.random() < 0.3:
        parts[0] = f"{_pick(rng, _SURELY)} {parts[0]}"
    return "".join(f"{_pick(rng, (' ', ', '))}{part}" for part in parts)


def _thing(rng: np.random.Generator, attributes: world.Attributes, said: Said) -> str:
    if attributes.other:
        other = world.Attributes(attributes.other.color, attributes.other.shape, "", "")
        joined = _pick(rng, ("and", "and", "and", "next to", "with", "beside"))
        first, second = _one_thing(rng, attributes, said), _one_thing(rng, other, said)
        return f"{first} {joined} {_article(rng, second)}{second}"
    return _one_thing(rng, attributes, said)


def _one_thing(rng: np.random.Generator, attributes: world.Attributes, said: Said) -> str:
    words = []
    if rng.random() < 0.2:
        words.append(_pick(rng, _ADJECTIVES))
    if said.color:
        words.append(_pick(rng, COLOR_WORDS[attributes.color]))
    words.append(
        _pick(rng, SHAPE_WORDS[attributes.shape]) if said.shape else _pick(rng, ("shape", "object"))
    )
    if said.color and said.shape and rng.random() < 0.05:
        words = [words[-1], _pick(rng, ("that is", "which is", "colored")), words[-2]]
    return " ".join(words)


def motion_phrase(rng: np.random.Generator, motion: str) -> str:
    """Return the motion as a participle: "going to the left", "rising"."""
    if motion in MOTION_WORDS:
        return _pick(rng, MOTION_WORDS[motion])
    way = motion.removeprefix("moving ")
    if ALONE[way] and rng.random() < 0.35:
        return _pick(rng, ALONE[way])
    return f"{_pick(rng, GO)} {_pick(rng, WAYS[way])}"


def _behind(rng: np.random.Generator, background: str) -> str:
    return _pick(rng, _BEHIND).format(_pick(rng, BACKGROUND_WORDS[background]))


def _arranged(rng: np.random.Generator, thing: str, motion: str, behind: str) -> str:
    """Return one sentence of what is said, in one of the orders in which people say it."""
    article = _article(rng, thing)
    does = _with_adverb(rng, motion_phrase(rng, motion)) if motion else ""
    opening = _pick(rng, _OPENINGS)
    orders = [f"{opening}{article}{thing} {does} {behind}"] * 2
    orders.append(f"{behind}, {article}{thing} {does}")
    orders.append(", ".join(part for part in (thing, does, behind) if part))
    if does:
        orders.append(f"{article}{thing} {_finite(does)} {behind}")
        orders.append(f"{article}{thing} {_finite(does)} {behind}")
        orders.append(f"{opening}{article}{thing} that is {does} {behind}")
        orders.append(f"{opening}{article}{thing} {behind}, {does}")
        orders.append(f"{does}: {article}{thing} {behind}")
        if " " not in does:
            orders.append(f"{opening}{_article(rng, does)}{does} {thing} {behind}")
    return _pick(rng, tuple(orders))


def _with_adverb(rng: np.random.Generator, does: str) -> str:
    if rng.random() >= 0.2:
        return does
    adverb = _pick(rng, _ADVERBS)
    before = adverb.endswith("ly") and rng.random() < 0.5
    return f"{adverb} {does}" if before else f"{does} {adverb}"


def _finite(does: str) -> str:
    """Return a participle's phrase as a verb's: "going to the left" -> "goes to the left"."""
    return " ".join(FINITE.get(word, word) for word in does.split(" "))


def _article(rng: np.random.Generator, noun: str) -> str:
    if rng.random() < 0.15:
        return _pick(rng, ("", "the ", "one "))
    return "an " if noun[:1] in "aeiou" else "a "


def _with_stranger(rng: np.random.Generator, text: str) -> str:
    """Return the text with a word from outside somewhere in it."""
    words = text.split(" ")
    words.insert(int(rng.integers(len(words) + 1)), _stranger(rng))
    return " ".join(words)


def _stranger(rng: np.random.Generator) -> str:
    if rng.random() < 0.5:
        return _pick(rng, STRANGERS)
    length = int(rng.integers(2, 9))
    return "".join(_LETTERS[int(i)] for i in rng.integers(26, size=length))


def _only_strangers(rng: np.random.Generator) -> str:
    """Return a caption that says nothing of nano's world."""
    words = [_stranger(rng) for _ in range(int(rng.integers(1, 9)))]
    for index in range(len(words)):
        if rng.random() < 0.25:
            words[index] = _pick(rng, ("a", "the", "in", "on a", "with", "of", "and", "very"))
    return _typed(rng, " ".join(words))


def _typed(rng: np.random.Generator, text: str) -> str:
    text = " ".join(text.split()).replace(" ,", ",")
    chance = rng.random()
    if chance < 0.15:
        return text[:1].upper() + text[1:] + "."
    if chance < 0.2:
        return text.upper()
    return text + "!" if chance < 0.23 else text


def _pick(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    return words[int(rng.integers(len(words)))]
