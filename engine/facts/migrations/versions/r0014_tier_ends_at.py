"""Until when a tier is kept that a review found lost, in place of when that review was."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """The grace is told by the rules, which a migration does not know: 30 days is what the shipped ones give."""
    op.alter_column("standings", "tier_lost_at", new_column_name="tier_ends_at")
    op.execute("update standings set tier_ends_at = tier_ends_at + interval '30 days' where tier_ends_at is not null")
