"""What each person used of the workers' time lately, and the priority of jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shares",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("noted_at", sa.String(32), nullable=False),
    )
    op.add_column("jobs", sa.Column("priority", sa.Float, nullable=False, server_default="1"))


def downgrade() -> None:
    op.drop_column("jobs", "priority")
    op.drop_table("shares")
