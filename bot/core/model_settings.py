"""``[models.NAME]`` of the config: models that people may choose beside the default one."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from bot.core.section import Section
from generator.contract.bounds import (
    MAX_CLIP_FRAMES,
    MAX_FRAMES,
    MAX_GUIDANCE_SCALE,
    MAX_LORA_STRENGTH,
    MAX_LORAS,
    MAX_STEPS,
    SCHEDULERS,
)
from generator.contract.few_steps import FewSteps, recognise
from generator.contract.messages import Lora
from generator.contract.paths import split_strength
from generator.contract.worker_settings import NamedModel

_MEGABYTE = 2**20
_NONE = "none"


class ModelSettings(Section):
    """``[models.NAME]``: a model, what it is made with by default, and what may be asked of it.

    What isn't said is as the model's own directory says it, or a worker that has it.
    ``few_steps`` is of which kind a distilled LoRA among ``loras`` is, where its name doesn't tell;
    "none" where its name tells wrong.
    """

    model: Annotated[str, Field(min_length=1)]
    spatial_unet_base: str = ""
    unet_only: bool = False
    prediction_type: Literal["", "epsilon", "v_prediction", "sample"] = ""
    loras: Annotated[tuple[str, ...], Field(max_length=MAX_LORAS)] = ()
    few_steps: str = ""
    sampler: str | None = None
    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)] | None = None
    guidance: Annotated[float, Field(ge=0, le=MAX_GUIDANCE_SCALE)] | None = None
    native_edge: Annotated[int, Field(ge=32, le=8192, multiple_of=8)] | None = None
    max_frames: Annotated[int, Field(ge=1, le=MAX_FRAMES)] | None = None
    max_clip_frames: Annotated[int, Field(ge=1, le=MAX_CLIP_FRAMES)] | None = None
    max_steps: Annotated[int, Field(ge=1, le=MAX_STEPS)] | None = None
    memory_mb: Annotated[int, Field(ge=0)] = 0
    adult: bool = False

    @field_validator("sampler")
    @classmethod
    def _known_sampler(cls, value: str | None) -> str | None:
        if value is not None and value not in SCHEDULERS:
            raise ValueError(f"one of {', '.join(SCHEDULERS)} is expected")
        return value

    @field_validator("few_steps")
    @classmethod
    def _known_kind(cls, value: str) -> str:
        if value not in ("", _NONE):
            FewSteps.named(value)
        return value

    @field_validator("loras")
    @classmethod
    def _strengths(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            _lora(text)
        return value

    @property
    def declared(self) -> dict[str, Any]:
        """Return what is said of ``DeclaredLimits``."""
        few, guidance = self._distilled, self.guidance
        if few is not None and guidance is None:
            guidance = few.guidance_scale
        said = {
            "scheduler": self.sampler or (few and few.scheduler),
            "steps": self.steps or (few and few.steps_at(None)),
            "guidance_scale": guidance,
            "native_edge": self.native_edge,
            "max_frames": self.max_frames,
            "max_clip_frames": self.max_clip_frames,
            "max_steps": self.max_steps,
        }
        return {name: value for name, value in said.items() if value is not None}

    @property
    def _distilled(self) -> FewSteps | None:
        """What a distilled LoRA of this model brings."""
        if self.few_steps:
            return None if self.few_steps == _NONE else FewSteps.named(self.few_steps)
        acting = (lora.path for lora in map(_lora, self.loras) if lora.strength > 0)
        return next(filter(None, (recognise([path]) for path in acting)), None)

    def for_workers(self, name: str) -> NamedModel:
        """Return what a worker is told of the model of this name."""
        return NamedModel(
            name=name,
            model=self.model,
            spatial_unet_base=self.spatial_unet_base,
            unet_only=self.unet_only,
            prediction_type=self.prediction_type,
            loras=tuple(map(_lora, self.loras)),
            limits=self.declared,
            memory_bytes=self.memory_mb * _MEGABYTE,
        )


def label_of(model: str) -> str:
    """Return what people read of a model that is given by its directory, file or hub id."""
    return model.replace("\\", "/").rstrip("/").rpartition("/")[2] or model


def _lora(text: str) -> Lora:
    """Return a LoRA given as FILE or FILE:STRENGTH. Raises ValueError."""
    path, strength = split_strength(text)
    if strength is None:
        return Lora(path)
    try:
        number = float(strength)
    except ValueError:
        number = float("nan")
    if not -MAX_LORA_STRENGTH <= number <= MAX_LORA_STRENGTH:
        raise ValueError(
            f"{text[:80]!r} has no valid strength; FILE or FILE:STRENGTH is expected, with a "
            f"strength from -{MAX_LORA_STRENGTH} to {MAX_LORA_STRENGTH}"
        )
    return Lora(path, number)
