"""A Discord in a box: the part of REST v10 and the gateway that a bot uses, on loopback.

Stands alone: it imports nothing of the rest of ``bot``.
"""

from bot.sandbox.accounting import Account, Ledger, Tally, Verdict
from bot.sandbox.client.person import Person
from bot.sandbox.clock import Clock
from bot.sandbox.console.session import serve
from bot.sandbox.errors import NobodyListening, NotOffered, SandboxError
from bot.sandbox.model import (
    ADMINISTRATOR,
    MANAGE_GUILD,
    Callback,
    Channel,
    Guild,
    Interaction,
    Message,
    Upload,
    User,
)
from bot.sandbox.rest.fault_injection import Fault, Matching
from bot.sandbox.rest.fault_kinds import Delay, Page, Refusal, Reset, Trouble
from bot.sandbox.rest.routes import Recorded
from bot.sandbox.server import Sandbox

__all__ = [
    "ADMINISTRATOR",
    "MANAGE_GUILD",
    "Account",
    "Callback",
    "Channel",
    "Clock",
    "Delay",
    "Fault",
    "Guild",
    "Interaction",
    "Ledger",
    "Matching",
    "Message",
    "NobodyListening",
    "NotOffered",
    "Page",
    "Person",
    "Recorded",
    "Refusal",
    "Reset",
    "Sandbox",
    "SandboxError",
    "Tally",
    "Trouble",
    "Upload",
    "User",
    "Verdict",
    "serve",
]
