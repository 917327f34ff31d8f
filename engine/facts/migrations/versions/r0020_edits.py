"""Edits of playbooks whose journeys under way follow them, and what each came to."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"

_STATES = "'open', 'told', 'migrated', 'replaced', 'drained', 'pinned', 'ended', 'lost'"


def upgrade() -> None:
    """Makes the tables and their indexes."""
    instant = sa.DateTime(timezone=True)
    op.create_table(
        "edits",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("from_versions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'running'"), nullable=False),
        sa.Column("begun_at", instant, nullable=False),
        sa.Column("ended_at", instant, nullable=True),
        sa.Column("told_at", instant, nullable=True),
        sa.Column("recorded_at", instant, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("policy in ('migrate', 'drain')", name=op.f("ck_edits_policy")),
        sa.CheckConstraint("state in ('running', 'ended', 'superseded')", name=op.f("ck_edits_state")),
        sa.ForeignKeyConstraint(["version"], ["rule_versions.version"], name=op.f("fk_edits_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edits")),
    )
    op.create_index("ix_edits_running", "edits", ["playbook"], postgresql_where=sa.text("state = 'running'"))
    op.create_table(
        "journey_edits",
        sa.Column("edit_id", sa.BigInteger(), nullable=False),
        sa.Column("journey_id", sa.BigInteger(), nullable=False),
        sa.Column("from_version", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("to_step", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("at", instant, nullable=True),
        sa.CheckConstraint(f"state in ({_STATES})", name=op.f("ck_journey_edits_state")),
        sa.ForeignKeyConstraint(["edit_id"], ["edits.id"], name=op.f("fk_journey_edits_edit_id")),
        sa.ForeignKeyConstraint(["journey_id"], ["journeys.id"], name=op.f("fk_journey_edits_journey_id")),
        sa.PrimaryKeyConstraint("edit_id", "journey_id", name=op.f("pk_journey_edits")),
    )
    op.create_index(
        "ix_journey_edits_open",
        "journey_edits",
        ["edit_id", "journey_id"],
        postgresql_where=sa.text("state in ('open', 'told')"),
    )
    op.create_index("ix_journey_edits_journey_id", "journey_edits", ["journey_id"])
