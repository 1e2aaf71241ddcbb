"""Queries on ``gallery_posts`` and ``gallery_votes``: what was shared in servers' galleries.

A job is shared once in a server. Its post is a row before it is a message, so that a press that
comes twice, or a bot that was killed in between, makes one post.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select, update

from bot.storage.moderation import EVERYWHERE, PERSON
from bot.storage.tables import blocks, gallery_posts, gallery_votes


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryPost:
    """A job that was shared; ``message_id`` and ``file_name`` once Discord has the message."""

    id: str
    job_id: str
    guild_id: int
    channel_id: int
    message_id: int | None = None
    file_name: str = ""

    @property
    def link(self) -> str:
        """The message's address in Discord's clients."""
        return f"https://discord.com/channels/{self.guild_id}/{self.channel_id}/{self.message_id}"


def reserve(connection: Connection, post: GalleryPost) -> GalleryPost:
    """Return the job's post in that server: the one that there is, or ``post``, added now."""
    found = connection.execute(
        select(gallery_posts).where(
            gallery_posts.c.job_id == post.job_id, gallery_posts.c.guild_id == post.guild_id
        )
    ).one_or_none()
    if found is not None:
        return _post(found)
    connection.execute(
        insert(gallery_posts).values(
            id=post.id,
            job_id=post.job_id,
            guild_id=post.guild_id,
            channel_id=post.channel_id,
            file_name=post.file_name,
            created_at=datetime.now(UTC),
        )
    )
    return post


def note_message(
    connection: Connection, post_id: str, channel_id: int, message_id: int, file_name: str
) -> None:
    """Note where a post stands."""
    connection.execute(
        update(gallery_posts)
        .where(gallery_posts.c.id == post_id)
        .values(channel_id=channel_id, message_id=message_id, file_name=file_name)
    )


def get(connection: Connection, post_id: str) -> GalleryPost | None:
    """Return a post; None where there is none of that id, or it was withdrawn."""
    row = connection.execute(
        select(gallery_posts).where(gallery_posts.c.id == post_id)
    ).one_or_none()
    return None if row is None else _post(row)


def of_job(connection: Connection, job_id: str) -> list[GalleryPost]:
    """Return a job's posts, one a server at most."""
    query = select(gallery_posts).where(gallery_posts.c.job_id == job_id)
    return [_post(row) for row in connection.execute(query)]


def is_shared_in(connection: Connection, job_id: str, channel_id: int) -> bool:
    """Return whether a job was shared in that channel, for all there to see."""
    return any(post.channel_id == channel_id for post in of_job(connection, job_id))


def remove(connection: Connection, post_id: str) -> bool:
    """Remove a post with its votes; return whether it was there."""
    connection.execute(delete(gallery_votes).where(gallery_votes.c.post_id == post_id))
    gone = connection.execute(delete(gallery_posts).where(gallery_posts.c.id == post_id))
    return gone.rowcount == 1


def toggle_vote(connection: Connection, post_id: str, user_id: int) -> int | None:
    """Add a person's vote, or take it back; return how many there are now.

    None where the post was withdrawn.
    """
    if get(connection, post_id) is None:
        return None
    mine = (gallery_votes.c.post_id == post_id) & (gallery_votes.c.user_id == user_id)
    if not connection.execute(delete(gallery_votes).where(mine)).rowcount:
        values = {"post_id": post_id, "user_id": user_id, "created_at": datetime.now(UTC)}
        connection.execute(insert(gallery_votes).values(**values))
    return vote_count(connection, post_id)


def vote_count(connection: Connection, post_id: str) -> int:
    """Return how many have voted for a post, and aren't blocked there now."""
    query = (
        select(func.count())
        .select_from(gallery_votes)
        .join(gallery_posts, gallery_posts.c.id == gallery_votes.c.post_id)
        .where(gallery_votes.c.post_id == post_id, _may_vote())
    )
    return connection.execute(query).scalar_one()


def _may_vote() -> ColumnElement[bool]:
    """Return whether whoever voted isn't blocked on the post's server, by a block that holds."""
    block = (
        select(blocks.c.target_id)
        .where(
            blocks.c.kind == PERSON,
            blocks.c.target_id == gallery_votes.c.user_id,
            or_(blocks.c.guild_id == EVERYWHERE, blocks.c.guild_id == gallery_posts.c.guild_id),
            or_(blocks.c.until.is_(None), blocks.c.until > datetime.now(UTC)),
        )
        .correlate(gallery_votes, gallery_posts)
    )
    return ~block.exists()


def top(
    connection: Connection, guild_id: int, since: datetime, limit: int
) -> list[tuple[GalleryPost, int]]:
    """Return the posts of a server ``since`` then with the most votes, and how many each has.

    Those that nobody has voted for are left out; of several with as many, the newest comes first.
    """
    votes = func.count(gallery_votes.c.user_id)
    query = (
        select(gallery_posts, votes.label("votes"))
        .join(gallery_votes, gallery_votes.c.post_id == gallery_posts.c.id)
        .where(
            gallery_posts.c.guild_id == guild_id,
            gallery_posts.c.created_at >= since,
            gallery_posts.c.message_id.is_not(None),
            _may_vote(),
        )
        .group_by(*gallery_posts.c)
        .order_by(votes.desc(), gallery_posts.c.created_at.desc())
        .limit(limit)
    )
    return [(_post(row), row.votes) for row in connection.execute(query)]


def _post(row: Row[tuple[object, ...]]) -> GalleryPost:
    return GalleryPost(
        id=row.id,
        job_id=row.job_id,
        guild_id=row.guild_id,
        channel_id=row.channel_id,
        message_id=row.message_id,
        file_name=row.file_name,
    )
