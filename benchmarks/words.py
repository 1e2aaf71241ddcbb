"""What the gate takes to look through a prompt: 10,000 words and 500 patterns, 1,500 characters.

Texts are ordinary English words of this repository's documents, mixed anew; half of the texts of
the second row have a listed word in a disguise. Prints a Markdown table; in CPU milliseconds.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.table import print_table
from bot.policy.words.lists import Entry
from bot.policy.words.word_rules import WordLists, WordRules

_WORDS, _PATTERNS, _TEXTS, _CHARACTERS = 10_000, 500, 1000, 1500
_GOAL = 2.0  # ms at the 99th percentile
_SEED = 7
_LETTERS = "etaoinshrdlucmfwygpbvk"


def rules(chance: random.Random) -> tuple[list[str], WordRules]:
    """Listed words, none of which is English, and the rules that have them beside patterns."""
    words = ["".join(chance.choices(_LETTERS, k=chance.randint(5, 10))) for _ in range(_WORDS)]
    stems = ["".join(chance.choices(_LETTERS, k=5)) for _ in range(3 * _PATTERNS)]
    patterns = [
        rf"\b{one}\w*\s+(?:{two}|{three})s?\b"
        for one, two, three in zip(stems[::3], stems[1::3], stems[2::3], strict=True)
    ]
    entries = [Entry(word) for word in words]
    entries += [Entry(pattern, is_pattern=True) for pattern in patterns]
    return words, WordRules(WordLists(withhold=entries))


def texts(chance: random.Random, words: list[str], hit_rate: float) -> list[str]:
    """Prompts of ordinary words, some with a listed one in a disguise."""
    said = " ".join(file.read_text("utf-8") for file in Path("docs").glob("*.md"))
    ordinary = [each for each in re.findall(r"[A-Za-z]+[,.]?", said) if len(each) > 1]
    disguises: list[Callable[[str], str]] = [
        str.upper,
        " ".join,
        ".".join,
        lambda word: word.replace("o", "0"),
    ]
    found = []
    for number in range(_TEXTS):
        text = " ".join(chance.choices(ordinary, k=_CHARACTERS // 4))[:_CHARACTERS]
        if number < hit_rate * _TEXTS:
            hidden = chance.choice(disguises)(chance.choice(words))
            place = text.index(" ", chance.randrange(_CHARACTERS // 2))
            text = f"{text[:place]} {hidden} {text[place:]}"[:_CHARACTERS]
        found.append(text)
    return found


def measure(judge: WordRules, prompts: list[str]) -> tuple[float, float]:
    """CPU milliseconds a prompt: at the median, and at the 99th percentile."""
    took = []
    for prompt in prompts:
        began = time.process_time()
        judge.judge(prompt)
        took.append((time.process_time() - began) * 1e3)
    took.sort()
    return took[len(took) // 2], took[int(len(took) * 0.99)]


def main() -> None:
    chance = random.Random(_SEED)
    began = time.process_time()
    words, judge = rules(chance)
    built = time.process_time() - began
    rows = []
    for rate in (0.0, 0.5):
        p50, p99 = measure(judge, texts(chance, words, rate))
        rows.append((f"{rate:.0%} of prompts withheld", f"{p50:.2f} / {p99:.2f}", f"< {_GOAL:g}"))
    print_table(
        f"The gate on a request, {_WORDS:,} words and {_PATTERNS} patterns, read in {built:.1f} s",
        (f"prompts of {_CHARACTERS:,} characters", "p50 / p99, ms of CPU", "goal for p99"),
        rows,
    )


if __name__ == "__main__":
    main()
