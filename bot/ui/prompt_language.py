"""Whether a prompt seems to be in a language that the model wasn't trained on.

SDXL's text encoders learnt English captions. Told by script and by small words, which is enough
for a hint and never for a refusal.
"""

from __future__ import annotations

import re
import unicodedata

_OTHER_SCRIPTS = 0.3  # share of a prompt's letters
_TELLING = 2  # small words that tell a language, where English has fewer

# words that stand in nearly every sentence, without those that English writes the same
_CERTAIN = """
ein eine einen einem einer eines und auf mit dem vor unter wird nicht
une avec dans qui sur aux
una unos unas
uno nel nella sul sulla che gli
uma com numa pelo
een het voor
"""
_LIKELY = """
der das den ist im am zum zur von sich
un le la les et est du des au
el los las y en que por con del sobre
il e o os van met
"""
_ENGLISH = """
a an the of on in with and at is that by from to over under into its
"""


def is_foreign(prompt: str) -> bool:
    """Return whether the model is likely not to understand the prompt's language."""
    letters = [letter for letter in prompt if letter.isalpha()]
    others = sum(not unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    if letters and others / len(letters) > _OTHER_SCRIPTS:
        return True
    words = set(re.findall(r"[^\W\d_]+", prompt.lower()))
    english = len(words.intersection(_ENGLISH.split()))
    certain = len(words.intersection(_CERTAIN.split()))
    likely = certain + len(words.intersection(_LIKELY.split()))
    return (certain > 0 and not english) or (likely >= _TELLING and likely > english)
