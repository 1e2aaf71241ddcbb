"""Frames of the gateway that no strict reader of JSON would take."""

from __future__ import annotations

import json

import pytest

from bot.gateway.websocket_frames import BadFrameError, read_event

GOOD = '{"op":0,"s":3,"t":"READY","d":{"a":[1,2.5,null,true,"\\ud83c\\udfa8"]}}'


def test_what_discord_sends_is_taken() -> None:
    assert read_event(GOOD) == json.loads(GOOD)
    read_event('{"op":11}')
    read_event('{"op":10,"s":null,"t":null,"d":{"heartbeat_interval":41250}}')


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (GOOD.replace("2.5", "NaN"), "NaN"),
        (GOOD.replace("2.5", "Infinity"), "Infinity"),
        (GOOD.replace("2.5", "-Infinity"), "-Infinity"),
        (GOOD.replace('"s":3', '"s":3,"s":4'), "twice"),
        (GOOD.replace('{"a"', '{"a":1,"a"'), "twice"),
        (GOOD[:-1], "it isn't JSON"),
        (GOOD + "x", "it isn't JSON"),
        ("", "it isn't JSON"),
        (GOOD.replace("2.5", "2.5,"), "it isn't JSON"),
        (GOOD.replace("READY", "READ\nY"), "it isn't JSON"),
        ("[" * 100_000, "deeply"),
        ("9" * 5000, "it isn't JSON"),
        ("[]", "it isn't an object"),
        ('"x"', "it isn't an object"),
        ('{"op":"0"}', "'op'"),
        ('{"op":true}', "'op'"),
        ('{"op":0,"s":"3"}', "'s'"),
        ('{"op":0,"t":7}', "'t'"),
        ("{}", "'op'"),
    ],
)
def test_what_no_strict_reader_would_take_is_refused(frame: str, why: str) -> None:
    with pytest.raises(BadFrameError, match=why):
        read_event(frame)


def test_lone_surrogates_and_nuls_are_cleaned() -> None:
    frame = read_event('{"op":0,"d":{"a\\u0000":["\\ud800b","\\uD83C\\uDFA8\\u00e9", "plain"]}}')
    assert frame["d"] == {"a": ["?b", "🎨é", "plain"]}
    nested = '{"op":0,"d":' + "[" * 900 + '"\\u0000"' + "]" * 900 + "}"
    with pytest.raises(BadFrameError, match="deeply"):
        read_event(nested)


def test_the_standard_reader_would_have_taken_some() -> None:
    """Else the check would be idle."""
    assert json.loads('{"a":NaN,"a":Infinity}')["a"] == float("inf")
