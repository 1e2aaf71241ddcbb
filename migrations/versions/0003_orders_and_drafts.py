"""How a job's result is wanted and where the job came from; sources that wait for a word."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("suffix", sa.String(8), nullable=False, server_default=".gif"))
        jobs.add_column(sa.Column("private", sa.Boolean, nullable=False, server_default=sa.false()))
        jobs.add_column(
            sa.Column("is_followup", sa.Boolean, nullable=False, server_default=sa.false())
        )
        jobs.add_column(sa.Column("parent_id", sa.String(32)))
        jobs.add_column(sa.Column("relation", sa.String(16), nullable=False, server_default=""))
        jobs.create_index("jobs_by_parent", ["parent_id"])
    op.create_table(
        "drafts",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("blob", sa.String(80), nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
    )
    op.create_index("drafts_by_age", "drafts", ["created_at"])
    op.create_index("drafts_by_blob", "drafts", ["blob"])


def downgrade() -> None:
    op.drop_table("drafts")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_index("jobs_by_parent")
        for name in ("relation", "parent_id", "is_followup", "private", "suffix"):
            jobs.drop_column(name)
