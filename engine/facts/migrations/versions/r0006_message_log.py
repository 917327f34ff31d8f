"""The history of each message, written by the database whoever changes it; how many segments a short text took."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_LOG = """
create function log_messages() returns trigger language plpgsql as $$
begin
    -- Why a message was not taken is no part of its state; whoever writes that says so for the transaction.
    insert into message_log (message_id, state, reason, channel, at, until, attempts, author, recorded_at)
    values (new.id, new.state, coalesce(new.reason, nullif(current_setting('regulars.why', true), '')),
            new.channel, new.at, new.until, new.attempts, new.settled_by, clock_timestamp());
    return null;
end
$$
"""
_TRIGGERS = (
    "create trigger log_new_messages after insert on messages for each row execute function log_messages()",
    """create trigger log_messages after update on messages for each row
         when ((old.state, old.reason, old.channel, old.until, old.attempts)
               is distinct from (new.state, new.reason, new.channel, new.until, new.attempts))
         execute function log_messages()""",
)


def upgrade() -> None:
    """Adds the log and its triggers."""
    op.create_table(
        "message_log",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_message_log_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_log")),
    )
    op.create_index("ix_message_log_message_id", "message_log", ["message_id"], unique=False)
    op.add_column("messages", sa.Column("segments", sa.Integer(), nullable=True))
    op.execute(_LOG)
    for trigger in _TRIGGERS:
        op.execute(trigger)
