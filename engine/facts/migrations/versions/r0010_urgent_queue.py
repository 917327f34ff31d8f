"""A channel's limit has a queue of its own for what everybody must be told."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Adds the queue, empty."""
    op.add_column(
        "channel_limits",
        sa.Column("urgent_at", sa.DateTime(timezone=True), server_default=sa.text("'epoch'"), nullable=False),
    )
