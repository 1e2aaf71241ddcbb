"""Attachments kept by hash, and what jobs cost on this machine's devices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attachments",
        sa.Column("job_id", sa.String(32), sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("blob", sa.String(80), primary_key=True),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
    )
    op.create_index("attachments_by_blob", "attachments", ["blob"])
    op.create_index("jobs_by_output", "jobs", ["output"])
    op.create_table(
        "costs",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("device", sa.String(32), primary_key=True),
        sa.Column("sums", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("costs")
    op.drop_index("jobs_by_output", "jobs")
    op.drop_table("attachments")
