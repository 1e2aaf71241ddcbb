"""Listed words are found however they are written, and harmless ones aren't."""

from __future__ import annotations

import pytest

from bot.core.errors import RefusedError
from bot.jobs.gate import Allow, Spoiler, Withhold
from bot.policy.words.lists import read_list
from bot.policy.words.word_finder import WordFinder
from bot.policy.words.word_rules import WordLists, WordRules
from tests.bot.policy.disguises import DISGUISES, WORDS, harmless


def test_every_word_is_found_in_thirty_disguises() -> None:
    finder = WordFinder(WORDS)
    assert len(DISGUISES) == 30
    missed = [
        (word, name)
        for number, word in enumerate(WORDS)
        for name, disguise in DISGUISES.items()
        if number not in finder.find(f"a picture of {disguise(word)}, please")
    ]
    assert not missed


def test_a_disguise_is_found_at_the_ends_of_a_text() -> None:
    finder = WordFinder(WORDS)
    for name, disguise in DISGUISES.items():
        assert 0 in finder.find(disguise(WORDS[0])), name


def test_a_thousand_harmless_sentences_pass() -> None:
    finder = WordFinder(WORDS)
    sentences = list(harmless())
    assert len(sentences) >= 1000
    assert not [(each, finder.find(each)) for each in sentences if finder.find(each)]


@pytest.mark.parametrize(
    ("listed", "text"),
    [
        ("bad", "b*d"),  # too short to be known by the rest
        ("fall", "fail"),
        ("loose", "lose"),
        ("assa", "4554"),
        ("shell", "she'll"),
    ],
)
def test_what_is_another_word_is_none_of_the_list(listed: str, text: str) -> None:
    assert not WordFinder([listed]).find(text)


@pytest.mark.parametrize(
    ("listed", "text"),
    [
        ("bastard", "b*stard"),
        ("bastard", "bastard99"),
        ("bastard", "bbaassttaarrdd"),
        ("pillock", "piIIock"),
        ("pillock", "plllock"),
        ("pillock", "p1llock"),
        ("two words", "two-words"),
        ("two words", "twowords"),
        ("h3ll", "hell"),
        ("1488", "in 1488 days"),
        ("悪い", "とても悪いこと"),
        ("バカ", "バ・カ"),
        ("scheiße", "SCHEISSE"),
        ("mord", "m 0 r d"),
    ],
)
def test_what_is_the_word_all_the_same(listed: str, text: str) -> None:
    assert WordFinder([listed]).find(text) == {0}


def test_lists_withhold_cover_and_allow() -> None:
    rules = WordRules(
        WordLists(
            withhold=read_list("# ours\nhell # be nice\n/free\\s+\\w*nudes/\n"),
            spoiler=read_list("blood"),
            allow=read_list("Hell's Kitchen"),
        )
    )
    assert rules.judge("a cat at hello kitty's") == Allow()
    assert rules.judge("bl00d and a cat") == Spoiler()
    withheld = rules.judge("h e l l")
    assert isinstance(withheld, Withhold)
    assert str(withheld.reason) == "That isn't made here: be nice"
    assert isinstance(rules.judge("FR33 hotnud3s"), Withhold)
    assert rules.judge("hell's kitchen at noon") == Allow()
    assert isinstance(rules.judge("h3ll's kitchen at noon"), Withhold)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cat\na\n", "Line 2 of that list is wrong: it has no word of two letters or more."),
        ("/(/", "Line 1 of that list is wrong: the pattern can't be used (missing ): ()."),
        ("/a*/", "Line 1 of that list is wrong: the pattern is in every text."),
        (r"/(a)\1/", "the pattern can't be used"),
        ("/(?<=a)b/", "the pattern can't be used"),
        ("/(a{1000}){1000}/", "the pattern can't be used"),
        ("x" * 201, "it has more than 200 characters"),
        ("\n".join(f"/a{number}/" for number in range(1001)), "at most 1000 patterns"),
    ],
)
def test_a_list_that_is_wrong_says_where(text: str, says: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read_list(text)
    assert says in str(refused.value)


def test_a_pattern_that_takes_for_ever_elsewhere_does_not() -> None:
    rules = WordRules(WordLists(withhold=read_list("/(x+x+)+y/")))
    assert rules.judge("x" * 1500) == Allow()


def test_ten_thousand_words_each_stay_themselves() -> None:
    words = [
        f"w{number:05d}q".translate(str.maketrans("0123456789", "abcdefghij"))
        for number in range(10_000)
    ]
    finder = WordFinder(words)
    assert finder.find(f"a {words[7]} and {words[9999].upper()}") == {7, 9999}
