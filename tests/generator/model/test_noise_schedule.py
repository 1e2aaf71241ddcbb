"""A base's own schedule counts: what it predicts, and to which noise it was trained."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    TCDScheduler,
    UniPCMultistepScheduler,
)
from safetensors.torch import save_file

from generator.contract.errors import ModelError, RequestError
from generator.contract.limits import NANO_DIRECTORY
from generator.inference.pipeline import HotshotPipeline
from generator.model.loading import HotshotModel, load_model
from generator.model.noise_schedule import resolve_schedule
from generator.model.schedulers import make_scheduler, scheduler_step
from generator.model.spatial_base import open_base
from tests.generator.checkpoints import civitai
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.model.test_loading import edit_json
from tests.generator.model.test_schedulers import PUBLISHED, ZERO_TERMINAL_SNR
from tests.generator.reference import CPU, TINY, silent

EMPTY = torch.zeros(0)


Schedule = tuple[str, bool, str]
OWN = json.loads((TINY / "scheduler/scheduler_config.json").read_text(encoding="utf-8"))


def load(base: Path | None, **options: Any) -> HotshotModel:
    given = str(base) if base else None
    return load_model(
        str(TINY), spatial_unet_base=given, device=CPU, dtype=torch.float32, **options
    )


def schedule(base: Path | None, prediction_type: str = "", **options: Any) -> Schedule:
    """Of the reference model with this base; no weights are read."""
    found = open_base(str(base), unet_only=options.get("unet_only", False)) if base else None
    return _shown(resolve_schedule(OWN, found, prediction_type, "tiny"))


def _shown(config: Mapping[str, Any]) -> Schedule:
    zero_snr = bool(config.get("rescale_betas_zero_snr"))
    return config["prediction_type"], zero_snr, config["timestep_spacing"]


def a_file(path: Path, metadata: dict[str, str] | None = None, marks: tuple[str, ...] = ()) -> Path:
    tensors = civitai.spatial(TINY) | dict.fromkeys(marks, EMPTY)
    save_file({name: value.contiguous() for name, value in tensors.items()}, path, metadata)
    return path


SAID = [
    ({}, (), ("epsilon", False, "leading")),
    ({}, ("v_pred",), ("v_prediction", False, "leading")),
    ({}, ("v_pred", "ztsnr"), ("v_prediction", True, "trailing")),
    ({"modelspec.prediction_type": "v"}, ("v_pred", "ztsnr"), ("v_prediction", True, "trailing")),
    ({"modelspec.prediction_type": "v"}, (), ("v_prediction", False, "leading")),
    ({"modelspec.prediction_type": "V-Prediction"}, (), ("v_prediction", False, "leading")),
    ({"modelspec.prediction_type": "epsilon"}, (), ("epsilon", False, "leading")),
    (
        {"ss_v_parameterization": "True", "ss_zero_terminal_snr": "True"},
        (),
        ("v_prediction", True, "trailing"),
    ),
    ({}, ("ztsnr",), ("epsilon", False, "leading")),  # of no meaning without v
]


@pytest.mark.parametrize(("metadata", "marks", "expected"), SAID)
def test_a_file_says_it_by_tensors_or_metadata(
    tmp_path: Path,
    metadata: dict[str, str],
    marks: tuple[str, ...],
    expected: tuple[str, bool, str],
) -> None:
    assert schedule(a_file(tmp_path / "one.safetensors", metadata, marks)) == expected


def test_it_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        load(a_file(tmp_path / "one.safetensors", {}, ("v_pred", "ztsnr")))
    assert (
        "The schedule is v_prediction, with zero terminal SNR, as one.safetensors says."
        in caplog.messages
    )


@pytest.mark.parametrize("unet_only", [False, True])
@pytest.mark.parametrize("inner", ["", "unet"])
def test_a_directory_says_it_in_its_scheduler(
    copy_of_tiny: Path, inner: str, *, unet_only: bool
) -> None:
    config = copy_of_tiny / "scheduler/scheduler_config.json"
    config.write_text(json.dumps(ZERO_TERMINAL_SNR | {"beta_end": 0.02, "use_karras_sigmas": True}))
    base = open_base(str(copy_of_tiny / inner), unet_only=unet_only)
    found = resolve_schedule(OWN, base, "", "tiny")
    assert _shown(found) == ("v_prediction", True, "trailing")
    assert found["beta_end"] == 0.02
    assert not found.get("use_karras_sigmas")  # a sampler's habit


def test_what_a_base_s_config_leaves_out_is_epsilon(copy_of_tiny: Path) -> None:
    plain = {key: value for key, value in PUBLISHED.items() if key != "prediction_type"}
    (copy_of_tiny / "scheduler/scheduler_config.json").write_text(json.dumps(plain))
    base = open_base(str(copy_of_tiny), unet_only=False)
    found = resolve_schedule(OWN | ZERO_TERMINAL_SNR, base, "", "tiny")
    assert _shown(found) == ("epsilon", False, "leading")


@pytest.mark.slow
def test_frames_are_those_of_the_schedule(tiny: HotshotModel, copy_of_tiny: Path) -> None:
    edit_json(copy_of_tiny / "scheduler/scheduler_config.json", **ZERO_TERMINAL_SNR)
    own = HotshotPipeline(replace(tiny, scheduler_config=ZERO_TERMINAL_SNR))
    with_base = HotshotPipeline(load(copy_of_tiny))
    for scheduler in ("euler_a", "ddim"):
        request = replace(QUICK, scheduler=scheduler, steps=4)
        made = with_base.latents(request, report=silent)
        torch.testing.assert_close(made, own.latents(request, report=silent), atol=1e-4, rtol=1e-4)
        other = HotshotPipeline(tiny).latents(request, report=silent)
        assert not torch.allclose(made, other, atol=1e-2)


def test_somebody_says_it_for_a_file_that_doesn_t(tmp_path: Path) -> None:
    file = a_file(tmp_path / "one.safetensors")
    assert schedule(file, "v_prediction") == ("v_prediction", False, "leading")
    marked = a_file(tmp_path / "two.safetensors", {}, ("v_pred", "ztsnr"))
    assert schedule(marked, "epsilon") == ("epsilon", False, "trailing")
    assert schedule(None, "v_prediction")[0] == "v_prediction"
    with pytest.raises(ModelError, match="no prediction type 'x'; choose one of epsilon"):
        schedule(None, "x")


def test_a_schedule_that_nobody_knows_is_one_sentence(copy_of_tiny: Path, tmp_path: Path) -> None:
    for marks, metadata in (
        (("edm_mean", "edm_std"), {}),
        (("edm_vpred.sigma_max",), {}),
        ((), {"modelspec.prediction_type": "flow"}),
    ):
        file = a_file(tmp_path / "one.safetensors", metadata, marks)
        with pytest.raises(ModelError, match=r"one\.safetensors was trained on a schedule that"):
            schedule(file)
    schedule(file, "v_prediction")  # whoever knows better
    for change in (
        {"_class_name": "EDMDPMSolverMultistepScheduler"},
        {"_class_name": "FlowMatchEulerDiscreteScheduler"},
        {"_class_name": "EulerDiscreteScheduler", "prediction_type": "flow_prediction"},
        {"prediction_type": 7},
    ):
        edit_json(copy_of_tiny / "scheduler/scheduler_config.json", **change)
        with pytest.raises(ModelError, match="was trained on a schedule"):
            schedule(copy_of_tiny)


@pytest.mark.slow
def test_the_picture_itself_is_predicted(tiny: HotshotModel) -> None:
    model = replace(tiny, scheduler_config=PUBLISHED | {"prediction_type": "sample"})
    with pytest.raises(RequestError, match=r"euler_a can't be used with .* choose another sch"):
        HotshotPipeline(model).latents(QUICK, report=silent)
    for scheduler in ("euler", "ddim", "dpmpp_2m", "dpmpp_sde", "unipc", "lcm", "tcd"):
        request = replace(QUICK, scheduler=scheduler)
        assert HotshotPipeline(model).latents(request, report=silent).isfinite().all()


@pytest.mark.slow
def test_nano_s_own_spatial_layers_as_a_v_prediction_base(tmp_path: Path) -> None:
    """A model that says epsilon, with a base that says otherwise, makes nano's own GIF."""
    model = shutil.copytree(NANO_DIRECTORY, tmp_path / "says_epsilon")
    config = model / "scheduler/scheduler_config.json"
    edit_json(config, prediction_type="epsilon", rescale_betas_zero_snr=False)
    tensors = civitai.spatial(NANO_DIRECTORY)
    file = tmp_path / "vpred.safetensors"
    marks = {"v_pred": EMPTY, "ztsnr": EMPTY}
    save_file({name: value.contiguous() for name, value in (tensors | marks).items()}, file)
    request = replace(QUICK, steps=4, guidance_scale=1.7)
    frames = []
    for directory, base in ((NANO_DIRECTORY, None), (model, file), (model, NANO_DIRECTORY)):
        loaded = load_model(
            str(directory),
            spatial_unet_base=str(base) if base else None,
            device=CPU,
            dtype=torch.float32,
        )
        assert _shown(loaded.scheduler_config) == ("v_prediction", True, "trailing")
        frames.append(HotshotPipeline(loaded)(request, report=silent).astype(int))
    assert abs(frames[0] - frames[1]).max() <= 1
    assert abs(frames[0] - frames[2]).max() <= 1


