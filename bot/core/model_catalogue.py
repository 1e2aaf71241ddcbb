"""The models that people may choose, and what each can be asked for.

A model's own directory says its limits where it is on this machine; else a worker that has it says
them, once one is connected. What the config says of a model goes before both.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.core.config import Settings
from bot.core.errors import RefusedError
from bot.core.model_settings import label_of
from generator.contract.errors import ModelError
from generator.contract.limits import ModelLimits, local_path
from generator.contract.messages import LoadableModel, Lora, Request
from generator.contract.paths import without_directory
from generator.contract.prompt_words import PromptWords

logger = logging.getLogger(__name__)

DEFAULT = ""
"""What requests call the default model, of ``[generator]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedModel:
    """A model by the ``name`` in requests, the ``key`` that workers and rows have, and its label.

    ``loras`` are the config's, added to every request's. ``is_here``: its own word is known.
    ``words`` are those that it says it knows, None for most models.
    """

    name: str
    key: str
    label: str
    limits: ModelLimits
    declared: Mapping[str, Any]
    loras: tuple[Lora, ...] = ()
    is_here: bool = True
    words: PromptWords | None = None


class ModelCatalogue:
    """The default model and those of ``[models]``, in the config's order."""

    def __init__(self, models: Iterable[OfferedModel]) -> None:
        self._models = {model.name: model for model in models}

    @classmethod
    def of(cls, settings: Settings) -> ModelCatalogue:
        """Return the models of a config. Raises ModelError where the default one says nonsense."""
        default = settings.generator.model
        models = [
            OfferedModel(
                name=DEFAULT,
                key=default,
                label=label_of(default),
                limits=ModelLimits.of(default),
                declared={},
                words=_words_here(default),
            )
        ]
        for name, model in settings.models.items():
            found = _limits_here(name, model.model)
            models.append(
                OfferedModel(
                    name=name,
                    key=name,
                    label=name,
                    limits=(found or ModelLimits()).with_declared(model.declared),
                    declared=model.declared,
                    loras=model.for_workers(name).loras,
                    is_here=found is not None,
                    words=_words_here(model.model),
                )
            )
        return cls(models)

    @property
    def names(self) -> tuple[str, ...]:
        """What requests call the models; the default one's is first."""
        return tuple(self._models)

    @property
    def has_choice(self) -> bool:
        """Return whether there is anything to choose."""
        return len(self._models) > 1

    @property
    def default_limits(self) -> ModelLimits:
        """The limits of the default model."""
        return self._models[DEFAULT].limits

    @property
    def widest_limits(self) -> ModelLimits:
        """The default model's limits, with the most frames and steps that any model allows."""
        every = [model.limits for model in self._models.values()]
        return replace(
            self.default_limits,
            max_frames=max(limits.max_frames for limits in every),
            max_clip_frames=max(limits.max_clip_frames for limits in every),
            max_steps=max(limits.max_steps for limits in every),
        )

    def has(self, name: str) -> bool:
        """Return whether there is a model that requests call so."""
        return name in self._models

    def get(self, name: str) -> OfferedModel:
        """Return the model that requests call so. Raises RefusedError where it is gone."""
        if (found := self._models.get(name)) is None:
            raise RefusedError(
                "There is no model {name!r} here; choose one of these: {known}.",
                name=name[:40],
                known=", ".join(self.labels),
            )
        return found

    def named(self, typed: str) -> OfferedModel:
        """Return the model that somebody chose by its label. Raises RefusedError."""
        return self.find(typed) or self.get(typed.strip() or "-")

    def find(self, typed: str) -> OfferedModel | None:
        """Return the model of that label; None where there is none."""
        wanted = typed.strip().casefold()
        models = self._models.values()
        return next((model for model in models if model.label.casefold() == wanted), None)

    @property
    def labels(self) -> tuple[str, ...]:
        """What people read of the models."""
        return tuple(model.label for model in self._models.values())

    def limits(self, name: str) -> ModelLimits:
        """Return what a model can be asked for. Raises RefusedError where it is gone."""
        return self.get(name).limits

    def known_limits(self, name: str) -> ModelLimits:
        """Return a model's limits, or the default one's where it is gone."""
        return self._models.get(name, self._models[DEFAULT]).limits

    def check(self, request: Request) -> None:
        """Raise RequestError for what can't be made, RefusedError where its model is gone."""
        self.limits(request.model).check(request)

    def without_own_loras(self, request: Request) -> Request:
        """Return a request from a file without those LoRAs that its model adds to every one."""
        own = {without_directory(lora.path) for lora in self.get(request.model).loras}
        return replace(
            request,
            loras=tuple(one for one in request.loras if without_directory(one.path) not in own),
        )

    def learn(self, models: Iterable[LoadableModel]) -> None:
        """Take in what a worker says of models that aren't here."""
        for said in models:
            known = next((each for each in self._models.values() if each.key == said.name), None)
            if known is None or known.is_here:
                continue
            try:
                limits = ModelLimits.believed(said.limits).with_declared(known.declared)
            except ModelError as error:
                logger.warning(
                    "a worker's description of the model %s is refused: %s", known.key, error
                )
            else:
                self._models[known.name] = replace(known, limits=limits)


def _limits_here(name: str, model: str) -> ModelLimits | None:
    """Return what a model says of itself; None where it isn't on this machine."""
    try:
        return ModelLimits.of(model) if local_path(model) is not None else None
    except ModelError as error:
        logger.warning("nothing is known about the model %s on this machine: %s", name, error)
        return None


def _words_here(model: str) -> PromptWords | None:
    """Return the words that a model on this machine says it knows."""
    try:
        path = local_path(model)
        return PromptWords.of(path) if path is not None else None
    except ModelError as error:
        logger.warning("a model's words aren't used: %s", error)
        return None
