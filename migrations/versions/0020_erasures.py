"""What is being erased, which servers the bot is in, and whose an edit is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("edits", sa.Column("user_id", sa.BigInteger))
    op.create_index("edits_by_user", "edits", ["user_id"])
    op.create_table(
        "guilds",
        sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("left_at", sa.String(32)),
    )
    op.create_table(
        "erasures",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("requested_at", sa.String(32), nullable=False),
        sa.Column("rows_are_gone", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.create_table("erased_files", sa.Column("blob", sa.String(80), primary_key=True))
    op.create_table(
        "erased_messages",
        sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("channel_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("message_id", sa.BigInteger, primary_key=True, autoincrement=False),
    )


def downgrade() -> None:
    op.drop_table("erased_messages")
    op.drop_table("erased_files")
    op.drop_table("erasures")
    op.drop_table("guilds")
    op.drop_index("edits_by_user", "edits")
    with op.batch_alter_table("edits") as table:
        table.drop_column("user_id")
