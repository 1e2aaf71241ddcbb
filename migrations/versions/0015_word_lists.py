"""Words that servers keep out of prompts, and LoRAs for age-restricted channels only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "loras", sa.Column("adult", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.create_table(
        "word_lists",
        sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("content", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("word_lists")
    op.drop_column("loras", "adult")
