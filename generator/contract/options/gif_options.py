"""What somebody asks of a GIF: every option, declared once, and what was given of them.

An option is one field with its entry, which says where it is offered, and which field of
``Request`` it sets. Standard library only; the bot and the command line both use it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from generator.contract.bounds import MAX_DURATION_MS, draw_seed, scheduler_name
from generator.contract.few_steps import FewSteps, with_sampling
from generator.contract.messages import Request
from generator.contract.options.conditioning import ConditioningOptions, FileT
from generator.contract.options.sampling import DEFAULT_SCHEDULER
from generator.contract.options.spec import (
    FormField,
    Group,
    Kind,
    OptionSpec,
    Setting,
    Slash,
    check_choice,
    specs_of,
)
from generator.contract.text import Text
from generator.contract.windows import CONTINUE, plan_of

if TYPE_CHECKING:
    from generator.contract.limits import ModelLimits

FORMATS = {"gif": ".gif", "webp": ".webp", "mp4": ".mp4"}
DEFAULT_FORMAT = "gif"
MAX_COUNT = 4
_COUNT_CHARACTERS = len(str(MAX_COUNT))


@dataclass(frozen=True, kw_only=True)
class GifOptions(ConditioningOptions[FileT]):
    """All that was given, None for what was left out; in the order in which /gif offers it.

    ``FileT`` is what stands for a file before it is fetched.
    """

    model: str | None = OptionSpec(
        kind=Kind.MODEL,
        label=Text("model"),
        field="model",
        slash=Slash(Text("Which model makes it; start typing to see those there are.")),
        mine=Setting(Text("The model.")),
        server=Setting(Text("The model.")),
        form=FormField(group=Group.RESULT, label=Text("Model")),
    ).declared
    style: str | None = OptionSpec(
        kind=Kind.STYLE,
        label=Text("style"),
        slash=Slash(Text("A style for your GIF (default: none).")),
        mine=Setting(Text("The style.")),
        server=Setting(Text("The style.")),
        form=FormField(group=Group.WORDS),
    ).declared
    count: int | None = OptionSpec(
        kind=Kind.WHOLE_NUMBER,
        label=Text("count"),
        subject=Text("The count"),
        bounds=lambda _: (1, MAX_COUNT),
        slash=Slash(Text("How many variations, each with its own seed (default: 1).")),
        form=FormField(group=Group.RESULT, longest=_COUNT_CHARACTERS),
    ).declared
    format: str | None = OptionSpec(
        kind=Kind.CHOICE,
        label=Text("format"),
        choices=lambda _: {name: name for name in FORMATS},
        refusal=Text("There is no format {name!r}; choose one of {known}."),
        mine=Setting(Text("The file type."), leads=True),
        form=FormField(group=Group.RESULT, description=Text("The file type (default: gif).")),
    ).declared
    private: bool | None = OptionSpec(
        kind=Kind.SWITCH,
        label=Text("private"),
        mine=Setting(Text("Whether only you see your GIFs."), leads=True),
        form=FormField(group=Group.RESULT, description=Text("Whether only you see it.")),
    ).declared

    def to_request(
        self, limits: ModelLimits, base: Request | None = None, few: FewSteps | None = None
    ) -> Request:
        """Return ``base`` with what was given, or the model's defaults with it; unchecked.

        A quality, or a distilled LoRA's ``few`` steps, decide what isn't given of the sampling.
        LoRAs by name, files and all that hangs on them are for whoever has fetched them. Raises
        RequestError for a size, a quality or a sampler that there isn't.
        """
        start = base or _default_request(limits)
        if self.quality is not None:
            check_choice(spec_named("quality"), limits, self.quality)
        if few is not None or self.quality is not None:
            start = with_sampling(start, limits, self.quality, few)
        changes: dict[str, Any] = {}
        for spec in specs_of(type(self)):
            value = getattr(self, spec.name)
            if spec.field and value is not None:
                changes[spec.field] = spec.with_value(
                    changes.get(spec.field, getattr(start, spec.field)), value
                )
        if self.size is not None:
            check_choice(spec_named("size"), limits, self.size)
            size = limits.size(self.size)
            changes |= {"width": size.width, "height": size.height}
        if self.scheduler is not None:
            is_own = self.scheduler == DEFAULT_SCHEDULER
            changes["scheduler"] = limits.scheduler if is_own else scheduler_name(self.scheduler)
        request = replace(start, **changes)
        if request.video_length > limits.max_frames and not request.motion:
            request = replace(request, motion=CONTINUE)
        return self._at_the_pace_of(start, request)

    def _at_the_pace_of(self, start: Request, request: Request) -> Request:
        """Return a clip of windows with each frame shown as long as before, unless that is said."""
        if self.frames is None or self.duration is not None or plan_of(request) is None:
            return request
        duration = start.video_duration * request.video_length // start.video_length
        return replace(request, video_duration=min(duration, MAX_DURATION_MS))


OPTIONS = specs_of(GifOptions)
"""All options, in the order in which /gif offers them."""


_BY_NAME = {spec.name: spec for spec in OPTIONS}


def spec_named(name: str) -> OptionSpec:
    """Return the option of that name."""
    return _BY_NAME[name]


def _default_request(limits: ModelLimits) -> Request:
    return replace(_usual_request(limits), seed=draw_seed())


@lru_cache(maxsize=64)  # models
def _usual_request(limits: ModelLimits) -> Request:
    """Return what is as ever where nothing is said: all but the seed."""
    usual = {
        spec.field: spec.default(limits)
        for spec in OPTIONS
        if spec.field and spec.default and spec.field != "seed"
    }
    return Request(**usual, seed=0)
