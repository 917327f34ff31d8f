"""When a parcel was handed to the courier who brings it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Adds the instant; it is unknown of parcels that are known already."""
    op.add_column("shipments", sa.Column("out_for_delivery_at", sa.DateTime(timezone=True), nullable=True))
