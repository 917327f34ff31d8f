"""Journeys held for a person, and whether everybody has been judged by published cut-offs."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Allows the state `held` and adds the instant at which a bulk run came to its end."""
    op.add_column("cut_offs", sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("update cut_offs set judged_at = recorded_at")
    op.drop_constraint(op.f("ck_journeys_state"), "journeys")
    op.create_check_constraint(
        op.f("ck_journeys_state"),
        "journeys",
        "state in ('held', 'running', 'ended', 'stopped', 'failed', 'cancelled')",
    )
    op.create_index("ix_journeys_held", "journeys", ["playbook", "id"], postgresql_where=sa.text("state = 'held'"))