# -- diffusers' own schedulers, configured by hand -------------------------------------------------

KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "euler_a": (EulerAncestralDiscreteScheduler, {}),
    "euler": (EulerDiscreteScheduler, {}),
    "ddim": (DDIMScheduler, {}),
    "dpmpp_2m": (DPMSolverMultistepScheduler, {}),
    "dpmpp_2m_karras": (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "dpmpp_sde": (DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
    "unipc": (UniPCMultistepScheduler, {}),
    "lcm": (LCMScheduler, {}),
    "tcd": (TCDScheduler, {}),
}
V_ALONE = PUBLISHED | {"prediction_type": "v_prediction"}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("config", [V_ALONE, ZERO_TERMINAL_SNR], ids=["v", "zero_snr"])
def test_every_sampler_is_diffusers_own(name: str, config: dict[str, Any]) -> None:
    if name == "dpmpp_2m_karras" and config is ZERO_TERMINAL_SNR:
        pytest.skip("its ramp begins below pure noise, which diffusers' doesn't")
    kind, options = KINDS[name]
    theirs = kind.from_config({**config, **options})
    theirs.set_timesteps(10)
    ours = make_scheduler(name, config, 10)
    assert torch.equal(torch.as_tensor(ours.timesteps), torch.as_tensor(theirs.timesteps))
    made = []
    for scheduler in (ours, theirs):
        generator = torch.Generator().manual_seed(1)
        latents = torch.randn(1, 4, 2, 8, 8, generator=generator) * scheduler.init_noise_sigma
        for timestep in scheduler.timesteps:
            seen = scheduler.scale_model_input(latents, timestep)
            latents = scheduler_step(scheduler, seen.sin(), timestep, latents, generator)
        made.append(latents)
    assert made[0].isfinite().all()
    assert torch.equal(*made)
