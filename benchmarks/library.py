"""``python -m benchmarks.library``: LoRAs and a history of a size that nobody has yet.

The real bot in the sandbox, its worker busy: autocomplete among 10,000 LoRAs, /history among
100,000 jobs of one person, a button under one of them, and the panel with its form of LoRAs.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from benchmarks.bot import milliseconds, quantile
from benchmarks.process import running, write_config
from benchmarks.table import print_table
from bot.sandbox import Interaction, Person, Sandbox
from bot.storage.database import open_database
from bot.storage.models import State
from bot.storage.tables import jobs, loras
from generator.contract.messages import Request

_WITHIN = 60.0  # seconds
_TYPED = ("d", "dra", "dragon 7", "drgn", "style 99", "zzz", "")
_AT_ONCE = 1000  # rows in one statement
_BUSY_STEPS = 100
_LIMITS = {
    "autocomplete": "100 ms",
    "/history": "200 ms",
    "button": "100 ms",
    "panel": "100 ms",
    "its form of LoRAs": "100 ms",
}


async def measure(rounds: int, lora_count: int, job_count: int) -> dict[str, list[float]]:
    """Seconds to each first answer."""
    with tempfile.TemporaryDirectory() as directory:
        async with Sandbox() as discord:
            ada = discord.person("ada")
            config = write_config(Path(directory), discord)
            (Path(directory) / "data").mkdir()
            await fill(Path(directory) / "data", ada, lora_count, job_count)
            async with running(config, discord):
                await discord.commands_registered(_WITHIN)
                busy = await ada.slash("gif", prompt="busy", steps=_BUSY_STEPS)
                await busy.message(lambda message: message.embeds, _WITHIN)
                return await _answers(ada, rounds)


async def _answers(ada: Person, rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in _LIMITS}
    shown = await ada.slash("history")
    page = await shown.message(within=_WITHIN)
    for number in range(rounds):
        for typed in _TYPED:
            found["autocomplete"].append(await _completed(ada, typed))
        found["/history"].append(await _answered(await ada.slash("history")))
        searched = await ada.slash("history", search=f"fox {number}")
        found["/history"].append(await _answered(searched))
        pressed = await ada.press(page, "Older ▶" if number % 2 == 0 else "◀ Newer")
        found["button"].append(await _answered(pressed))
        opened = await ada.slash("gif")
        found["panel"].append(await _answered(opened))
        form = await ada.press(await opened.message(within=_WITHIN), "LoRAs")
        found["its form of LoRAs"].append(await _answered(form))
    return found


async def _completed(person: Person, typed: str) -> float:
    began = asyncio.get_running_loop().time()
    await person.autocomplete("gif", "lora", typed, within=_WITHIN)
    return asyncio.get_running_loop().time() - began


async def _answered(interaction: Interaction) -> float:
    await interaction.acknowledged(_WITHIN)
    return interaction.latency or 0.0


async def fill(data: Path, owner: Person, lora_count: int, job_count: int) -> None:
    """Make a database with so many LoRAs, and so many jobs that are over, of one person."""
    async with open_database(f"sqlite:///{data / 'hotshot.db'}") as database:
        for start in range(0, lora_count, _AT_ONCE):
            await database.write(_add_loras, owner.user.id, range(start, start + _AT_ONCE))
        for start in range(0, job_count, _AT_ONCE):
            await database.write(
                add_jobs, owner.user.id, range(start, start + _AT_ONCE), owner.channel.id
            )


def _add_loras(connection: Connection, owner_id: int, numbers: range) -> None:
    connection.execute(insert(loras), [_lora(owner_id, number) for number in numbers])


def _lora(owner_id: int, number: int) -> dict[str, Any]:
    name = f"{('dragon', 'anime', 'water colour', 'pixel')[number % 4]} style {number}"
    return {
        "id": f"{number:032x}",
        "owner_id": owner_id,
        "shared": "everybody" if number % 2 else "me",
        "name": name,
        "name_key": name,
        "trigger_words": "",
        "strength": 1.0,
        "blob": f"{number:064x}.safetensors",
        "size_bytes": 1,
        "facts": {},
        "created_at": datetime.now(UTC),
    }


def add_jobs(connection: Connection, owner_id: int, numbers: range, channel_id: int = 3) -> None:
    """Add jobs of one person that are done."""
    connection.execute(insert(jobs), [_job(owner_id, channel_id, number) for number in numbers])


def _job(owner_id: int, channel_id: int, number: int) -> dict[str, Any]:
    request = Request(
        prompt=f"a {('red fox', 'blue cat')[number % 2]} {number} runs through the snow",
        seed=number,
        width=512,
        height=512,
        steps=30,
        guidance_scale=5.0,
    )
    asked = datetime.now(UTC) - timedelta(days=1)
    return {
        "id": f"{number:032x}",
        "state": State.DONE,
        "attempt": 1,
        "crashes": 0,
        "application_id": 1,
        "token": "",
        "asked_at": asked,
        "user_id": owner_id,
        "user_name": "ada",
        "channel_id": channel_id,
        "upload_limit": 10 * 2**20,
        "request": request.to_dict(),
        "model": "nano",
        "created_at": asked,
        "finished_at": asked,
        "owner_notified": True,
        "words": request.prompt,
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--loras", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=100_000)
    chosen = parser.parse_args()
    found = asyncio.run(measure(chosen.rounds, chosen.loras, chosen.jobs))
    print_table(
        f"A library of {chosen.loras:,} LoRAs and {chosen.jobs:,} jobs, a worker busy",
        ("first answer", "p50", "p99", "p99 wanted below"),
        [
            (name, milliseconds(quantile(times, 0.5)), milliseconds(quantile(times, 0.99)), limit)
            for (name, times), limit in zip(found.items(), _LIMITS.values(), strict=True)
        ],
    )


if __name__ == "__main__":
    main()
