"""What ``hotshot-bot doctor`` finds of ``[metrics]`` and ``[tracing]``."""

from __future__ import annotations

from bot.app.lock import lock_holder
from bot.cli.listening import listen_error
from bot.core.config import Settings
from generator.contract.extras import METRICS_MODULE, TRACING_MODULE, require_modules
from generator.contract.findings import Doubt


def describe_metrics(settings: Settings) -> str:
    """Return where metrics are, or would be. Raises MissingExtraError."""
    require_modules(METRICS_MODULE)
    address = settings.metrics.listen_address
    if lock_holder(settings.storage.data_dir) is not None:
        return f"at {address}, of the running bot"
    if (error := listen_error(address)) is not None:
        return Doubt(
            f"nothing can listen at metrics.listen, {address} ({error.strerror}); the bot would "
            "run without metrics, so choose another port, or stop what uses it"
        )
    return f"at {address}, once the bot runs"


def describe_tracing(settings: Settings) -> str:
    """Return where traces go. Raises MissingExtraError."""
    require_modules(TRACING_MODULE)
    return f"traces go to {settings.tracing.endpoint}"
