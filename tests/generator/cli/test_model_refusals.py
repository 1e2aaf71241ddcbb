"""``hotshot model fetch`` where the hub, the disk or the name is in the way: one line each."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from time import monotonic

import pytest

from generator.checkpoints import hub as hub_module
from tests.generator.checkpoints.hub import Hub
from tests.generator.cli.model_command import REPOSITORY, command, refusal


def test_a_gated_repository(
    hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.main.gated = True
    sentence = refusal(capsys, "fetch", REPOSITORY)
    assert sentence == (
        f"{REPOSITORY} is gated: accept its terms at {hub.endpoint}/{REPOSITORY}, then log in "
        "on this machine with 'hf auth login' or set the variable HF_TOKEN."
    )
    monkeypatch.setenv("HF_TOKEN", "somebody-else")
    assert refusal(capsys, "fetch", REPOSITORY) == sentence
    monkeypatch.setenv("HF_TOKEN", hub.main.token)
    assert command("fetch", REPOSITORY) == 0
    assert "licence: openrail++, gated" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("somebody/Hotshot-LX", "somebody/Hotshot-XL"),
        ("hotshotco/hotshotxl", "hotshotco/Hotshot-XL"),
        ("stabilityai/sdxl-base", None),
    ],
)
def test_a_wrong_name(
    hub: Hub, capsys: pytest.CaptureFixture[str], name: str, meant: str | None
) -> None:
    assert command("fetch", REPOSITORY) == 0
    sentence = refusal(capsys, "fetch", name)
    assert sentence.startswith(f"{name} can't be downloaded: the hub has no such model")
    assert (f"(do you mean {meant}?)" in sentence) if meant else "do you mean" not in sentence


@pytest.mark.parametrize("name", ["Hotshot-XL", "-/x", "a/b/c", "somebody/..", "a b/c"])
def test_what_is_no_name_on_the_hub(
    hub: Hub, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    words = ("fetch", "--", name) if name.startswith("-") else ("fetch", name)
    assert "give one such as hotshotco/Hotshot-XL" in refusal(capsys, *words)


def test_a_revision_and_a_file_that_are_not_there(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    (hub.main.directory / "one.safetensors").write_bytes(b"x")
    assert refusal(capsys, "fetch", REPOSITORY, "--revision", "v9") == (
        f"{REPOSITORY} has no revision v9; give one of its branches, tags or commits."
    )
    assert refusal(capsys, "fetch", REPOSITORY, "--file", "two.safetensors") == (
        f"{REPOSITORY} has no file two.safetensors; its .safetensors files: one.safetensors."
    )


def test_no_connection(empty_cache: None, capsys: pytest.CaptureFixture[str]) -> None:
    began = monotonic()
    assert refusal(capsys, "fetch", REPOSITORY) == (
        f"{REPOSITORY} can't be downloaded from the hub: http://127.0.0.1:9 can't be reached "
        "(Connection refused); check the connection, or give the path of a copy you "
        "already have."
    )
    assert monotonic() - began < 10  # the library would have tried for 23 s


def test_a_hub_that_says_nothing_is_given_up_within_seconds_and_once(
    empty_cache: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(hub_module, "ENDPOINT", address)
        monkeypatch.setattr(hub_module, "_PATIENCE_SECONDS", 0.5)
        assert f"{address} can't be reached" in refusal(capsys, "fetch", REPOSITORY)
        monkeypatch.setattr(hub_module, "_PATIENCE_SECONDS", 1000.0)
        assert "it gave no answer a moment ago" in refusal(capsys, "fetch", REPOSITORY)


def test_offline_nothing_is_fetched(
    hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert refusal(capsys, "fetch", REPOSITORY) == (
        "HF_HUB_OFFLINE is set, so nothing is fetched; unset it first."
    )


def test_a_hub_that_is_out_of_order(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.status = 503
    assert "which answers with an error (503); try again later." in refusal(
        capsys, "fetch", REPOSITORY
    )


def test_a_disk_with_too_little_room(
    hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = shutil._ntuple_diskusage(10**9, 10**9 - 1000, 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: few)
    sentence = refusal(capsys, "fetch", REPOSITORY)
    assert "more on the disk of" in sentence
    assert "which has 1 kB left; make room there" in sentence
    assert not any(name.endswith(".safetensors") for name in hub.downloaded)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_fills_up_meanwhile(
    hub: Hub, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from tests.generator.checkpoints.hub import _sha256

    weights = hub.main.directory / "unet" / "diffusion_pytorch_model.safetensors"
    blobs = tmp_path / "cache" / "models--somebody--Hotshot-XL" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{_sha256(weights)}.hotshot.incomplete").symlink_to("/dev/full")
    sentence = refusal(capsys, "fetch", REPOSITORY).splitlines()[-1]
    assert sentence.removeprefix("hotshot model: ") == (
        f"The disk of {tmp_path / 'cache'} is full; make room there, or set HF_HOME to "
        "another place."
    )


def test_a_cache_that_cannot_be_written(
    hub: Hub, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    cache = tmp_path / "file" / "cache"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    assert refusal(capsys, "fetch", REPOSITORY) == (
        f"The cache {cache} can't be written to; set HF_HOME to another place."
    )


def test_weights_that_arrive_damaged_are_not_kept(
    hub: Hub, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from tests.generator.checkpoints.hub import _sha256

    weights = hub.main.directory / "unet" / "diffusion_pytorch_model.safetensors"
    blobs = tmp_path / "cache" / "models--somebody--Hotshot-XL" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{_sha256(weights)}.hotshot.incomplete").write_bytes(b"another's")
    sentence = refusal(capsys, "fetch", REPOSITORY)
    assert "diffusion_pytorch_model.safetensors of somebody/Hotshot-XL arrived damaged" in sentence
    assert command("fetch", REPOSITORY) == 0
