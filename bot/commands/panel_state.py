"""What a panel holds: the options as they were chosen, and what they change. Plain values.

A draft's content in the database, so that nothing typed is lost with a restart. An option that
isn't among the values is what the GIF has that is made anew; None is one that was emptied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from sqlalchemy import Connection

from bot.intake.attachments import StoredFile
from bot.storage import drafts
from bot.storage.drafts import Draft
from bot.storage.models import Attachment
from bot.ui.actions import Values
from generator.contract.control_types import split_control
from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.contract.options.gif_options import OPTIONS
from generator.contract.options.spec import Group, Kind, OptionSpec, in_order

KEY = "panel"
"""What a draft's content has that is a panel's."""
LORA_NAMES = ("lora", "lora_2")
CONTROL_NAMES = ("control_type", "control_type_2")
SOURCE_NAMES = ("control_gif", "control_pictures")
_FILE_KINDS = (Kind.FILE, Kind.FILES)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelState:
    """A panel. ``job_id`` is that of the GIF that ``base`` made, and "" where there is none.

    ``typed`` is what was refused, by group, as it stood in the form. ``names`` are people's for
    LoRAs, ``search`` is what one of these was looked for by, and ``token`` edits the message: what
    it answered with, or the further one that is ``message_id``.
    """

    id: str
    user_id: int
    values: Mapping[str, Any] = field(default_factory=dict)
    base: Request | None = None
    job_id: str = ""
    relation: str = ""
    typed: Mapping[str, Values] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    search: str = ""
    token: str = ""
    message_id: int = 0

    @classmethod
    def of(cls, draft: Draft) -> Self:
        """Return the panel that a draft is."""
        kept = draft.content
        return cls(
            id=draft.id,
            user_id=draft.user_id,
            values=kept["values"],
            base=Request.from_dict(kept["base"]) if kept["base"] else None,
            job_id=kept["job_id"],
            relation=kept["relation"],
            typed=kept["typed"],
            names=kept["names"],
            search=kept["search"],
            token=kept["token"],
            message_id=kept.get("message_id", 0),
        )

    @property
    def draft(self) -> Draft:
        """The draft as it is kept; ``files`` are those that stay for it."""
        content = {
            KEY: True,
            "values": dict(self.values),
            "base": self.base.to_dict() if self.base else None,
            "job_id": self.job_id,
            "relation": self.relation,
            "typed": dict(self.typed),
            "names": dict(self.names),
            "search": self.search,
            "token": self.token,
            "message_id": self.message_id,
            "files": [asdict(each) for each in self.files],
        }
        return Draft(self.id, self.user_id, "", content)

    @property
    def files(self) -> tuple[Attachment, ...]:
        """The files that were brought."""
        return tuple(
            stored.attachment
            for spec in OPTIONS
            if spec.kind in _FILE_KINDS and (stored := self.file(spec.name)) is not None
        )

    def file(self, name: str) -> StoredFile | None:
        """Return the file that was brought as an option; None where none was."""
        return stored_file(self.values.get(name))

    @property
    def source(self) -> StoredFile | None:
        """The clip to follow that was brought, in whichever way."""
        return next(filter(None, map(self.file, SOURCE_NAMES)), None)

    @property
    def has_source(self) -> bool:
        """Whether there is a clip to follow: one that was brought, or that of the GIF."""
        if self.source is not None:
            return True
        was_emptied = any(name in self.values for name in SOURCE_NAMES)
        return not was_emptied and bool(self.base and self.base.control_source)

    @property
    def has_image(self) -> bool:
        """Whether there is a picture to begin from."""
        if "image" in self.values:
            return self.file("image") is not None
        return bool(self.base and self.base.image)

    def value(self, spec: OptionSpec, limits: ModelLimits) -> Any:
        """Return what an option is now; None where nobody said it."""
        if spec.name in self.values:
            return self.values[spec.name]
        return None if self.base is None else value_in(spec, self.base, limits)


def amend(
    connection: Connection, draft_id: str, user_id: int, changed: dict[str, Any]
) -> Draft | None:
    """Change a person's own panel, within each object of it; None where it was used up.

    One transaction: two forms that come at once lose nothing of each other.
    """
    draft = drafts.merge(connection, draft_id, user_id, changed)
    if draft is None:
        return None
    files = {"files": PanelState.of(draft).draft.content["files"]}
    return drafts.change(connection, draft_id, files)


def value_in(spec: OptionSpec, request: Request, limits: ModelLimits) -> Any:
    """Return what an option is in a request, as it is chosen in a form; None where it is not set.

    LoRAs are their files, and a size that has no name is none.
    """
    if spec.name == "size":
        edges = (request.width, request.height)
        return next((one.name for one in limits.sizes if (one.width, one.height) == edges), None)
    for place, name in enumerate(LORA_NAMES):
        if spec.name in (name, f"{name}_strength") and len(request.loras) > place:
            lora = request.loras[place]
            return lora.path if spec.name == name else lora.strength
    controls = [split_control(control) for control in request.controls]
    for place, name in enumerate(CONTROL_NAMES):
        if spec.name == name:
            return controls[place][0] if len(controls) > place else None
    if spec.name == "control_strength":
        return controls[0][1] if controls else None
    is_unset = spec.name == "image_strength" and not request.image
    if is_unset or spec.kind is Kind.MODEL or not spec.field or spec.repeats:
        return None
    return spec.value_of(request)


def stored_file(value: Any) -> StoredFile | None:
    """Return the file that is kept as an option's value."""
    if not isinstance(value, Mapping):
        return None
    attachment = Attachment(value["blob"], value["filename"], value["size_bytes"])
    return StoredFile(attachment, value["width"], value["height"])


def kept_file(stored: StoredFile) -> dict[str, Any]:
    """Return a file as it is kept."""
    return asdict(stored.attachment) | {"width": stored.width, "height": stored.height}


def group_specs(group: Group, specs: tuple[OptionSpec, ...] = OPTIONS) -> list[OptionSpec]:
    """Return the options of a group, those that lead first."""
    found = [(spec, spec.form) for spec in specs if spec.form and spec.form.group is group]
    return [spec for spec, _ in in_order(found)]
