"""Somebody of whom every table has something, with words and files that are found anywhere.

``Planted.left`` searches all bytes of a data directory, as they lie on the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from bot.storage import tables
from bot.storage.blobs import BlobStore
from bot.storage.database import Database
from bot.storage.personal_data import TABLES
from tests.bot.jobs.samples import REQUEST

ADA, BOB, BOT, GUILD = 4242, 77, 0, 9
NOW = datetime.now(UTC)


def job(number: str, user_id: int, word: str, **values: Any) -> dict[str, Any]:
    """A finished job whose text is ``word``."""
    return {
        "id": number * 32,
        "state": "done",
        "attempt": 1,
        "crashes": 0,
        "application_id": 1,
        "token": "",
        "asked_at": NOW,
        "user_id": user_id,
        "user_name": f"name-{word}",
        "channel_id": 3,
        "guild_id": GUILD,
        "upload_limit": 10**7,
        "request": REQUEST.to_dict() | {"prompt": f"prompt-{word} " + "and more " * 40},
        "words": f"prompt-{word}",
        "model": "nano",
        "created_at": NOW,
        "finished_at": NOW,
        "answer_id": None,
        "message_id": None,
        "message_channel_id": None,
        "output": None,
        "withheld": None,
        "allowed_by": None,
        "size_bytes": None,
        "owner_notified": True,
        "lora_names": [f"lora-{word}"],
    } | values


class Planted:
    """Ada's are found by ``word``; bob's have another, and stay."""

    def __init__(self, word: str = "planted7xq", other: str = "kept3vb") -> None:
        self.word, self.other = word, other

    async def fill(self, database: Database, blobs: BlobStore) -> None:
        """Write a row of ada's into every table that has people's, and some of bob's."""
        word, other = self.word, self.other

        async def put(text: str) -> str:
            return await asyncio.to_thread(blobs.put, f"file-{text}".encode() * 50, ".gif")

        result, source, lora, sample, withheld = [
            await put(f"{word}-{kind}")
            for kind in ("result", "source", "lora", "sample", "withheld")
        ]
        draft, bobs = await put(f"{word}-draft"), await put(other)
        self.blobs = {withheld, result, source, lora, sample, draft}
        rows: Mapping[Any, list[dict[str, Any]]] = {
            tables.jobs: [
                job(
                    "a",
                    ADA,
                    word,
                    output=result,
                    withheld=withheld,
                    size_bytes=10,
                    answer_id=31,
                    message_id=32,
                ),
                job(
                    "b",
                    BOB,
                    other,
                    output=bobs,
                    allowed_by=ADA,
                    size_bytes=10,
                    lora_names=[f"lora-{word}"],
                ),
                job("c", BOT, word, output=sample, size_bytes=10, relation="sample"),
            ],
            tables.attachments: [
                attachment("a", source, f"source-{word}.gif"),
                attachment("a", lora, f"lora-{word}"),
                attachment("b", lora, f"lora-{word}"),
                attachment("b", result, f"motion-{other}.gif"),  # what bob made from hers
                attachment("c", lora, f"lora-{word}"),
            ],
            tables.edits: [edit("1", "a", ADA, word), edit("2", "b", ADA, word)],
            tables.drafts: [
                {
                    "id": "d" * 32,
                    "user_id": ADA,
                    "created_at": NOW,
                    "blob": draft,
                    "content": {"prompt": f"prompt-{word}", "files": [{"blob": source}]},
                }
            ],
            tables.loras: [
                {
                    "id": "l" * 32,
                    "owner_id": ADA,
                    "guild_id": GUILD,
                    "shared": "server",
                    "name": f"lora-{word}",
                    "name_key": f"lora-{word}",
                    "trigger_words": f"trigger-{word}",
                    "strength": 1.0,
                    "blob": lora,
                    "size_bytes": 10,
                    "facts": {"title": f"title-{word}"},
                    "created_at": NOW,
                }
            ],
            tables.favourites: [liked(ADA, "b"), liked(BOB, "a"), liked(BOB, "b")],
            tables.appeals: [
                appeal("a", channel_id=8, message_id=81),
                appeal("b", decided_by=ADA),
            ],
            tables.gallery_posts: [post("p", "a", word), post("q", "b", other)],
            tables.gallery_votes: [vote("p", BOB), vote("q", ADA), vote("q", 78)],
            tables.daily_usage: [{"user_id": ADA, "kind": "files", "amount": 5, "created_at": NOW}],
            tables.preferences: [
                {"kind": "person", "owner_id": ADA, "content": {"style": word}},
                {"kind": "server", "owner_id": ADA, "content": {"style": other}},
            ],
            tables.blocks: [
                block(ADA, BOB, GUILD, name=f"name-{word}", reason=f"reason-{other}"),
                block(ADA, BOB, 10, name=f"name-{word}", until=NOW - timedelta(days=1)),
                block(BOB, ADA, GUILD, name=f"name-{other}", reason=f"reason-{other}"),
            ],
            tables.audit: [
                audit(BOB, "block", f"<@{ADA}>", f"reason-{other}"),
                audit(BOB, "removed", f"<@{ADA}>", f"prompt-{word}"),
                audit(BOB, "kept", f"<@{BOB}>", f"report-{word}"),
                audit(ADA, "block", f"<@{BOB}>", f"typed-{word}"),
            ],
            tables.reports: [
                report("r", "b", ADA, f"report-{word}", "kept"),
                report("s", "a", BOB, f"about-{word}") | {"channel_id": 6, "message_id": 61},
                report("t", "b", 78, f"report-{other}"),
            ],
            tables.usage: [used(ADA), used(BOB)],
            tables.shares: [{"user_id": ADA, "seconds": 5.0, "noted_at": NOW}],
            tables.erasures: [],
            tables.erased_messages: [],
        }
        missing = {data.table.name for data in TABLES if data.of_person}
        assert not missing - {table.name for table in rows}, "plant something there too"

        def write(connection: Connection) -> None:
            for table, values in rows.items():
                if values:
                    connection.execute(insert(table), values)

        await database.write(write)

    def left(self, directory: Path) -> list[str]:
        """Return the files of a directory that have the word anywhere, in small letters or not."""
        needle = self.word.encode()
        return [
            str(path.relative_to(directory))
            for path in sorted(directory.rglob("*"))
            if path.is_file() and (needle in path.read_bytes() or self.word in path.name)
        ]


