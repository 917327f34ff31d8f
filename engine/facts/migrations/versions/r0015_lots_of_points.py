"""Which lot of points an entry takes from: what expires, or what is taken back of an order."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Adds the lot, which entries of before do not know; and how free codes of a pool are found."""
    op.add_column("points_entries", sa.Column("lot_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_points_entries_lot_id"), "points_entries", "points_entries", ["lot_id"], ["id"])
    op.create_index("ix_points_entries_lot_id", "points_entries", ["lot_id"])
    op.create_index(
        "ix_coupons_free", "coupons", ["pool", "expires_at", "id"], postgresql_where=sa.text("customer_id is null")
    )
