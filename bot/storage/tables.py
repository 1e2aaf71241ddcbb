"""The tables as this version expects them; ``migrations/`` brings a database there.

Times are UTC, written as aware ISO text by ``UtcTime`` so SQLite and PostgreSQL agree.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
    true,
)


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime, kept as sortable ISO text in UTC."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> str | None:
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, _: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    # the order of acceptance; SQLite gives that of the newest again, once it was deleted
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("crashes", Integer, nullable=False),
    Column("application_id", BigInteger, nullable=False),
    Column("token", Text, nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("guild_id", BigInteger),
    Column("upload_limit", BigInteger, nullable=False),
    Column("suffix", String(8), nullable=False, server_default=".gif"),
    Column("private", Boolean, nullable=False, server_default=false()),
    Column("is_followup", Boolean, nullable=False, server_default=false()),
    Column("parent_id", String(32)),
    Column("relation", String(16), nullable=False, server_default=""),
    Column("locale", String(8), nullable=False, server_default=""),
    Column("style", Text, nullable=False, server_default=""),
    Column("ping", Boolean, nullable=False, server_default=false()),
    Column("with_recipe", Boolean, nullable=False, server_default=true()),
    Column("group_id", String(32)),
    Column("group_place", Integer, nullable=False, server_default="0"),
    Column("priority", Float, nullable=False, server_default="1"),
    Column("lora_names", JSON(none_as_null=True)),
    Column("words", Text, nullable=False, server_default=""),
    Column("request", JSON, nullable=False),
    Column("model", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("answer_id", BigInteger),
    Column("started_at", UtcTime),
    Column("finished_at", UtcTime),
    Column("seconds", Float),
    Column("output", Text),
    Column("size_bytes", BigInteger),
    Column("withheld", String(80)),
    Column("allowed_by", BigInteger),
    Column("error", Text),
    Column("reason", JSON(none_as_null=True)),
    Column("failure_kind", String(16)),
    Column("failure_is_retryable", Boolean),
    Column("message_id", BigInteger),
    Column("message_channel_id", BigInteger),
    Column("owner_notified", Boolean, nullable=False),
    Index("jobs_by_state", "state", "number"),
    Index("jobs_by_user", "user_id", "number"),
    Index("jobs_by_output", "output"),
    Index("jobs_by_withheld", "withheld"),
    Index("jobs_by_parent", "parent_id"),
    Index("jobs_by_words", "user_id", "number", "state", "words"),
    Index("jobs_by_message", "message_id"),
    Index("jobs_by_group", "group_id"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id"), primary_key=True),
    Column("blob", String(80), primary_key=True),
    Column("filename", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Index("attachments_by_blob", "blob"),
)

edits = Table(
    "edits",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("job_id", String(32), nullable=False),
    Column("steps", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("user_id", BigInteger),
    Index("edits_by_job", "job_id"),
    Index("edits_by_user", "user_id"),
)

drafts = Table(
    "drafts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("blob", String(80), nullable=False),
    Column("content", JSON, nullable=False),
    Index("drafts_by_age", "created_at"),
    Index("drafts_by_blob", "blob"),
)

loras = Table(
    "loras",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner_id", BigInteger, nullable=False),
    Column("guild_id", BigInteger),
    Column("shared", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("trigger_words", Text, nullable=False),
    Column("strength", Float, nullable=False),
    Column("blob", String(80), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("adult", Boolean, nullable=False, server_default=false()),
    Index("loras_by_owner", "owner_id", "name_key", unique=True),
    Index("loras_by_share", "shared", "guild_id"),
    Index("loras_by_blob", "blob"),
)

favourites = Table(
    "favourites",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("job_id", String(32), primary_key=True),
    Column("created_at", UtcTime, nullable=False),
    Index("favourites_by_job", "job_id"),
)

gallery_posts = Table(
    "gallery_posts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("job_id", String(32), nullable=False),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("message_id", BigInteger),
    Column("file_name", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("gallery_posts_by_job", "job_id", "guild_id", unique=True),
    Index("gallery_posts_by_age", "guild_id", "created_at"),
)

gallery_votes = Table(
    "gallery_votes",
    metadata,
    Column("post_id", String(32), primary_key=True),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("created_at", UtcTime, nullable=False),
)

daily_usage = Table(
    "daily_usage",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("user_id", BigInteger, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("daily_usage_by_user", "user_id", "kind", "created_at"),
    Index("daily_usage_by_age", "created_at"),
)

sent_forms = Table(
    "sent_forms",
    metadata,
    Column("nonce", String(16), primary_key=True),
    Column("created_at", UtcTime, nullable=False),
    Index("sent_forms_by_age", "created_at"),
)

preferences = Table(
    "preferences",
    metadata,
    Column("kind", String(8), primary_key=True),
    Column("owner_id", BigInteger, primary_key=True, autoincrement=False),
    Column("content", JSON, nullable=False),
)

word_lists = Table(
    "word_lists",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(8), primary_key=True),
    Column("content", Text, nullable=False),
)

blocks = Table(
    "blocks",
    metadata,
    Column("kind", String(8), primary_key=True),
    Column("target_id", BigInteger, primary_key=True, autoincrement=False),
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("until", UtcTime),
    Column("reason", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("actor_id", BigInteger, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("guild_id", BigInteger),
    Column("actor_id", BigInteger, nullable=False),
    Column("action", String(24), nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Index("audit_by_guild", "guild_id", "number"),
)

reports = Table(
    "reports",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("job_id", String(32), nullable=False),
    Column("guild_id", BigInteger),
    Column("reporter_id", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("decision", String(8), nullable=False),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger),
    Index("reports_by_job", "job_id", "reporter_id", unique=True),
)

appeals = Table(
    "appeals",
    metadata,
    Column("job_id", String(32), primary_key=True),
    Column("guild_id", BigInteger),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger),
    Column("created_at", UtcTime, nullable=False),
    Column("decision", String(8), nullable=False, server_default=""),
    Column("decided_by", BigInteger),
)

usage = Table(
    "usage",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("day", String(10), primary_key=True),  # as ISO has it, in UTC
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("seconds", Float, nullable=False),
    Column("jobs", Integer, nullable=False),
)

shares = Table(
    "shares",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("seconds", Float, nullable=False),  # as they counted then
    Column("noted_at", UtcTime, nullable=False),
)

guilds = Table(
    "guilds",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("left_at", UtcTime),
)

erasures = Table(
    "erasures",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("rows_are_gone", Boolean, nullable=False, server_default=false()),
)

erased_files = Table(
    "erased_files",
    metadata,
    Column("blob", String(80), primary_key=True),
)

erased_messages = Table(
    "erased_messages",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel_id", BigInteger, primary_key=True, autoincrement=False),
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
)

costs = Table(
    "costs",
    metadata,
    Column("model", Text, primary_key=True),
    Column("device", String(32), primary_key=True),
    Column("sums", JSON, nullable=False),
)

registrations = Table(
    "registrations",
    metadata,
    Column("application_id", BigInteger, primary_key=True, autoincrement=False),
    Column("commands_hash", String(64), nullable=False),
)
