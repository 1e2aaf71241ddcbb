"""A result's job is found by the message that it stands in."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("jobs_by_message", "jobs", ["message_id"])


def downgrade() -> None:
    op.drop_index("jobs_by_message", "jobs")
