"""Operations: what people did to journeys and playbooks, and indexes for the figures of how things stand."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Makes the table of actions and the indexes."""
    op.create_table(
        "actions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("journey_id", sa.BigInteger(), nullable=True),
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("action in ('pause', 'resume', 'cancel', 'kill')", name=op.f("ck_actions_action")),
        sa.ForeignKeyConstraint(["journey_id"], ["journeys.id"], name=op.f("fk_actions_journey_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
    )
    op.create_index("ix_actions_journey_id", "actions", ["journey_id"], unique=False)
    op.create_index(
        "ix_journeys_running", "journeys", ["id"], unique=False, postgresql_where=sa.text("state = 'running'")
    )
    op.create_index(
        "ix_messages_open",
        "messages",
        ["journey_id"],
        unique=False,
        postgresql_where=sa.text("state in ('reserved', 'in_flight', 'deferred', 'in_doubt')"),
    )
    op.create_index("ix_messages_at", "messages", ["at"], unique=False, postgresql_using="brin")
