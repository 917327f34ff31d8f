"""Whose facts have changed since the mirror was filled, noted by the database whoever changes them; the mirrors."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_OF_CUSTOMER = (
    "customer_identities", "orders", "cases", "site_events", "consents", "suppressions", "coupons", "points_entries",
    "events", "messages",
)  # fmt: skip
_OF_ORDER = ("order_lines", "payments", "shipments", "returns", "reviews")
# Table → the column that says whose the row is, and of what it is the number.
_NOTED = {
    "customers": ("id", "customer"),
    **dict.fromkeys(_OF_CUSTOMER, ("customer_id", "customer")),
    **dict.fromkeys(_OF_ORDER, ("order_id", "order")),
    "message_events": ("message_id", "message"),
}
# What concerns whoever bought it, or the whole shop, and does so rarely: only these columns of it are read.
_SHARED = {
    "products": ("product", ("key", "category", "attributes", "launched_at", "settling_days", "repurchase_days")),
    "shops": ("shop", ("key", "zone", "country")),
    "orders": ("order_number", ("number", "shop_id")),
}
# The tables' schema is written out: a replay copies rows into its own schema over a connection of another.
_NOTE = """
create function note_{of}_{when}() returns trigger language plpgsql as $$
begin
    insert into {schema}.fact_changes (kind, id, transaction)
    select '{kind}', {column}, pg_current_xact_id()::text::bigint
      from ({rows}) noted where {column} is not null;
    return null;
end
$$
"""
_ROWS = {
    "one": "select distinct {column} from changed",
    "both": "select {column} from changed union select {column} from was",
}
_NOTE_SHARED = """
create function note_{kind}() returns trigger language plpgsql as $$
begin
    insert into {schema}.fact_changes (kind, id, transaction)
    values ('{kind}', new.id, pg_current_xact_id()::text::bigint);
    return null;
end
$$
"""
_NOTE_EVERYBODY = """
create function note_everybody() returns trigger language plpgsql as $$
begin
    insert into {schema}.fact_changes (kind, id, transaction)
    values ('everybody', 0, pg_current_xact_id()::text::bigint);
    return null;
end
$$
"""
_TRIGGERS = (
    """create trigger note_inserted after insert on {table} referencing new table as changed
         for each statement execute function note_{of}_one()""",
    """create trigger note_updated after update on {table} referencing old table as was new table as changed
         for each statement execute function note_{of}_both()""",
    """create trigger note_deleted after delete on {table} referencing old table as changed
         for each statement execute function note_{of}_one()""",
    """create trigger note_truncated after truncate on {table}
         for each statement execute function note_everybody()""",
)


def upgrade() -> None:
    """Makes the tables, the functions and the triggers."""
    op.create_table(
        "fact_changes",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("transaction", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "mirrors",
        sa.Column("mirror", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("snapshot", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("mirror", name=op.f("pk_mirrors")),
    )
    schema = op.get_bind().exec_driver_sql("select quote_ident(current_schema())").scalar()
    op.execute(_NOTE_EVERYBODY.format(schema=schema))
    for column, kind in {*_NOTED.values()}:
        for when, rows in _ROWS.items():
            chosen = rows.format(column=column)
            op.execute(_NOTE.format(of=_of(column), when=when, schema=schema, kind=kind, column=column, rows=chosen))
    for table, (column, _) in _NOTED.items():
        for trigger in _TRIGGERS:
            op.execute(trigger.format(table=table, of=_of(column)))
    for table, (kind, columns) in _SHARED.items():
        op.execute(_NOTE_SHARED.format(kind=kind, schema=schema))
        op.execute(_shared_trigger(table, kind, columns))


def _of(column: str) -> str:
    return {"id": "customer", "customer_id": "owner", "order_id": "order", "message_id": "message"}[column]


def _shared_trigger(table: str, kind: str, columns: tuple[str, ...]) -> str:
    old, new = (", ".join(f"{side}.{column}" for column in columns) for side in ("old", "new"))
    return f"""create trigger note_{kind} after update of {", ".join(columns)} on {table} for each row
         when (({old}) is distinct from ({new})) execute function note_{kind}()"""
