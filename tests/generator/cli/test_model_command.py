"""``hotshot model``: fetched from a hub on loopback, interrupted, pinned, listed, removed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import pytest

from generator.__main__ import main
from tests.generator.checkpoints.hub import COMMIT, Hosted, Hub
from tests.generator.cli.model_command import REPOSITORY, command, refusal
from tests.generator.reference import TINY

LIMIT_SECONDS = 120.0  # ten times and more what an idle machine needs


def start(hub: Hub, home: Path, *words: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    return subprocess.Popen(
        [sys.executable, "-m", "generator", *words],
        env=environment | {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], bool]) -> None:
    until = monotonic() + LIMIT_SECONDS
    while not condition():
        assert monotonic() < until
        sleep(0.005)


def size_of(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def test_a_model_is_fetched_with_its_size_and_licence_said(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("fetch", REPOSITORY) == 0
    told = capsys.readouterr()
    assert f"{REPOSITORY}: 20 files, {size_of(TINY) / 1e6:.1f} MB" in told.out
    assert "licence: openrail++" in told.out
    assert f"revision: {COMMIT}" in told.out
    assert "(Hotshot-XL; hotshot gif --pretrained-path somebody/Hotshot-XL)" in told.out
    assert "(100%)" in told.err
    hub.downloaded.clear()
    assert command("fetch", REPOSITORY) == 0
    assert "All of it is here already." in capsys.readouterr().out
    assert hub.downloaded == []


def test_pickles_other_layouts_and_second_precisions_stay_on_the_hub(hub: Hub) -> None:
    top = hub.main.directory
    for name in (
        "unet/diffusion_pytorch_model.bin",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/diffusion_pytorch_model.non_ema.safetensors",
        "vae/flax_model.msgpack",
        "hsxl_temporal_layers.safetensors",
        "hotshot_xl.safetensors",
        "README.md",
    ):
        (top / name).write_bytes(b"x" * 100_000)
    assert command("fetch", REPOSITORY) == 0
    assert not any(
        "x" in name and (top / name).stat().st_size == 100_000 for name in hub.downloaded
    )


def test_each_network_is_fetched_in_one_precision(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    top = hub.main.directory
    both = top / "unet" / "diffusion_pytorch_model.safetensors"
    shutil.copy(both, both.with_suffix(".fp16.safetensors"))
    alone = top / "vae" / "diffusion_pytorch_model.safetensors"
    alone.rename(alone.with_suffix(".fp16.safetensors"))
    assert command("fetch", REPOSITORY, "--half") == 0
    weights = sorted(name for name in hub.downloaded if name.endswith(".safetensors"))
    assert weights == [
        "text_encoder/model.safetensors",
        "text_encoder_2/model.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "vae/diffusion_pytorch_model.fp16.safetensors",
    ]
    hub.downloaded.clear()
    assert command("fetch", REPOSITORY) == 0  # what is here is taken, in either precision
    assert hub.downloaded == []


@pytest.mark.slow
def test_after_a_kill_only_the_rest_is_fetched(hub: Hub, tmp_path: Path) -> None:
    home = tmp_path / "home"
    total = size_of(hub.main.directory)
    hub.pace = total / 2  # of each of four connections
    for share in (0.3, 0.6):
        killed = start(hub, home, "model", "fetch", REPOSITORY)
        wait_for(lambda share=share: hub.sent > share * total)  # type: ignore[misc]
        killed.kill()
        killed.communicate()
    before = hub.sent
    hub.pace = None
    finished = start(hub, home, "model", "fetch", REPOSITORY)
    out, err = finished.communicate(timeout=LIMIT_SECONDS)
    assert finished.returncode == 0, err
    assert "Continuing: " in err
    assert any(hub.ranges)
    # What was on its way when the process was killed is all that is sent twice.
    assert hub.sent < total + 4 * (64 << 10) * 3
    assert hub.sent - before < 0.75 * total
    snapshot = Path(out.splitlines()[-1].split("  (")[0])
    for path in hub.main.directory.rglob("*.safetensors"):
        inner = path.relative_to(hub.main.directory)
        assert (snapshot / inner).read_bytes() == path.read_bytes()
    assert not list(home.rglob("*.incomplete"))


@pytest.mark.slow
def test_ctrl_c_says_that_it_goes_on_from_there(hub: Hub, tmp_path: Path) -> None:
    hub.pace = 200_000
    stopped = start(hub, tmp_path / "home", "model", "fetch", REPOSITORY)
    wait_for(lambda: hub.sent > 300_000)
    stopped.send_signal(signal.SIGINT)
    _, err = stopped.communicate(timeout=LIMIT_SECONDS)
    assert stopped.returncode == 130
    assert err.splitlines()[-1] == (
        "hotshot model: stopped; what was fetched is kept, and the same command continues from "
        "there."
    )


def test_a_connection_that_breaks_is_taken_up_again(hub: Hub) -> None:
    hub.breaks_after = 200_000
    assert command("fetch", REPOSITORY) == 0
    assert any(hub.ranges)


def test_a_hub_that_knows_no_ranges_sends_the_whole_again(hub: Hub, tmp_path: Path) -> None:
    hub.status = 200
    hub.breaks_after, hub.knows_ranges = 100_000, False
    assert command("fetch", REPOSITORY) == 2
    hub.breaks_after = None
    assert command("fetch", REPOSITORY) == 0


@pytest.mark.slow
def test_what_was_fetched_makes_gifs_without_any_connection(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("fetch", f"{REPOSITORY}@{COMMIT}") == 0
    assert command("fetch", REPOSITORY) == 0
    hub.gone = True
    flags = ["--prompt", "a ball", "--width", "64", "--height", "64", "--steps", "1"]
    for name in (REPOSITORY, f"{REPOSITORY}@{COMMIT}"):
        output = tmp_path / "made.gif"
        words = ["gif", "--pretrained-path", name, "--output", str(output), *flags]
        assert main(words) == 0, capsys.readouterr().err
        assert output.read_bytes().startswith(b"GIF89a")
        output.unlink()


def test_a_model_that_hotshot_cannot_use_costs_no_more_than_its_configs(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    config = hub.main.directory / "unet" / "config.json"
    config.write_text('{"_class_name": "UNet2DConditionModel"}')  # an older Stable Diffusion
    assert "can't be used: it isn't a Hotshot-XL" in refusal(capsys, "fetch", REPOSITORY)
    assert not any(name.endswith(".safetensors") for name in hub.downloaded)


def test_a_pinned_revision_stands_in_the_config_and_its_comments_stay(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    shutil.copy("config.example.toml", config)
    before = config.read_text()
    assert command("fetch", REPOSITORY, "--pin", str(config)) == 0
    assert config.read_text() == before.replace(
        '\nmodel = "nano"\n', f'\nmodel = "{REPOSITORY}@{COMMIT}"\n'
    )
    hub.gone = True
    hub.main.commit = "f" * 40
    from generator.checkpoints.resolve import resolve_model_directory

    assert resolve_model_directory(f"{REPOSITORY}@{COMMIT}").name == COMMIT


def test_nothing_is_fetched_for_a_config_that_is_not_there(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sentence = refusal(capsys, "fetch", REPOSITORY, "--pin", str(tmp_path / "config.toml"))
    assert "copy config.example.toml to it first" in sentence
    assert hub.downloaded == []


def test_the_list_and_taking_away(
    hub: Hub, capsys: pytest.CaptureFixture[str], copy_of_tiny: Path
) -> None:
    assert command("list") == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("nano ")
    assert command("fetch", REPOSITORY) == 0
    capsys.readouterr()
    assert command("list") == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if REPOSITORY in line)
    assert row.split("  ")[1:2] == ["Hotshot-XL"]
    assert COMMIT[:12] in row
    assert "do you mean somebody/Hotshot-XL?" in refusal(capsys, "remove", "somebody/Hotshot")
    assert command("remove", f"{REPOSITORY}@{COMMIT[:12]}") == 0
    assert command("fetch", REPOSITORY) == 0
    assert command("remove", REPOSITORY) == 0
    assert "MB freed" in capsys.readouterr().out
    assert command("list") == 0
    assert REPOSITORY not in capsys.readouterr().out


def test_one_network_and_a_file_alone(
    hub: Hub, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    network = tmp_path / "controlnet"
    shutil.copytree(TINY.parent / "tiny-controlnet", network)
    (network / "diffusion_pytorch_model.bin").write_bytes(b"x")
    hub.hosted["somebody/canny"] = Hosted(network)
    assert command("fetch", "somebody/canny") == 0
    assert "(ControlNet; hotshot gif --control-type somebody/canny)" in capsys.readouterr().out
    files = tmp_path / "files"
    files.mkdir()
    shutil.copy(TINY / "unet" / "diffusion_pytorch_model.safetensors", files / "base.safetensors")
    (files / "other.safetensors").write_bytes(b"x")
    hub.hosted["somebody/files"] = Hosted(files, licence="")
    assert "name one with --file: base.safetensors, other.safetensors." in refusal(
        capsys, "fetch", "somebody/files"
    )
    assert command("fetch", "somebody/files", "--file", "base.safetensors") == 0
    told = capsys.readouterr().out
    assert "licence: not stated" in told
    assert "--spatial-unet-base somebody/files/base.safetensors)" in told
