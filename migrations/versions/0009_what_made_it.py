"""What a result says of its making, whether its owner is pinged, and what its file may tell."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("style", sa.Text, nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("ping", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column(
        "jobs", sa.Column("with_recipe", sa.Boolean, nullable=False, server_default=sa.true())
    )
    op.add_column("jobs", sa.Column("lora_names", sa.JSON))


def downgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("lora_names")
        jobs.drop_column("with_recipe")
        jobs.drop_column("ping")
        jobs.drop_column("style")
