"""The stages that make a file: their names, their labels, what they cost, and their order.

Both sides read this one table: a worker runs the stages (``generator.inference.stages``), the bot
names them to people and estimates their time. A request goes through the stages that every GIF
needs, and through those that it chose (``Request.stages``). Standard library only; runs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from generator.contract.errors import RequestError
from generator.contract.messages import ChosenStage, Request
from generator.contract.text import Text
from generator.contract.windows import frames_computed

ENCODE_PROMPT = "encode_prompt"
ENCODE_IMAGE = "encode_image"
DRAW_NOISE = "draw_noise"
DENOISE = "denoise"
DECODE = "decode"
TO_FRAMES = "to_frames"
ENLARGE = "enlarge"
SAVE = "save"

UPSCALE = "upscale"
"""The choice of a second pass at twice the size, which begins from the first one's frames."""
OWN_FRAMES = "its own frames"
"""Stands for ``Request.image`` in a pass that begins from the frames of the pass before it."""

_LONGEST_NAME = 60  # characters of a stranger's that a sentence quotes


@dataclass(frozen=True, slots=True)
class Cost:
    """The work that time depends on, in megapixels of all frames together.

    ``denoised`` counts them once for each step, twice for a guided one, and once more with PAG; in
    a long clip once for each window that a frame is in. ``controlled`` is what of that ControlNets
    see as well, once for each of them. ``painted`` is what the VAE decodes.
    """

    denoised: float = 0.0
    controlled: float = 0.0
    painted: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.denoised + other.denoised,
            self.controlled + other.controlled,
            self.painted + other.painted,
        )


@dataclass(frozen=True, slots=True)
class StageSpec:
    """What both sides know of a stage.

    ``label`` is what it is called while it runs; it may count by ``{step}`` and ``{steps}``.
    ``cost`` is of one run, by the request of the pass that it runs in.
    """

    name: str
    label: Text
    cost: Callable[[Request], Cost]


@dataclass(frozen=True, slots=True)
class StageChoice:
    """What a request may choose: its name in a list of settings, and the stages that it adds.

    ``stages`` is given the request of the last pass so far.
    """

    label: Text
    stages: Callable[[Request, ChosenStage], Iterable[PlannedStage]]


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A stage of a request's plan, with the request of the pass that it runs in."""

    name: str
    request: Request

    @property
    def cost(self) -> Cost:
        return STAGES[self.name].cost(self.request)


def plan(request: Request) -> tuple[PlannedStage, ...]:
    """Return the stages that make a request's file, in order, the last of which writes it.

    Stages chosen that this version doesn't know are left out; ``check_stages`` refuses them.
    """
    planned = list(_one_pass(request))
    for chosen in request.stages:
        if chosen.name in CHOICES:
            planned += CHOICES[chosen.name].stages(planned[-1].request, chosen)
    return (*planned, PlannedStage(SAVE, planned[-1].request))


def check_stages(request: Request) -> None:
    """Raise RequestError for a chosen stage that this version doesn't know."""
    for chosen in request.stages:
        if chosen.name not in CHOICES:
            raise RequestError(
                "This version doesn't know the stage {name!r}; a newer one may.",
                name=chosen.name[:_LONGEST_NAME],
            )


def last_pass(request: Request) -> Request:
    """Return the request of the pass whose frames are written: the request itself, if one is all.

    Its ``stages`` are empty.
    """
    return replace(plan(request)[-1].request, stages=())


def output_size(request: Request) -> tuple[int, int]:
    """Return the width and height of what is written."""
    last = plan(request)[-1].request
    return last.width, last.height


def second_pass(request: Request, image: str, chosen: ChosenStage) -> Request:
    """Return a second pass at twice the size, from ``image``, which holds a request's own frames.

    What the first pass followed is in these already, and so is what it began from. Few steps that
    are enough for a way from noise are too few for the short end of it, so a stage may have its
    own; of these, too, only its strength's share is made.
    """
    return replace(
        request,
        width=2 * request.width,
        height=2 * request.height,
        controls=(),
        control_source="",
        image=image,
        image_strength=chosen.strength,
        kept_frames=0,
        steps=chosen.steps or request.steps,
        scheduler=chosen.scheduler or request.scheduler,
        stages=(),
    )


