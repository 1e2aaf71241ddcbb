"""A Discord in a box: the part of REST v10 and the gateway that a bot uses, on loopback.

Stands alone: it imports nothing of the rest of ``bot``.
"""

from bot.sandbox.accounting import Account, Accounting, Totals, Verdict
from bot.sandbox.client.person import Person
from bot.sandbox.clock import Clock
from bot.sandbox.console.session import serve
from bot.sandbox.errors import NobodyListening, NotOffered, SandboxError
from bot.sandbox.expressions import CREATE_GUILD_EXPRESSIONS, MANAGE_GUILD_EXPRESSIONS
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
from bot.sandbox.rest.fault_injection import Fault, RequestMatcher
from bot.sandbox.rest.fault_kinds import Delay, HtmlPage, Refusal, RequestFault, Reset
from bot.sandbox.rest.routes import RecordedRequest
from bot.sandbox.server import Sandbox

# Earlier names, for tests outside this repository.
Ledger, Tally = Accounting, Totals
Matching, Page, Recorded, Trouble = RequestMatcher, HtmlPage, RecordedRequest, RequestFault
_EARLIER_ATTRIBUTES: dict[type, dict[str, str]] = {
    Account: {"accepted": "is_accepted", "told": "reasons", "vouched": "is_confirmed"},
    Accounting: {"asked": "record_request", "tally": "totals", "vouch": "record_acceptances"},
    RecordedRequest: {"trouble": "fault"},
    RequestFault: {"strike": "inject"},
    Sandbox: {"order": "run_command"},
    Totals: {"accepted": "accepted_count"},
    Verdict: {
        "ASTRAY": "MISDELIVERED",
        "DOUBLED": "DUPLICATED",
        "TOLD": "EXPLAINED",
        "UNHEARD": "UNANSWERED",
    },
}
for _owner, _names in _EARLIER_ATTRIBUTES.items():
    for _earlier, _now in _names.items():
        setattr(_owner, _earlier, getattr(_owner, _now))

__all__ = [
    "ADMINISTRATOR",
    "CREATE_GUILD_EXPRESSIONS",
    "MANAGE_GUILD",
    "MANAGE_GUILD_EXPRESSIONS",
    "Account",
    "Accounting",
    "Callback",
    "Channel",
    "Clock",
    "Delay",
    "Fault",
    "Guild",
    "HtmlPage",
    "Interaction",
    "Ledger",
    "Matching",
    "Message",
    "NobodyListening",
    "NotOffered",
    "Page",
    "Person",
    "Recorded",
    "RecordedRequest",
    "Refusal",
    "RequestFault",
    "RequestMatcher",
    "Reset",
    "Sandbox",
    "SandboxError",
    "Tally",
    "Totals",
    "Trouble",
    "Upload",
    "User",
    "Verdict",
    "serve",
]
