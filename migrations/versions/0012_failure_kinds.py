"""Why jobs failed, for programs; and plainer names for what there was."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("failure_kind", sa.String(16)))
    op.add_column("jobs", sa.Column("failure_is_retryable", sa.Boolean))
    # plain statements, since Alembic would copy the whole table for a name
    op.execute("ALTER TABLE jobs RENAME COLUMN told TO owner_notified")
    op.execute("ALTER TABLE brought RENAME TO daily_usage")
    _rename_index("brought_by_user", "daily_usage_by_user", ["user_id", "kind", "created_at"])
    _rename_index("brought_by_age", "daily_usage_by_age", ["created_at"])


def downgrade() -> None:
    _rename_index("daily_usage_by_age", "brought_by_age", ["created_at"])
    _rename_index("daily_usage_by_user", "brought_by_user", ["user_id", "kind", "created_at"])
    op.execute("ALTER TABLE daily_usage RENAME TO brought")
    op.execute("ALTER TABLE jobs RENAME COLUMN owner_notified TO told")
    op.drop_column("jobs", "failure_is_retryable")
    op.drop_column("jobs", "failure_kind")


def _rename_index(old: str, new: str, columns: list[str]) -> None:
    """SQLite has no statement for it."""
    op.drop_index(old, "daily_usage")
    op.create_index(new, "daily_usage", columns)
