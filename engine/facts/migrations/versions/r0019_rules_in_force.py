"""Which version of the rules is in force, and its history."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "rules_in_force",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("follows", sa.BigInteger(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("start_existing", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("changing", sa.Integer(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("how in ('start', 'apply', 'rollback')", name=op.f("ck_rules_in_force_how")),
        sa.ForeignKeyConstraint(["version"], ["rule_versions.version"], name=op.f("fk_rules_in_force_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules_in_force")),
        sa.UniqueConstraint("follows", name=op.f("uq_rules_in_force_follows")),
    )
