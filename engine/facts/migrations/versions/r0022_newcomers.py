"""Who came and has perhaps not been judged yet, noted by the database whoever adds them."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

# The tables' schema is written out: a replay copies rows into its own schema over a connection of another.
_NOTE = """
create function note_newcomers() returns trigger language plpgsql as $$
begin
    insert into {schema}.newcomers (customer_id) select id from came;
    return null;
end
$$
"""
_TRIGGER = """
create trigger note_newcomers after insert on customers referencing new table as came
  for each statement execute function note_newcomers()
"""
_SO_FAR = """
insert into newcomers (customer_id)
select id from customers c where not exists (select from standings s where s.customer_id = c.id)
"""


def upgrade() -> None:
    """Makes the table, the function and the trigger, and notes whoever has not been judged so far."""
    op.create_table(
        "newcomers",
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_newcomers_customer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_newcomers")),
    )
    schema = op.get_bind().exec_driver_sql("select quote_ident(current_schema())").scalar()
    op.execute(_NOTE.format(schema=schema))
    op.execute(_TRIGGER)
    op.execute(_SO_FAR)
