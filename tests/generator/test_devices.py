"""The device is one that this machine has, and the choice says why."""

from __future__ import annotations

import logging

import pytest
import torch

from generator.devices import available, choose
from generator.errors import RequestError


def test_the_choice_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="generator.devices"):
        choice = choose()
    assert str(choice.device) == available()[0]
    assert caplog.messages == [choice.reason]
    assert choice.reason.startswith(f"Using {choice.device} (")


def test_a_cpu_computes_exactly_unless_told_otherwise() -> None:
    assert choose("cpu").dtype == torch.float32
    assert choose("CPU ", "bf16").dtype == torch.bfloat16
    assert "as asked for" in choose("cpu", "f16").reason


def test_whatever_is_chosen_computes() -> None:
    choice = choose()
    ones = torch.ones(3, 3, device=choice.device, dtype=choice.dtype)
    assert float((ones @ ones).sum()) == 27


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "", "cpu:1", "cuda:-1"])
def test_a_device_that_is_not_there(device: str) -> None:
    with pytest.raises(RequestError, match=r"There is no device .* this machine has .*cpu"):
        choose(device)


def test_an_unknown_precision() -> None:
    with pytest.raises(RequestError, match="no precision 'f8'; there are auto, f32, f16, bf16"):
        choose("cpu", "f8")
