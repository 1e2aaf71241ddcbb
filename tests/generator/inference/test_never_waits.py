"""No step asks the device for a number: what was launched is computed while the next is launched.

The network and the latents are on the meta device here, which has no numbers to give: where a step
would read one, or copy anything to the host, torch raises.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from generator.contract.bounds import SCHEDULERS
from generator.contract.windows import CONTINUE
from generator.inference.overflow import FiniteWatch
from generator.inference.stages.denoising import Denoise
from generator.inference.stages.predictor import Predictor, StepInputs
from generator.inference.stages.stage import ClipRun, PipelineState, needed
from generator.model.conditioning import Conditioning
from generator.model.loading import HotshotModel, load_model
from generator.model.text_encoding import EncodedText
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.reference import silent
from tests.generator.small_model import small_model

META = torch.device("meta")
GUIDED = replace(QUICK, guidance_scale=3.0, guidance_rescale=0.5, steps=3, video_length=2)
CHANGES = (
    {"pag_scale": 2.0, "steps": 1},
    {"freeu": True, "steps": 1},
    {"video_length": 6, "window": 4, "motion": CONTINUE, "steps": 1},
)


@pytest.fixture(scope="module")
def nowhere() -> HotshotModel:
    return load_model(str(small_model()), device=META, dtype=torch.float32)


def state_of(model: HotshotModel, changes: dict[str, object]) -> PipelineState:
    request = replace(GUIDED, **changes)  # type: ignore[arg-type]
    config = model.unet.config
    sizes = 6 * config.addition_time_embed_dim
    pooled = config.projection_class_embeddings_input_dim - sizes
    text = EncodedText(
        torch.empty(2, 77, config.cross_attention_dim, device=META),
        torch.empty(2, pooled, device=META),
    )
    return PipelineState(
        model=model,
        request=request,
        condition_images=(),
        init_image=None,
        preview_callback=None,
        generator=torch.Generator().manual_seed(1),
        noise=torch.empty(1, 4, request.video_length, 8, 8, device=META),
        conditioning=Conditioning(text, torch.empty(2, 6, device=META)),
    )


class SaysNothing(Predictor):
    """A predictor that has no network to ask."""

    def predict(self, latents: Tensor, inputs: StepInputs) -> Tensor:
        del inputs
        return torch.empty_like(latents)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@torch.inference_mode()
def test_no_sampler_reads_a_number(
    nowhere: HotshotModel, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FiniteWatch, "finish", lambda _: None)  # asks once, after the last step
    clip = ClipRun(state_of(nowhere, {"scheduler": scheduler}), silent, lambda _: None)
    (made,) = Denoise(lambda *_: SaysNothing()).run_together([clip])
    assert needed(made.state.latents).device == META


@pytest.mark.slow
@pytest.mark.parametrize("changes", CHANGES, ids=str)
@torch.inference_mode()
def test_no_answer_of_the_network_needs_one(
    nowhere: HotshotModel, changes: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FiniteWatch, "finish", lambda _: None)  # asks once, after the last step
    clip = ClipRun(state_of(nowhere, changes), silent, lambda _: None)
    (made,) = Denoise().run_together([clip])
    assert needed(made.state.latents).device == META


def test_the_watch_asks_once_and_the_test_would_notice(nowhere: HotshotModel) -> None:
    clip = ClipRun(state_of(nowhere, {}), silent, lambda _: None)
    denoise = Denoise(lambda *_: SaysNothing())
    with torch.inference_mode(), pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        denoise.run_together([clip])


class _Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the largest tensor that an operator makes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.elements = 0

    def __torch_dispatch__(
        self, operator: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        made = operator(*args, **(kwargs or {}))
        if isinstance(made, Tensor):
            self.elements = max(self.elements, made.numel())
        return made


def largest(model: HotshotModel, frames: int) -> int:
    changes = {"video_length": frames, "window": 4, "motion": CONTINUE, "steps": 1}
    clip = ClipRun(state_of(model, changes), silent, lambda _: None)
    with _Largest() as seen:
        Denoise().run_together([clip])
    return int(seen.elements)


@pytest.mark.slow
@torch.inference_mode()
def test_a_step_s_memory_is_that_of_a_window_and_not_of_the_clip(
    nowhere: HotshotModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FiniteWatch, "finish", lambda _: None)
    assert largest(nowhere, 8) == largest(nowhere, 4)
