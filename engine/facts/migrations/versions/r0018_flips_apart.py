"""The next flips of a standing by what they follow from, and room on the pages for standings that are written anew."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Without flips a standing is judged whole the next time, which gives it some."""
    op.add_column("standings", sa.Column("flips", JSONB(), nullable=True))
    # Each event writes a new version of both rows: with room for it on the page no index needs an entry more.
    op.execute("alter table standings set (fillfactor = 70)")
    op.execute("alter table customers set (fillfactor = 85)")
