"""What is declared of an option of a GIF: its kind, its bounds, and each place that offers it.

An entry says what people read there; adapters make slash options, settings and fields of forms
(``bot.commands.offered_options``) and flags (``generator.cli.gif_flags``) of it. Knows no option,
and nothing of how values are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from generator.contract.bounds import MAX_PROMPT_CHARACTERS, check_range
from generator.contract.errors import RequestError
from generator.contract.messages import Request
from generator.contract.text import NO_TEXT, Text

if TYPE_CHECKING:
    from generator.contract.limits import ModelLimits

Choices = Mapping[str, str | Text]
Bounds = tuple[float, float]
Description = Text | Callable[["ModelLimits"], Text]

NO_SETTING = "-"
"""What somebody chooses in /settings to forget one."""

NONE = "none"
"""What a flag says to take out what a recipe brings; a file of that name is ``./none``."""

NOT_A_CHOICE = Text("That isn't one of the choices; choose one from the list.")

_METADATA = "option"
_T = TypeVar("_T")
_Offer = TypeVar("_Offer", "Setting", "FormField", "Flag")

FILES_A_FIELD = 10
"""What Discord takes into one field for files at most."""


class Kind(StrEnum):
    """What a value is: CHOICE one of ``OptionSpec.choices``, STYLE and MODEL one of the config's.

    A model's value is what requests call it, once it was looked up; the default one's is empty.
    """

    TEXT = "text"
    WHOLE_NUMBER = "whole number"
    NUMBER = "number"
    SWITCH = "switch"
    CHOICE = "choice"
    STYLE = "style"
    MODEL = "model"
    LORA = "LoRA"
    FILE = "file"
    FILES = "files"


class Group(StrEnum):
    """A group of the panel that changes a GIF: one line of it, and one form."""

    WORDS = "words"
    SHAPE = "shape"
    MOTION = "motion"
    PICTURES = "pictures"
    START = "start"
    LORAS = "loras"
    QUALITY = "quality"
    FINE = "fine"
    RESULT = "result"

    @property
    def label(self) -> Text:
        return _GROUP_LABELS[self]


_GROUP_LABELS = {
    Group.WORDS: Text("Words"),
    Group.SHAPE: Text("Size and length"),
    Group.MOTION: Text("Motion"),
    Group.PICTURES: Text("Motion from pictures"),
    Group.START: Text("First picture"),
    Group.LORAS: Text("LoRAs"),
    Group.QUALITY: Text("Quality"),
    Group.FINE: Text("Fine settings"),
    Group.RESULT: Text("Result"),
}


class FlagGroup(Enum):
    """A group in the help of ``hotshot gif``: its heading."""

    PICTURE = "the picture"
    FILE = "the file"
    SAMPLING = "how it is made"
    IMAGE = "beginning from a picture"
    CONTROL = "following another GIF (ControlNet)"
    MODEL = "the model"
    MACHINE = "the machine"
    SIZE_CONDITIONING = "size conditioning (what SDXL is told of the picture's past)"


@dataclass(frozen=True, slots=True)
class Slash:
    """How /gif offers an option."""

    description: Description
    choices: Callable[[ModelLimits], Choices] | None = None  # where they are called otherwise


@dataclass(frozen=True, slots=True)
class Setting:
    """How /settings offers an option; ``label`` is what its list calls it, where it isn't the same.

    ``lowest`` is 0 where that number forgets the setting. What isn't a default, which /gif takes
    where nothing is given, is the most that may be asked for; ``bot.policy`` holds to that.
    """

    description: Description
    label: Text = NO_TEXT
    lowest: float | None = None
    leads: bool = False
    is_default: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """The field of an option in the form of its group of the panel.

    ``label`` and ``description`` are what stands over it, where these aren't the option's own label
    and what /gif says of it. Of several files, ``uploads`` fields take ten each.
    """

    group: Group
    label: Text = NO_TEXT
    description: Description = NO_TEXT
    longest: int = MAX_PROMPT_CHARACTERS
    long: bool = False
    uploads: int = 1
    leads: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """The flag of an option on the command line, in English like the rest of the help.

    With a ``metavar``, it also takes what isn't among the choices. ``given`` says what a second
    one does: it counts instead, is refused, or counts as well. ``by_frame``: a number, or keys with
    numbers (``generator.contract.travel``). ``takes_none``: NONE takes out what a recipe brings.
    """

    name: str
    group: FlagGroup
    help: str
    metavar: str = ""
    given: Literal["last", "once", "again"] = "last"
    alone: bool = False
    leads: bool = False
    by_frame: bool = False
    takes_none: bool = False

    @property
    def dest(self) -> str:
        return self.name.removeprefix("--").replace("-", "_")


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionSpec:
    """One option. ``name`` is its field's in ``GifOptions``, and that of /gif and of settings;
    ``label`` is what that is called in other languages.

    ``field`` is that of ``Request`` which has the value as it is given; ``part`` its index there,
    where the field is a pair. An option without one has a meaning of its own. Bounds are of a
    number, or of a text's length; ``lowest_in`` narrows them by the rest of a request. ``subject``
    is what sentences call the option, and ``refusal`` says what isn't among the choices, as
    ``{name}``, with those ``{known}``. ``unit`` stands behind a number, and at ``off`` the option
    does nothing.
    """

    kind: Kind
    name: str = ""
    label: Text = NO_TEXT
    field: str = ""
    part: int | None = None
    subject: Text = NO_TEXT
    bounds: Callable[[ModelLimits], Bounds] | None = None
    lowest_in: Callable[[Request], float] | None = None
    choices: Callable[[ModelLimits], Choices] | None = None
    default: Callable[[ModelLimits], Any] | None = None
    refusal: Text = NOT_A_CHOICE
    unit: str = ""
    off: float | None = None
    slash: Slash | None = None
    mine: Setting | None = None
    server: Setting | None = None
    form: FormField | None = None
    flag: Flag | None = None

    @property
    def declared(self) -> Any:
        """The field of a dataclass that is this option; None is left out."""
        return field(default=None, metadata={_METADATA: self})

    @property
    def described(self) -> Description:
        """What a form says of the option."""
        if self.form is not None and self.form.description:
            return self.form.description
        return self.slash.description if self.slash is not None else NO_TEXT

    @property
    def repeats(self) -> bool:
        """Whether a command line may give several, so that values are tuples."""
        return self.flag is not None and self.flag.given == "again"

    @property
    def is_by_frame(self) -> bool:
        """Whether the number may be keys with numbers, which are a text."""
        return self.flag is not None and self.flag.by_frame

    def value_of(self, request: Request) -> Any:
        """Return what a request has; only for an option with a field."""
        value = getattr(request, self.field)
        return value if self.part is None else value[self.part]

    def check(self, limits: ModelLimits, request: Request) -> None:
        """Raise RequestError for a number of a request that is out of bounds."""
        if self.field and self.bounds and self.kind in (Kind.WHOLE_NUMBER, Kind.NUMBER):
            lowest, highest = self.bounds(limits)
            lowest = self.lowest_in(request) if self.lowest_in else lowest
            check_range(self.subject, self.value_of(request), lowest, highest)

    def with_value(self, now: Any, value: Any) -> Any:
        """Return what the field is to have, where it has ``now``."""
        if self.part is None:
            return value
        return tuple(value if index == self.part else each for index, each in enumerate(now))


_SPECS: dict[type[Any], tuple[OptionSpec, ...]] = {}  # read once: every request asks for them


def specs_of(options: type[Any]) -> tuple[OptionSpec, ...]:
    """Return the options that a dataclass declares, in its order."""
    if options not in _SPECS:
        _SPECS[options] = tuple(
            replace(one.metadata[_METADATA], name=one.name)
            for one in fields(options)
            if _METADATA in one.metadata
        )
    return _SPECS[options]


def in_order(found: Iterable[tuple[OptionSpec, _Offer]]) -> list[tuple[OptionSpec, _Offer]]:
    """Return what a place offers in its order: those that lead first."""
    return sorted(found, key=lambda pair: not pair[1].leads)


def resolve(value: _T | Callable[[ModelLimits], _T], limits: ModelLimits) -> _T:
    """Return what is declared, for a model where it depends on that."""
    return value(limits) if callable(value) else value


def check_choice(spec: OptionSpec, limits: ModelLimits, value: str) -> None:
    """Raise RequestError for what isn't among an option's choices."""
    known = spec.choices(limits) if spec.choices else ()
    if value not in known:
        raise RequestError(spec.refusal.with_values(name=value[:40], known=", ".join(known)))
