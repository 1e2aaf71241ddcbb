"""A worker's needs are held against what this machine has, without reading a weight."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from generator.checkpoints import resolve
from generator.checkpoints.file_selection import FOLDERS
from generator.contract.errors import HotshotError
from generator.contract.findings import Finding, decode_findings
from generator.contract.worker_settings import WorkerSettings, decode_workers, encode_workers
from generator.inference import preflight
from generator.inference.hotshot_engine import create
from generator.model import memory
from tests.generator.checkpoints.hub import serving
from tests.generator.reference import TINY

REPOSITORY = "somebody/Hotshot-XL"
NANO = WorkerSettings(model="nano", device="cpu")


def memory_of(*workers: WorkerSettings) -> Finding:
    [found] = [one for one in preflight.examine(workers) if one.subject == "memory"]
    return found


def have(monkeypatch: pytest.MonkeyPatch, directory: Path, free_kilobytes: int) -> None:
    """A machine with so much RAM to spare, in no container."""
    meminfo = directory / "meminfo"
    meminfo.write_text(
        f"MemTotal: 99 kB\nMemFree: 1 kB\nMemAvailable: {free_kilobytes} kB\nHugePages_Total: 0\n"
    )
    monkeypatch.setattr(memory, "_MEMINFO", meminfo)
    monkeypatch.setattr(memory, "_CGROUP", directory)


def test_a_model_that_fits_and_one_worker_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have(monkeypatch, tmp_path, 1_500_000)
    assert memory_of(NANO).is_fine
    crowd = memory_of(NANO, NANO, NANO)
    assert not crowd.is_fine
    assert "fewer workers" in crowd.text


def test_a_container_s_limit_counts_and_the_files_it_read_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have(monkeypatch, tmp_path, 1_000_000_000)
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("900000\n")
    (tmp_path / "memory.stat").write_text("anon 100000\ninactive_file 700000\n")
    assert memory.available_bytes() == 800_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available_bytes() == 1_024_000_000_000


def truncated(directory: Path) -> WorkerSettings:
    """A model whose largest file broke off while it was copied."""
    model = shutil.copytree(TINY, directory / "model")
    [weights] = (model / "unet").glob("*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1000])
    return replace(NANO, model=str(model))


def without_vae(directory: Path) -> WorkerSettings:
    ignored = shutil.ignore_patterns("vae")
    return replace(NANO, model=str(shutil.copytree(TINY, directory / "model", ignore=ignored)))


@pytest.mark.parametrize(
    ("broken", "subject"),
    [
        (lambda _: replace(NANO, device="cuda:7"), "device"),
        (lambda path: replace(NANO, spatial_unet_base=str(path / "nowhere")), "base"),
        (truncated, "model"),
        (without_vae, "model"),
    ],
)
def test_what_an_engine_could_not_be_loaded_with(
    tmp_path: Path, broken: Callable[[Path], WorkerSettings], subject: str
) -> None:
    """The sentence is the one that loading it ends with."""
    worker = broken(tmp_path)
    [found] = [one for one in preflight.examine([worker]) if not one.is_fine]
    assert found.subject == subject
    with pytest.raises(HotshotError) as raised:
        create(
            model=worker.model,
            device=worker.device,
            precision=worker.precision,
            spatial_unet_base=worker.spatial_unet_base,
        )
    assert found.text == str(raised.value)


def test_settings_and_findings_come_through() -> None:
    workers = [NANO, WorkerSettings(spatial_unet_base="a base", low_vram=True)]
    assert decode_workers(encode_workers(workers)) == workers
    found = [Finding("model", "nano"), Finding.broken("base", "It isn't\nthere.")]
    assert decode_findings("\n".join(one.to_json() for one in found)) == found


@pytest.mark.usefixtures("empty_cache")
def test_a_model_that_the_hub_has_is_not_fetched() -> None:
    with serving(REPOSITORY, TINY) as hub:
        findings = {one.subject: one for one in preflight.examine([of(REPOSITORY)])}
        assert "isn't on this machine yet" in findings["model"].text
        assert all(one.is_fine for one in findings.values())
        assert not [name for name in hub.downloaded if name.endswith(".safetensors")]
    findings = {one.subject: one for one in preflight.examine([of("somebody/else")])}
    assert not findings["model"].is_fine  # nobody is there to fetch it from


@pytest.mark.usefixtures("empty_cache")
def test_a_model_that_was_fetched_is_looked_at_as_any_other() -> None:
    with serving(REPOSITORY, TINY):
        resolve.fetch(REPOSITORY, FOLDERS)
    findings = {one.subject: one for one in preflight.examine([of(REPOSITORY)])}
    assert findings["model"].is_fine
    assert findings["model"].text.endswith("in f32")


def of(model: str) -> WorkerSettings:
    return WorkerSettings(model=model, device="cpu")
