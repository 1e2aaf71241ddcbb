"""The server's complaints in the bot's log: one line for each kind, whatever the peers do."""

from __future__ import annotations

import logging

import pytest

from bot.broker.keys import make_key
from bot.broker.server_log import AGAIN_AFTER_SECONDS, MOST_KINDS, ServerLog

AUTHENTICATION = '[7] [ERR] 192.0.2.{}:{} - cid:{} - authentication error - Nkey "{}"'


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_complaint_is_logged_once_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    log = ServerLog(clock)
    key = make_key().public
    for number in range(10_000):
        log.take(AUTHENTICATION.format(1, number, number, key))
    [line] = caplog.messages
    assert "192.0.2.1" in line
    assert "its key isn't that of a host that may connect" in line
    assert key not in line
    clock.now += AGAIN_AFTER_SECONDS
    log.tell_counts()
    assert "9999 times more: 192.0.2.1: authentication error" in caplog.messages[1]
    log.tell_counts()
    assert len(caplog.messages) == 2


def test_many_peers_fill_no_log(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    log = ServerLog(clock)
    for number in range(1000):
        log.take(AUTHENTICATION.format(f"{number}", 1, number, "U"))
    assert len(caplog.messages) == MOST_KINDS
    clock.now += AGAIN_AFTER_SECONDS
    log.tell_counts()
    assert f"{1000 - MOST_KINDS} times more: other complaints" in caplog.messages[-1]


def test_a_host_is_named_and_nothing_foreign_breaks_a_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = ServerLog()
    key = make_key().public
    log.set_names({key: "host home"})
    log.take(f'[7] [ERR] 192.0.2.1:2 - cid:3 - Publish Violation - Nkey "{key}", Subject "hs.x"')
    log.take("[7] [ERR] 192.0.2.1:2 - cid:3 - Client parser ERROR: '\x1b[31m\r\x00" + "y" * 900)
    assert "host home" in caplog.messages[0]
    assert all(each.isprintable() and len(each) < 500 for each in caplog.messages)


def test_what_is_no_complaint_is_for_debug_alone(caplog: pytest.LogCaptureFixture) -> None:
    log = ServerLog()
    log.take("[7] [INF] Server is ready")
    assert caplog.messages == []
    caplog.set_level(logging.DEBUG)
    log.take("[7] [INF] Server is ready")
    assert caplog.messages == ["Server is ready"]
