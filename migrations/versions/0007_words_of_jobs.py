"""Jobs are searched by words in an index of their own: nobody waits for 100,000 JSON texts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_LONGEST = 500


def upgrade() -> None:
    op.add_column("jobs", sa.Column("words", sa.Text, nullable=False, server_default=""))
    jobs = sa.table("jobs", sa.column("words", sa.Text), sa.column("request", sa.JSON))
    prompt = jobs.c.request["prompt"].as_string()
    op.execute(jobs.update().values(words=sa.func.lower(sa.func.substr(prompt, 1, _LONGEST))))
    op.create_index("jobs_by_words", "jobs", ["user_id", "number", "state", "words"])


def downgrade() -> None:
    op.drop_index("jobs_by_words", "jobs")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("words")
