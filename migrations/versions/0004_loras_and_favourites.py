"""LoRAs that people brought, and the GIFs they like."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "loras",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("owner_id", sa.BigInteger, nullable=False),
        sa.Column("guild_id", sa.BigInteger),
        sa.Column("shared", sa.String(16), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("trigger_words", sa.Text, nullable=False),
        sa.Column("strength", sa.Float, nullable=False),
        sa.Column("blob", sa.String(80), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_index("loras_by_owner", "loras", ["owner_id", "name_key"], unique=True)
    op.create_index("loras_by_share", "loras", ["shared", "guild_id"])
    op.create_index("loras_by_blob", "loras", ["blob"])
    op.create_table(
        "favourites",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("job_id", sa.String(32), primary_key=True),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_index("favourites_by_job", "favourites", ["job_id"])


def downgrade() -> None:
    op.drop_table("favourites")
    op.drop_table("loras")
