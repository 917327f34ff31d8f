"""Runs of campaigns, and how what is open of a wave is found."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Makes the table and the index."""
    op.create_table(
        "campaign_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'running'"), nullable=False),
        sa.Column("wave", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_action", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state in ('running', 'ended', 'killed', 'cancelled')", name=op.f("ck_campaign_runs_state")),
        sa.ForeignKeyConstraint(["version"], ["rule_versions.version"], name=op.f("fk_campaign_runs_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_runs")),
        sa.UniqueConstraint("campaign", name=op.f("uq_campaign_runs_campaign")),
    )
    op.create_index(
        "ix_messages_open_step",
        "messages",
        ["playbook", "step", "id"],
        postgresql_where=sa.text("state in ('planned', 'reserved', 'in_flight', 'deferred')"),
    )
