"""Where moderators read a report, so that an erasure can take it away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reports", sa.Column("channel_id", sa.BigInteger))
    op.add_column("reports", sa.Column("message_id", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("reports", "message_id")
    op.drop_column("reports", "channel_id")
