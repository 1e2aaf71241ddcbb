"""What each person brought within a day, and which forms were sent already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "brought",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_index("brought_by_user", "brought", ["user_id", "kind", "created_at"])
    op.create_index("brought_by_age", "brought", ["created_at"])
    op.create_table(
        "sent_forms",
        sa.Column("nonce", sa.String(16), primary_key=True),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_index("sent_forms_by_age", "sent_forms", ["created_at"])


def downgrade() -> None:
    op.drop_table("sent_forms")
    op.drop_table("brought")
