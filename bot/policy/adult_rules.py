"""Keeps styles, models and LoRAs that are marked adult to age-restricted channels."""

from __future__ import annotations

from bot.core.config import Settings
from bot.core.errors import RefusedError
from bot.jobs.gate import Place
from bot.storage import loras
from bot.storage.database import Database
from generator.contract.messages import Request


class AdultRules:
    """Knows what is marked: by the config, and LoRAs by whoever brought them."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Go by these settings from now on."""
        self._styles = {name for name, style in settings.styles.items() if style.adult}
        self._models = {name for name, model in settings.models.items() if model.adult}
        self._in_direct_messages = settings.moderation.adult_in_direct_messages

    async def check(self, place: Place, request: Request, style: str) -> None:
        """Raise RefusedError where something of a request is not for this place."""
        if place.is_age_restricted or (place.guild_id is None and self._in_direct_messages):
            return
        if style in self._styles:
            raise _elsewhere(style)
        if request.model in self._models:
            raise _elsewhere(request.model)
        blobs = [lora.path for lora in request.loras]
        if blobs and (name := await self._database.read(loras.adult_among, blobs)) is not None:
            raise _elsewhere(name)


def _elsewhere(name: str) -> RefusedError:
    return RefusedError(
        "{name} is for age-restricted channels only; use it in one of those.", name=name
    )
