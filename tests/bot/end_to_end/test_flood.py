"""A thousand commands at once from one person: bounded, and nobody else waits for it."""

from __future__ import annotations

import psutil

from bot.sandbox import Interaction, Person, Sandbox
from tests.bot.end_to_end.process import Setup, running

_MEGABYTE = 2**20


async def test_a_flood_costs_its_sender_alone(
    setup: Setup, discord: Sandbox, ada: Person, bob: Person
) -> None:
    setup.engine = "tests.bot.engines.draws:create"
    commands: list[tuple[str, dict[str, str]]] = [
        ("gif", {"prompt": "x"}),
        ("history", {}),
        ("help", {}),
        ("settings mine", {}),
    ]
    async with running(setup.write(queue={"per_user": 5, "per_user_second": 20}), discord) as bot:
        before = psutil.Process(bot.process.pid).memory_info().rss
        flood: list[Interaction] = []
        for number in range(1000):
            name, options = commands[number % len(commands)]
            flood.append(await ada.slash(name, **options))
        sent = await bob.slash("gif", prompt="bob's own")
        await sent.acknowledged()
        await sent.message(lambda message: message.results)
        await setup.all_over()
        texts = [message.text for interaction in flood for message in interaction.messages]
        assert 0 < len(texts) < 300
        assert any("a lot at once" in words for words in texts)
        assert psutil.Process(bot.process.pid).memory_info().rss - before < 150 * _MEGABYTE
        assert "Traceback" not in bot.log
