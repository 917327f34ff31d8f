"""Standing: cut-offs, everyone's standing, its history, and tags given by hand."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Makes the tables of standing."""
    op.create_table(
        "cut_offs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["rule_versions.version"], name=op.f("fk_cut_offs_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cut_offs")),
    )
    op.create_table(
        "hand_tags",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_by", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_hand_tags_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_tags")),
    )
    op.create_index("ix_hand_tags_customer_id", "hand_tags", ["customer_id"], unique=False)
    op.create_table(
        "standings",
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("segments", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("tier", sa.Text(), nullable=True),
        sa.Column("rfm_group", sa.Text(), nullable=True),
        sa.Column("rfm_recency", sa.SmallInteger(), nullable=True),
        sa.Column("rfm_frequency", sa.SmallInteger(), nullable=True),
        sa.Column("rfm_monetary", sa.SmallInteger(), nullable=True),
        sa.Column("given", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("tier_lost_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cut_offs_id", sa.BigInteger(), nullable=True),
        sa.Column("fact_version", sa.BigInteger(), nullable=False),
        sa.Column("evaluated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_flip", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_standings_customer_id")),
        sa.ForeignKeyConstraint(["cut_offs_id"], ["cut_offs.id"], name=op.f("fk_standings_cut_offs_id")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_standings")),
    )
    op.create_index(
        "ix_standings_next_flip",
        "standings",
        ["next_flip"],
        unique=False,
        postgresql_where=sa.text("next_flip is not null"),
    )
    op.create_index("ix_standings_segments", "standings", ["segments"], unique=False, postgresql_using="gin")
    op.create_index("ix_standings_tags", "standings", ["tags"], unique=False, postgresql_using="gin")
    op.create_table(
        "standing_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from", sa.Text(), nullable=True),
        sa.Column("to", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("cut_offs_id", sa.BigInteger(), nullable=True),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_standing_changes_customer_id")),
        sa.ForeignKeyConstraint(["cut_offs_id"], ["cut_offs.id"], name=op.f("fk_standing_changes_cut_offs_id")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_standing_changes_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing_changes")),
    )
    op.create_index("ix_standing_changes_customer_id_at", "standing_changes", ["customer_id", "at"], unique=False)
