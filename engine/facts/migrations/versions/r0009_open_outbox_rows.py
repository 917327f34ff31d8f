"""Open rows of the outbox in the order in which they are told, however many there are."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0006"


def upgrade() -> None:
    """Makes the index that the dispatcher claims by."""
    op.create_index("ix_outbox_open_id", "outbox", ["id"], unique=False, postgresql_where=sa.text("done_at is null"))
