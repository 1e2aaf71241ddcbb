"""The device is one that this machine has, and the choice says why."""

from __future__ import annotations

import logging
from contextlib import nullcontext

import pytest
import torch

from bot.__main__ import main as hotshot_bot
from generator.__main__ import main as hotshot
from generator.contract.errors import RequestError
from generator.contract.platforms import check_platform
from generator.model.devices import available, choose_device, runs_on


def test_the_choice_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="generator.model.devices"):
        choice = choose_device()
    assert str(choice.device) == available()[0]
    assert caplog.messages == [choice.reason]
    assert choice.reason.startswith(f"Using {choice.device} (")


def test_a_cpu_computes_exactly_unless_told_otherwise() -> None:
    assert choose_device("cpu").dtype == torch.float32
    assert choose_device("CPU ", "bf16").dtype == torch.bfloat16
    assert "as asked for" in choose_device("cpu", "f16").reason


def test_whatever_is_chosen_computes() -> None:
    choice = choose_device()
    ones = torch.ones(3, 3, device=choice.device, dtype=choice.dtype)
    assert float((ones @ ones).sum()) == 27


@pytest.mark.parametrize("device", ["cuda:99", "tpu", "", "cpu:1", "cuda:-1"])
def test_a_device_that_is_not_there(device: str) -> None:
    with pytest.raises(RequestError, match=r"There is no device .* this machine has .*cpu"):
        choose_device(device)


def test_an_unknown_precision() -> None:
    with pytest.raises(RequestError, match="no precision 'f8'; choose one of auto, f32, f16, bf16"):
        choose_device("cpu", "f8")


@pytest.mark.parametrize(
    ("capability", "built_for", "runs"),
    [
        ((8, 6), ["sm_75", "sm_80", "sm_90"], True),  # a 3090 with the code of an A100
        ((8, 0), ["sm_75", "sm_86", "sm_90"], False),
        ((6, 1), ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120"], False),  # a 1080
        ((12, 0), ["sm_75", "sm_80", "sm_90"], False),  # a 5090 with an older PyTorch
        ((12, 0), ["sm_90", "compute_90"], True),
        ((9, 0), ["sm_90a"], True),
        ((9, 4), ["gfx90a", "gfx942"], True),
        ((7, 5), [], True),
    ],
)
def test_a_gpu_runs_what_pytorch_was_built_for(
    capability: tuple[int, int], built_for: list[str], runs: bool
) -> None:
    assert runs_on(capability, built_for) is runs


def test_a_gpu_that_pytorch_has_no_code_for_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda _device: "GeForce GTX 1080")
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda _device: (6, 1))
    monkeypatch.setattr("torch.cuda.get_arch_list", lambda: ["sm_75", "sm_90"])
    for device in ("auto", "cuda", "cuda:0"):
        with pytest.raises(RequestError, match="install one that was, from pytorch"):
            choose_device(device)


def test_a_gpu_without_bf16_takes_f16_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda _device: "GeForce RTX 2080")
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda _device: (7, 5))
    monkeypatch.setattr("torch.cuda.get_arch_list", lambda: ["sm_75"])
    monkeypatch.setattr("torch.cuda.device", lambda _device: nullcontext())
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda **_options: False)
    assert choose_device("auto").dtype == torch.float16
    assert caplog.messages.count("cuda:0 has no bf16, so it computes in f16.") == 0
    choice = choose_device("cuda", "bf16")
    assert choice.dtype == torch.float16
    assert "bf16 was asked for" in choice.reason
    assert caplog.messages.count("cuda:0 has no bf16, so it computes in f16.") == 1


@pytest.mark.parametrize("system", ["Linux", "Darwin"])
def test_systems_that_hotshot_runs_on(system: str) -> None:
    check_platform(system)


def test_windows_is_refused_in_one_sentence_by_both_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("platform.system", lambda: "Windows")
    assert hotshot(["gif", "--prompt", "a", "--output", "a.gif"]) == 2
    assert hotshot_bot(["doctor"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("hotshot: Hotshot runs on Linux and macOS, but this is Windows")
    assert "WSL 2" in second