def total_cost(request: Request) -> Cost:
    """Return the work of all stages."""
    return sum((planned.cost for planned in plan(request)), Cost())


def total_steps(request: Request) -> int:
    """Return the number of denoising steps of all passes; a worker counts its steps up to it."""
    return sum(one.request.steps_made for one in _denoisings(request))


def most_steps(request: Request) -> int:
    """Return the number of denoising steps of the pass that has the most."""
    return max(one.request.steps_made for one in _denoisings(request))


def with_most_steps(request: Request, most: int) -> Request:
    """Return the request with at most so many denoising steps in each of its passes."""
    stages = tuple(
        replace(chosen, steps=min(chosen.steps, int(most / chosen.strength)))
        for chosen in request.stages
    )
    return replace(request, steps=min(request.steps, most), stages=stages)


def work_done(request: Request, step: int) -> float:
    """Return how much is denoised after ``step`` steps, in steps of the first pass.

    That is just the number of steps, where all passes have the same size.
    """
    unit = done = 0.0
    for one in _denoisings(request):
        steps = one.request.steps_made
        each = one.cost.denoised / steps
        unit = unit or each
        done += min(step, steps) * (each / unit)
        step = max(0, step - steps)
    return done


def _denoisings(request: Request) -> Iterator[PlannedStage]:
    return (planned for planned in plan(request) if planned.name == DENOISE)


def _one_pass(request: Request) -> Iterator[PlannedStage]:
    """Yield the stages from a prompt to frames."""
    yield PlannedStage(ENCODE_PROMPT, request)
    if request.image:
        yield PlannedStage(ENCODE_IMAGE, request)
    for name in (DRAW_NOISE, DENOISE, DECODE, TO_FRAMES):
        yield PlannedStage(name, request)


def _upscale(request: Request, chosen: ChosenStage) -> Iterator[PlannedStage]:
    larger = second_pass(request, OWN_FRAMES, chosen)
    yield PlannedStage(ENLARGE, larger)
    yield from _one_pass(larger)


CHOICES = {UPSCALE: StageChoice(Text("upscaled at {strength:g}"), _upscale)}
"""What a request may choose, by name."""


def _denoising_cost(request: Request) -> Cost:
    guided = request.guidance_end - request.guidance_start if request.guidance_scale > 1 else 0.0
    times = frames_computed(request) / request.video_length  # that a frame is in a window
    perturbed = 1.0 if request.pag_scale else 0.0
    denoised = _megapixels(request) * times * (1 + guided + perturbed)
    followed = sum(max(0.0, control.end - control.start) for control in request.controls)
    return Cost(denoised=denoised, controlled=denoised * followed)


def _decoding_cost(request: Request) -> Cost:
    made = 1 - request.kept_frames / request.video_length
    return Cost(painted=_megapixels(request) * made)


def _no_cost(_: Request) -> Cost:
    """Return the cost of a stage whose time is in the constant, or in the decoding it goes with."""
    return Cost()


def _megapixels(request: Request) -> float:
    return request.video_length * request.width * request.height / 1e6


_PAINTING = Text("painting the frames")
STAGES: dict[str, StageSpec] = {
    spec.name: spec
    for spec in (
        StageSpec(ENCODE_PROMPT, Text("reading the prompt"), _no_cost),
        StageSpec(ENCODE_IMAGE, Text("reading the picture"), _no_cost),
        StageSpec(DRAW_NOISE, Text("drawing the noise"), _no_cost),
        StageSpec(DENOISE, Text("step {step} of {steps}"), _denoising_cost),
        StageSpec(DECODE, _PAINTING, _decoding_cost),
        StageSpec(TO_FRAMES, _PAINTING, _no_cost),
        StageSpec(ENLARGE, Text("making it larger"), _no_cost),
        StageSpec(SAVE, Text("saving"), _no_cost),
    )
}
