"""Reserve: pauses and kill switches, shared capacities and channel limits, and the message's state machine.

The machine is a trigger, so that whoever writes keeps to it; docs/messages.md shows it as a diagram. What a message
holds of capacities it gives back in the same trigger, whoever ends it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

_STATES = "'planned', 'reserved', 'in_flight', 'sent', 'skipped', 'deferred', 'in_doubt', 'failed'"
_GUARD = """
create function guard_messages() returns trigger language plpgsql as $$
declare
    given_back text;
begin
    if new.state <> old.state and not (case old.state
        when 'planned' then new.state in ('reserved', 'deferred', 'skipped', 'failed', 'sent')
        when 'reserved' then new.state in ('in_flight', 'sent', 'skipped', 'deferred', 'in_doubt', 'failed')
        when 'deferred' then new.state in ('reserved', 'skipped', 'failed')
        when 'in_flight' then new.state in ('planned', 'sent', 'in_doubt', 'failed')
        when 'in_doubt' then new.state in ('sent', 'failed')
        else false end)
    then
        raise exception using errcode = 'check_violation', constraint = 'messages_transition',
            message = concat('message ', old.id, ' cannot go from ', old.state, ' to ', new.state);
    end if;
    if (new.key, new.channel) is distinct from (old.key, old.channel)
       and old.state not in ('planned', 'reserved', 'deferred')
    then
        raise exception using errcode = 'check_violation', constraint = 'messages_key',
            message = concat('message ', old.id, ' is ', old.state, ' and cannot take another key');
    end if;
    if new.state in ('planned', 'skipped', 'failed') and new.places <> '{}' then
        -- In the order in which reserve takes them, so that none wait in a ring.
        foreach given_back in array (select array_agg(held order by held) from unnest(new.places) held) loop
            update capacity_use
               set used = used - (old.state <> 'deferred')::integer,
                   promised = promised - (old.state = 'deferred')::integer
             where capacity_use.place = given_back;
        end loop;
        new.places := '{}';
    end if;
    return new;
end
$$
"""
_TRIGGER = """
create trigger guard_messages before update on messages for each row
  when (old.state is distinct from new.state or old.key is distinct from new.key
        or old.channel is distinct from new.channel)
  execute function guard_messages()
"""


def upgrade() -> None:
    """Adds controls, counters and the guard."""
    op.create_table(
        "playbook_controls",
        sa.Column("playbook", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state in ('paused', 'killed')", name=op.f("ck_playbook_controls_state")),
        sa.PrimaryKeyConstraint("playbook", name=op.f("pk_playbook_controls")),
    )
    op.create_table(
        "capacity_use",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Text(), nullable=False),
        sa.Column("span", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("promised", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("span in ('hour', 'day')", name=op.f("ck_capacity_use_span")),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_capacity_use")),
    )
    op.create_index("ix_capacity_use_capacity_starts_at", "capacity_use", ["capacity", "starts_at"], unique=False)
    op.create_table(
        "channel_limits",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("queue_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_limits")),
    )
    op.add_column("journeys", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("journeys", sa.Column("paused_by", sa.Text(), nullable=True))
    op.add_column("journeys", sa.Column("pause_reason", sa.Text(), nullable=True))
    op.add_column(
        "messages",
        sa.Column("places", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.drop_constraint(op.f("ck_messages_state"), "messages", type_="check")
    op.drop_constraint(op.f("ck_messages_skipped_has_reason"), "messages", type_="check")
    op.create_check_constraint(op.f("ck_messages_state"), "messages", f"state in ({_STATES})")
    op.create_check_constraint(
        op.f("ck_messages_has_reason"),
        "messages",
        "(state in ('skipped', 'deferred', 'in_doubt', 'failed')) = (reason is not null)",
    )
    op.create_check_constraint(
        op.f("ck_messages_reason_is_a_word"),
        "messages",
        "state not in ('skipped', 'deferred') or reason ~ '^[a-z][a-z0-9_-]*$'",
    )
    op.create_index(
        "ix_messages_deferred",
        "messages",
        ["customer_id"],
        unique=False,
        postgresql_where=sa.text("state = 'deferred'"),
    )
    op.execute(_GUARD)
    op.execute(_TRIGGER)
