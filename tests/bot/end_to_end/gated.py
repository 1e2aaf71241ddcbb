"""``hotshot-bot`` with a gate that logs what it is asked, and judges a file by its job's prompt.

What is "covered" is posted as a spoiler, what is "withheld" isn't posted.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from bot import __main__
from bot.app import furnishing
from bot.jobs.gate import Actor, Admission, Place, Spoiler, Verdict, Withhold
from bot.policy.policy_gate import PolicyGate
from bot.storage.models import Attachment, Job
from generator.contract.messages import Request
from generator.contract.text import Text

REASON = "It shows what isn't shown here."
REQUEST, RESULT = "the gate was asked for a request", "the gate was asked for a file"

logger = logging.getLogger(__name__)


class GateByPrompt(PolicyGate):
    """The real rules, and a judgement on results that no shipped rule gives."""

    async def check_request(
        self,
        actor: Actor,
        place: Place,
        request: Request,
        files: Sequence[Attachment],
        *,
        style: str = "",
    ) -> Admission:
        logger.info(REQUEST)
        return await super().check_request(actor, place, request, files, style=style)

    async def check_result(self, job: Job, file: Path, guild_id: int | None) -> Verdict:
        assert await asyncio.to_thread(file.exists)
        logger.info(RESULT)
        if "withheld" in job.request.prompt:
            return Withhold(Text(REASON))
        if "covered" in job.request.prompt:
            return Spoiler()
        return await super().check_result(job, file, guild_id)


if __name__ == "__main__":
    furnishing.PolicyGate = GateByPrompt  # type: ignore[attr-defined]
    sys.exit(__main__.main(sys.argv[1:]))
