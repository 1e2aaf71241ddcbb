"""Posts in galleries and their votes, as rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.storage import gallery, moderation
from bot.storage.database import open_database
from bot.storage.gallery import GalleryPost
from bot.storage.moderation import EVERYWHERE, PERSON, AuditEntry, Block

HERE, THERE = 5, 6
NOW = datetime.now(UTC)


def post(name: str, job: str = "", guild: int = HERE) -> GalleryPost:
    return GalleryPost(id=name, job_id=job or f"job {name}", guild_id=guild, channel_id=9)


async def test_a_job_is_shared_once_a_server_and_a_person_votes_once(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path / 'a.db'}") as database:
        first = await database.write(gallery.reserve, post("a", "x"))
        assert await database.write(gallery.reserve, post("b", "x")) == first
        assert (await database.write(gallery.reserve, post("c", "x", THERE))).id == "c"
        assert [each.id for each in await database.read(gallery.of_job, "x")] == ["a", "c"]
        assert await database.write(gallery.toggle_vote, "a", 1) == 1
        assert await database.write(gallery.toggle_vote, "a", 2) == 2
        assert await database.write(gallery.toggle_vote, "a", 1) == 1
        assert await database.write(gallery.toggle_vote, "nothing", 1) is None
        assert await database.write(gallery.remove, "a")
        assert not await database.write(gallery.remove, "a")
        assert await database.read(gallery.vote_count, "a") == 0


async def test_votes_of_those_who_are_blocked_there_dont_count(tmp_path: Path) -> None:
    now, entry = (
        datetime.now(UTC),
        AuditEntry(guild_id=HERE, actor_id=1, action="block", created_at=NOW),
    )
    blocked = Block(kind=PERSON, target_id=1, created_at=NOW)
    async with open_database(f"sqlite:///{tmp_path / 'a.db'}") as database:
        await database.write(gallery.reserve, post("a"))
        await database.write(gallery.note_message, "a", 9, 1, "a.gif")
        for voter in range(1, 6):
            await database.write(gallery.toggle_vote, "a", voter)
        for block in (
            replace(blocked, target_id=1, guild_id=HERE),
            replace(blocked, target_id=2, guild_id=EVERYWHERE, until=now + timedelta(hours=1)),
            replace(blocked, target_id=3, guild_id=HERE, until=now - timedelta(hours=1)),
            replace(blocked, target_id=4, guild_id=THERE),
        ):
            await database.write(moderation.put_block, block, entry)
        assert await database.read(gallery.vote_count, "a") == 3
        [(_, votes)] = await database.read(gallery.top, HERE, now - timedelta(days=1), 5)
        assert votes == 3
        await database.write(moderation.drop_block, (PERSON, 1, HERE), entry)
        assert await database.read(gallery.vote_count, "a") == 4


async def test_the_best_of_a_server_since_a_time(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path / 'a.db'}") as database:
        for number, name in enumerate("abcde"):
            await database.write(gallery.reserve, post(name))
            if name != "e":  # whose message never came
                await database.write(gallery.note_message, name, 9, number + 1, "a.gif")
        await database.write(gallery.reserve, post("z", guild=THERE))
        await database.write(gallery.note_message, "z", 9, 99, "a.gif")
        for name, voters in {"a": 1, "c": 3, "b": 3, "e": 5, "z": 9}.items():
            for voter in range(voters):
                await database.write(gallery.toggle_vote, name, voter)
        now = datetime.now(UTC)
        found = await database.read(gallery.top, HERE, now - timedelta(days=7), 10)
        assert [(each.id, votes) for each, votes in found] == [("c", 3), ("b", 3), ("a", 1)]
        assert found[0][0].link == "https://discord.com/channels/5/9/3"
        assert len(await database.read(gallery.top, HERE, now - timedelta(days=7), 2)) == 2
        assert await database.read(gallery.top, HERE, now + timedelta(days=1), 10) == []
