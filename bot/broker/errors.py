"""What goes wrong with the server of GPU hosts: one sentence each, for whoever runs the bot."""

from __future__ import annotations

from bot.core.errors import StartupError


class BrokerError(StartupError):
    """The NATS server, its keys or its list of hosts can't be used; says what to do."""