def attachment(number: str, blob: str, filename: str) -> dict[str, Any]:
    return {"job_id": number * 32, "blob": blob, "filename": filename, "size_bytes": 10}


def edit(number: str, of: str, user_id: int, word: str) -> dict[str, Any]:
    steps = [["caption", f"caption-{word}"]]
    job_id = of * 32
    return {
        "id": number * 32,
        "job_id": job_id,
        "steps": steps,
        "created_at": NOW,
        "user_id": user_id,
    }


def liked(user_id: int, of: str) -> dict[str, Any]:
    return {"user_id": user_id, "job_id": of * 32, "created_at": NOW}


def post(number: str, of: str, word: str) -> dict[str, Any]:
    return {
        "id": number * 32,
        "job_id": of * 32,
        "guild_id": GUILD,
        "channel_id": 5,
        "message_id": 50 + ord(number),
        "file_name": f"post-{word}.gif",
        "created_at": NOW,
    }


def vote(number: str, user_id: int) -> dict[str, Any]:
    return {"post_id": number * 32, "user_id": user_id, "created_at": NOW}


def block(target_id: int, actor_id: int, guild_id: int, **values: Any) -> dict[str, Any]:
    return {
        "kind": "person",
        "target_id": target_id,
        "guild_id": guild_id,
        "until": None,
        "reason": "",
        "name": "",
        "actor_id": actor_id,
        "created_at": NOW,
    } | values


def audit(actor_id: int, action: str, target: str, detail: str) -> dict[str, Any]:
    return {
        "guild_id": GUILD,
        "actor_id": actor_id,
        "action": action,
        "target": target,
        "detail": detail,
        "created_at": NOW,
    }


def appeal(of: str, **values: Any) -> dict[str, Any]:
    places = {"guild_id": GUILD, "channel_id": None, "message_id": None, "decided_by": None}
    return places | {"job_id": of * 32, "created_at": NOW} | values


def report(
    number: str, of: str, reporter_id: int, reason: str, decision: str = ""
) -> dict[str, Any]:
    return {
        "id": number * 32,
        "job_id": of * 32,
        "guild_id": GUILD,
        "reporter_id": reporter_id,
        "reason": reason,
        "created_at": NOW,
        "decision": decision,
        "channel_id": None,
        "message_id": None,
    }


def used(user_id: int) -> dict[str, Any]:
    day = NOW.date().isoformat()
    return {"user_id": user_id, "day": day, "guild_id": GUILD, "seconds": 5.0, "jobs": 1}
