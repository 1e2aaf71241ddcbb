"""The whole contract between the bot and a generator process. Standard library only.

Messages are small frozen values, which ``generator.contract.wire`` makes JSON of. No path is in
one, since the other side may be another machine: files are named by their hash
(``FileReference``), and each side has them in a directory of its own. Frames and files never travel
in a message.

A worker says ``Ready`` or ``StartFailed`` once, when it starts. For each ``Generate`` it says
``Started``, any number of ``Progress``, and exactly one of ``Finished``, ``Failed``, ``Cancelled``.
Before that one it says ``SlotFreed``, unless it leaves: it can take another job from then on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from generator.contract.declared_limits import IMAGE_STRENGTH, DeclaredLimits
from generator.contract.errors import Failure
from generator.contract.file_reference import FileReference
from generator.contract.windows import USUAL_WINDOW

# Of ``Request.to_dict``. Version 1 knew one empty negative prompt, which meant none.
REQUEST_VERSION = 2
# Fields that came after version 2, and what they say where there is nothing to say.
_LATER: dict[str, Any] = {
    "stages": (),
    "model": "",
    "motion": "",
    "window": USUAL_WINDOW,
    "kept_frames": 0,
    "freeu": False,
    "pag_scale": 0.0,
}

MAX_TOGETHER = 4  # jobs that a worker computes together
MAX_AHEAD = 16  # jobs that wait in a worker

# -- what somebody asked for ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lora:
    """A LoRA to apply: a .safetensors file or a hub id, and how strongly (1 is as trained)."""

    path: str
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Control:
    """A ControlNet to follow ``Request.control_source`` with.

    ``kind`` is depth, canny, or a ControlNet's directory or hub id. ``annotator`` makes its
    pictures from the source's frames: ``auto`` is the one that suits the kind, ``none`` leaves
    them as they are. It acts from ``start`` to ``end``, fractions of the steps made. ``scales`` are
    strengths by frame, as ``generator.contract.travel`` reads them, in place of ``scale``.
    """

    kind: str
    scale: float = 1.0
    start: float = 0.0
    end: float = 1.0
    annotator: str = "auto"
    scales: str = ""


@dataclass(frozen=True, slots=True)
class ChosenStage:
    """A stage that a request goes through beside those that every GIF needs.

    ``name`` is one of ``generator.contract.stages.CHOICES``, or what only another version knows.
    ``strength`` says how far a second pass may come away from the frames of the first. It has
    ``steps`` and a ``scheduler`` of its own, unless 0 and "" say that it has those of the first.
    """

    name: str
    strength: float = 1.0
    steps: int = 0
    scheduler: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One GIF, complete: nothing is drawn or looked up later, so the same request makes it again.

    ``negative_prompt`` None is no text at all, and "" a text without words; models tell them apart.
    Sizes are (width, height) in pixels, ``video_duration`` is in milliseconds. Guidance acts from
    ``guidance_start`` to ``guidance_end``, fractions of the steps made. ``control_source`` is the
    file or folder whose motion ``controls`` follow. ``image`` is a picture, or a clip, that the
    frames begin from instead of noise alone: ``image_strength`` is how much of the way from noise
    is gone all the same, so how far they may come away from it. The first ``kept_frames`` are those
    of ``image`` as they are, and the others go on from there, out of noise, whatever the strength;
    0 where none is kept. ``stages`` are those chosen beside
    the usual ones, in their order; ``width`` and ``height`` are those of the first pass. ``model``
    is what the bot's config calls the model that makes it, empty for the default one. ``motion`` is
    one of ``generator.contract.windows.MOTIONS``, or empty: how a clip of more than ``window``
    frames is made, of which the networks then see so many at once. ``freeu`` and ``pag_scale`` (0:
    none) are FreeU and the strength of perturbed-attention guidance.
    """

    prompt: str
    seed: int
    width: int
    height: int
    steps: int
    guidance_scale: float
    negative_prompt: str | None = None
    guidance_rescale: float = 0.0
    scheduler: str = "euler_a"
    video_length: int = 8
    video_duration: int = 1000
    original_size: tuple[int, int] = (1920, 1080)
    target_size: tuple[int, int] = (512, 512)
    guidance_start: float = 0.0
    guidance_end: float = 1.0
    loras: tuple[Lora, ...] = ()
    controls: tuple[Control, ...] = ()
    control_source: str = ""
    image: str = ""
    image_strength: float = IMAGE_STRENGTH
    stages: tuple[ChosenStage, ...] = ()
    model: str = ""
    motion: str = ""
    window: int = USUAL_WINDOW
    kept_frames: int = 0
    freeu: bool = False
    pag_scale: float = 0.0

    @property
    def steps_made(self) -> int:
        """The number of ``steps`` that are gone: from a picture the last ones, at least one."""
        if not self.image or self.kept_frames:
            return self.steps
        return max(1, round(self.steps * self.image_strength))

    @property
    def files(self) -> tuple[FileReference, ...]:
        """The files that are named by their hash: a worker has to be given them."""
        names = (*(lora.path for lora in self.loras), self.control_source, self.image)
        found = (FileReference.parse(name) for name in names)
        return tuple(dict.fromkeys(each for each in found if each is not None))

    def without_image(self) -> Self:
        """Return this request begun from noise alone."""
        return replace(self, image="", kept_frames=0)

    def with_files_at(self, locate: Callable[[FileReference], Path]) -> Self:
        """Return this request with paths where it names files by their hash.

        Other names stay: hub ids, and the paths of who is on the worker's own machine.
        """

        def located(name: str) -> str:
            reference = FileReference.parse(name)
            return name if reference is None else str(locate(reference))

        return replace(
            self,
            loras=tuple(replace(lora, path=located(lora.path)) for lora in self.loras),
            control_source=located(self.control_source),
            image=located(self.image),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; an earlier version reads them where it can make the GIF."""
        values = {name: getattr(self, name) for name in _REQUEST_FIELDS}
        for name in _DATACLASSES:
            values[name] = tuple(map(asdict, values[name]))
        values["stages"] = tuple(map(_said_of_stage, values["stages"]))
        for control in values["controls"]:
            if not control["scales"]:
                del control["scales"]
        for name, usual in _LATER.items():  # earlier versions know none of these
            if values[name] == usual:
                del values[name]
        return {"version": REQUEST_VERSION, **values}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what ``to_dict`` wrote, also an earlier version's.

        Raises TypeError for a key this version doesn't know. Of a stage that another version knows
        the name is kept, by which it is refused.
        """
        restored = upgraded(values)
        restored.pop("version", None)
        for key in ("original_size", "target_size"):
            if key in restored:
                restored[key] = tuple(restored[key])
        restored["loras"] = tuple(Lora(**lora) for lora in values.get("loras", ()))
        restored["controls"] = tuple(Control(**control) for control in values.get("controls", ()))
        restored["stages"] = tuple(map(_chosen_stage, values.get("stages", ())))
        return cls(**restored)


_REQUEST_FIELDS = tuple(each.name for each in fields(Request))
_DATACLASSES = ("loras", "controls", "stages")  # all else is a plain value


def _said_of_stage(values: dict[str, Any]) -> dict[str, Any]:
    """Return a stage's values without those that leave something to the first pass."""
    left_open = {"steps": 0, "scheduler": ""}
    return {
        name: value
        for name, value in values.items()
        if name not in left_open or value != left_open[name]
    }


def _chosen_stage(values: dict[str, Any]) -> ChosenStage:
    known = {each.name for each in fields(ChosenStage)}
    return ChosenStage(**{name: value for name, value in values.items() if name in known})


def upgraded(values: dict[str, Any]) -> dict[str, Any]:
    """Return a request's JSON values as this version writes them, whichever wrote these."""
    version = values.get("version", 1)
    if version == 1 and values.get("negative_prompt") == "":
        return values | {"negative_prompt": None}
    return dict(values)


# -- from the parent -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Generate:
    """Make this. ``suffix`` is the file's, such as ``.gif``, and decides the format.

    ``request.files`` are where the worker keeps files that are named by their hash. ``companions``
    is how many of the next messages are jobs that are computed together with this one: their
    requests differ in their seeds alone. One that ``has_waited`` did when there was room for it.
    """

    job_id: str
    attempt: int
    request: Request
    suffix: str
    companions: int = 0
    has_waited: bool = False

    @property
    def output_name(self) -> str:
        return output_name(self.job_id, self.attempt, self.suffix)


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop this attempt between two steps. One that is over already is no error."""

    job_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Finish nothing more and leave."""


def output_name(job_id: str, attempt: int, suffix: str) -> str:
    """Return a file's name while it is written; each attempt has one of its own.

    A worker that outlived a killed bot may still write the last one's.
    """
    return f"{job_id}-{attempt}{suffix}"


# -- from the child --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LoadableModel:
    """A model that a worker holds or can load, by the ``name`` that jobs have for it."""

    name: str
    limits: DeclaredLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a worker can do, by which it is given jobs.

    It holds ``model``, and can be started anew with another of ``models``, among which that is;
    one that names none has that alone. ``device`` and ``dtype`` are those chosen. ``max_frames``
    and ``max_pixels`` (of a frame) are those of ``model``. ``stages`` are those that a request may
    choose. ``batch_pixels`` are those of all frames of clips that it computes together with
    ``model``, at most: 0 where it makes one clip at a time. ``clip_pixels`` are those of all frames
    of one clip that its memory holds until their file is written, 0 where that isn't known.
    ``unknown`` names what a newer worker says of itself beside that; it isn't used.
    """

    model: str
    device: str
    dtype: str
    max_frames: int
    max_pixels: int
    stages: tuple[str, ...] = ()
    models: tuple[LoadableModel, ...] = ()
    batch_pixels: int = 0
    clip_pixels: int = 0
    unknown: tuple[str, ...] = field(default=(), compare=False)

    def clips_together(self, clip_pixels: int) -> int:
        """Return how many clips with so many pixels in all their frames are computed together."""
        return max(1, min(MAX_TOGETHER, self.batch_pixels // max(1, clip_pixels)))


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded, which took ``seconds``; from now on the worker takes jobs."""

    capabilities: Capabilities
    seconds: float


@dataclass(frozen=True, slots=True)
class StartFailed:
    """The model can't be loaded; ``failure`` says what is wrong and how to mend it."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Started:
    job_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Progress:
    """``step`` of ``steps`` are done; ``stage`` is a name in ``generator.contract.stages``.

    The steps of denoising are counted over all passes of the request.

    ``preview`` is a small animated picture of what comes, if there is one yet: a file beside the
    output, under a new name whenever it changes, gone when the job is over. A worker says its name,
    and who takes the message in makes that a path. A step is said again where its preview comes
    later.
    """

    job_id: str
    attempt: int
    stage: str
    step: int
    steps: int
    preview: str = ""


@dataclass(frozen=True, slots=True)
class SlotFreed:
    """There is ``room`` for so many more jobs: this one is computed, or will be in a moment.

    Its file may still be written.
    """

    job_id: str
    attempt: int
    room: int = 1


@dataclass(frozen=True, slots=True)
class Finished:
    """The file is whole, in its place on the worker's side, and has this hash.

    ``gpu_peak_bytes`` is the most of its GPU's ``gpu_bytes`` that the worker held meanwhile; 0
    where it has none, or computed several jobs together.
    """

    job_id: str
    attempt: int
    output: FileReference
    seconds: float
    size_bytes: int
    gpu_peak_bytes: int = 0
    gpu_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no file; ``failure`` says of which kind, whether to retry, and a sentence."""

    job_id: str
    attempt: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class Cancelled:
    job_id: str
    attempt: int


Command = Generate | Cancel | Shutdown
Outcome = Finished | Failed | Cancelled
JobEvent = Started | Progress | SlotFreed | Outcome
Event = Ready | StartFailed | JobEvent
Message = Command | Event
