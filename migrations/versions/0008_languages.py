"""Whose language a job is told in, and why it failed in words that can be said in any."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("locale", sa.String(8), nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("reason", sa.JSON))


def downgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("reason")
        jobs.drop_column("locale")
