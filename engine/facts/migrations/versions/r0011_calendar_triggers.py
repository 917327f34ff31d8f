"""Triggers of the calendar that are in force, and when each customer's next moment is."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Makes the two tables."""
    op.create_table(
        "calendar_triggers",
        sa.Column("trigger", sa.Text(), primary_key=True),
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "calendar_dues",
        sa.Column("trigger", sa.Text(), primary_key=True),
        sa.Column("customer_id", sa.BigInteger(), primary_key=True),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("last_at", sa.DateTime(timezone=True)),
        sa.Column("fact_version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["trigger"], ["calendar_triggers.trigger"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"]),
    )
    op.create_index(
        "ix_calendar_dues_due_at", "calendar_dues", ["due_at"], postgresql_where=sa.text("due_at is not null")
    )
