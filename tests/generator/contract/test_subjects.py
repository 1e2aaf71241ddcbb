"""The subjects of a bot and its hosts: made, read back, and foreign ones refused."""

from __future__ import annotations

import pytest

from generator.contract import subjects


@pytest.mark.parametrize("name", ["a", "home", "rack-2", "0", "x" * 32])
def test_names_that_hosts_can_have(name: str) -> None:
    assert subjects.check_host_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "Home", "a.b", "*", ">", "a b", "ä", "home\n", "x" * 33, "a*", "../x"]
)
def test_names_that_they_cannot(name: str) -> None:
    with pytest.raises(subjects.HostNameError, match="can't be a host's name"):
        subjects.check_host_name(name)


@pytest.mark.parametrize(
    ("device", "token"), [("cuda:0", "cuda0"), ("cpu", "cpu"), ("cuda:15", "cuda15")]
)
def test_a_device_is_a_token(device: str, token: str) -> None:
    assert subjects.device_token(device) == token
    subject = subjects.from_worker("home", token, subjects.HELLO)
    assert subjects.parse_sender(subject) == ("home", token, "hello")


@pytest.mark.parametrize("device", ["", "cuda:0.>", "*", "a:b:c", "cuda 0"])
def test_other_words_are_no_devices(device: str) -> None:
    with pytest.raises(ValueError, match="isn't a device"):
        subjects.device_token(device)


@pytest.mark.parametrize(
    "subject",
    ["", "hs.from.home.cuda0", "hs.from.home.cuda0.shout", "hs.to.home.cuda0.hello",
     "hs.from.home.cuda0.hello.more", "hs.from.Home.cuda0.hello", "hs.from..cuda0.hello"],
)  # fmt: skip
def test_other_subjects_have_no_sender(subject: str) -> None:
    assert subjects.parse_sender(subject) is None


def test_who_asks_for_files_or_brings_them_is_told_by_the_subject() -> None:
    assert subjects.parse_host(subjects.blob("home")) == "home"
    assert subjects.parse_host(subjects.put("home")) == "home"
    assert [subjects.parse_host(each) for each in ("hs.blob", "hs.blob.*", "hs.to.home")] == [
        None
    ] * 3


def test_an_answer_goes_to_the_inbox_of_its_host_alone() -> None:
    assert subjects.is_in_inbox("home", "_INBOX.home.abc.1")
    for elsewhere in ("", "_INBOX.home", "_INBOX.home2.abc", "hs.to.home.cuda0", "_INBOX.rack.a"):
        assert not subjects.is_in_inbox("home", elsewhere)


def test_what_a_host_may_is_under_its_own_name() -> None:
    allowed = (*subjects.may_publish("home"), *subjects.may_subscribe("home"))
    assert allowed == (
        "hs.from.home.>", "hs.blob.home", "hs.put.home", "hs.to.home.>", "_INBOX.home.>"
    )  # fmt: skip
