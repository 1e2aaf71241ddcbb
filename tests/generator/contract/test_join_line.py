"""The line that a GPU host joins by: made, pasted as people paste, and refused in a sentence."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

from generator.contract.join_line import JoinLine, JoinLineError

SEED = "SU" + "A234567BCDEFGHIJ" * 3 + "KLMNOPQR"
PEM = f"-----BEGIN CERTIFICATE-----\n{'Mx+/' * 16}\n{'Ab0=' * 2}\n-----END CERTIFICATE-----\n"
LINE = JoinLine(
    url="tls://bot.example.com:4222",
    host="home",
    seed=SEED,
    ca=PEM + PEM,
    bot="UABCDEFG",
    created=1_800_000_000,
)
TEXT = LINE.to_text()


def other(**values: object) -> str:
    """A whole line with other values, as another version may write them."""
    line = JoinLine(**{"url": LINE.url, "host": LINE.host, "seed": SEED} | values)  # type: ignore[arg-type]
    return line.to_text()


def test_a_line_is_one_word_and_says_all_of_it() -> None:
    assert TEXT.startswith("hs1:")
    assert TEXT.isprintable()
    assert TEXT.split() == [TEXT]
    assert JoinLine.parse(TEXT) == LINE


@pytest.mark.parametrize(
    "pasted",
    [
        f"  {TEXT}\n",
        f'"{TEXT}"',
        f"hotshot worker --join {TEXT} --devices cuda:0",
        f"hotshot worker --join '{TEXT}'",
        "\r\n".join(TEXT[at : at + 72] for at in range(0, len(TEXT), 72)),
    ],
)
def test_it_is_found_in_what_people_paste(pasted: str) -> None:
    assert JoinLine.parse(pasted) == LINE


@pytest.mark.parametrize("cut", [5, 20, len(TEXT) // 2, len(TEXT) - 1])
def test_a_cut_line_says_so(cut: int) -> None:
    with pytest.raises(JoinLineError, match="was cut or changed"):
        JoinLine.parse(TEXT[:cut])


def test_every_changed_character_is_noticed() -> None:
    for at in range(len("hs1:"), len(TEXT), 7):
        changed = "A" if TEXT[at] != "A" else "B"
        with pytest.raises(JoinLineError, match="was cut or changed"):
            JoinLine.parse(TEXT[:at] + changed + TEXT[at + 1 :])


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("", "empty"),
        (" \n", "empty"),
        (SEED, "only a key"),
        ("MTIzNDU2.G1abcd.a-bot's-token", "isn't a join line"),
        ("tls://bot.example.com:4222", "isn't a join line"),
        (TEXT.removeprefix("hs1:"), "isn't a join line"),
        (TEXT.replace("hs1:", "hs2:"), "another version of Hotshot .it begins with hs2:"),
        (other(host="Home Office"), "another version"),
        (other(url="http://bot.example.com"), "another version"),
        (other(seed="SUSHORT"), "another version"),
        (other(created="yesterday"), "another version"),
        (other(url=None), "another version"),
    ],
)
def test_each_mistake_has_its_sentence(pasted: str, said: str) -> None:
    with pytest.raises(JoinLineError, match=said) as raised:
        JoinLine.parse(pasted)
    assert SEED not in str(raised.value)
    assert str(raised.value).count("\n") == 0


def test_values_that_a_later_version_adds_are_left_out() -> None:
    values = json.loads(base64.urlsafe_b64decode(f"{TEXT[4:-6]}=="))
    longer = json.dumps(values | {"colour": "green"}).encode()
    encoded = base64.urlsafe_b64encode(longer).decode().rstrip("=")
    ending = base64.urlsafe_b64encode(hashlib.sha256(encoded.encode()).digest()).decode()[:6]
    assert JoinLine.parse(f"hs1:{encoded}{ending}") == LINE


def test_no_text_of_a_line_shows_its_key() -> None:
    assert SEED not in f"{LINE} {LINE!r}"
