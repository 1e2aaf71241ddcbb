"""Which jobs are variations of one command, and share its message."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("group_id", sa.String(32)))
    op.add_column(
        "jobs", sa.Column("group_place", sa.Integer, nullable=False, server_default=sa.text("0"))
    )
    op.create_index("jobs_by_group", "jobs", ["group_id"])


def downgrade() -> None:
    op.drop_index("jobs_by_group", "jobs")
    op.drop_column("jobs", "group_place")
    op.drop_column("jobs", "group_id")
