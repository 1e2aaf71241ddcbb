"""A Discord in a box: the part of REST v10 and the gateway that a bot uses, on loopback.

Stands alone: it imports nothing of the rest of ``bot``.
"""

from bot.sandbox.body import Upload
from bot.sandbox.clock import Clock
from bot.sandbox.errors import NobodyListening, NotOffered, SandboxError
from bot.sandbox.faults import Delay, Refusal
from bot.sandbox.interactions import Callback, Interaction
from bot.sandbox.model import ADMINISTRATOR, MANAGE_GUILD, Channel, Guild, Message, User
from bot.sandbox.people import Person
from bot.sandbox.rest import Recorded
from bot.sandbox.server import Sandbox, serve

__all__ = [
    "ADMINISTRATOR",
    "MANAGE_GUILD",
    "Callback",
    "Channel",
    "Clock",
    "Delay",
    "Guild",
    "Interaction",
    "Message",
    "NobodyListening",
    "NotOffered",
    "Person",
    "Recorded",
    "Refusal",
    "Sandbox",
    "SandboxError",
    "Upload",
    "User",
    "serve",
]
