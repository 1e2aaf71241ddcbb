"""A server's rules, as whoever manages it has set them: where, for whom, and how much.

The bot may be kept to some channels or to those who have a role, and GIFs to a length, steps and a
number for each person; whoever manages the server is not kept to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.errors import NotAcceptedError, RefusedError
from bot.core.markdown import Markdown
from bot.jobs.gate import Actor, Place, RequestLimits, UnfinishedLimit
from bot.storage.preferences import SERVER, Preferences
from generator.contract.messages import Request
from generator.contract.stages import most_steps


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRules:
    """What one person is kept to on one server; empty or None is no limit."""

    channels: tuple[int, ...] = ()
    roles: tuple[int, ...] = ()
    frames: int | None = None
    steps: int | None = None
    waiting: int | None = None

    @property
    def limits(self) -> RequestLimits:
        return RequestLimits(frames=self.frames, steps=self.steps)

    @property
    def unfinished(self) -> UnfinishedLimit | None:
        """Return how many jobs one person may have unfinished there."""
        return UnfinishedLimit(self.waiting, too_many_here) if self.waiting else None

    def check_actor(self, actor: Actor, place: Place) -> None:
        """Raise RefusedError where the rules don't allow this channel, or this person."""
        if self.channels and not place.channels.intersection(self.channels):
            places = Markdown(", ".join(f"<#{channel}>" for channel in self.channels))
            raise RefusedError(
                "On this server GIFs are made in {places}; use the command there.", places=places
            )
        if self.roles and not actor.roles.intersection(self.roles):
            raise RefusedError("On this server only members with certain roles can make GIFs.")

    def check_requests(self, requests: Sequence[Request]) -> None:
        """Raise RefusedError where one of the requests asks for too much."""
        frames, steps = self.frames, self.steps
        if frames and any(request.video_length > frames for request in requests):
            raise RefusedError("On this server a GIF can have at most {most} frames.", most=frames)
        if steps and any(most_steps(request) > steps for request in requests):
            raise RefusedError("On this server a GIF can take at most {most} steps.", most=steps)


async def rules_for(preferences: Preferences, actor: Actor, place: Place) -> ServerRules:
    """Return the rules that hold for this person there."""
    if place.guild_id is None or actor.manages_guild:
        return ServerRules()
    server = await preferences.get(SERVER, place.guild_id)
    return ServerRules(
        channels=tuple(server.get("channels") or ()),
        roles=tuple(server.get("roles") or ()),
        frames=server.get("frames") or None,
        steps=server.get("steps") or None,
        waiting=server.get("waiting") or None,
    )


def too_many_here(most: int) -> NotAcceptedError:
    """Return what is said where a server lets one person have no more."""
    return NotAcceptedError(
        "On this server one person may have {most} GIFs waiting or running; wait for one to "
        "finish, or cancel one with /cancel.",
        most=most,
    )
