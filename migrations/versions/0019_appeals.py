"""Results that a detector had withheld, and what moderators decide on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("withheld", sa.String(80)))
    op.add_column("jobs", sa.Column("allowed_by", sa.BigInteger))
    op.create_index("jobs_by_withheld", "jobs", ["withheld"])
    op.create_table(
        "appeals",
        sa.Column("job_id", sa.String(32), primary_key=True),
        sa.Column("guild_id", sa.BigInteger),
        sa.Column("channel_id", sa.BigInteger),
        sa.Column("message_id", sa.BigInteger),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("decision", sa.String(8), nullable=False, server_default=""),
        sa.Column("decided_by", sa.BigInteger),
    )


def downgrade() -> None:
    op.drop_table("appeals")
    op.drop_index("jobs_by_withheld", "jobs")
    op.drop_column("jobs", "allowed_by")
    op.drop_column("jobs", "withheld")
