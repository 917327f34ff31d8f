"""The log of messages is written by the database, whoever changes a message, and beside the messages themselves."""

import psycopg

from engine.facts.migrate import upgrade
from engine.facts.pool import connect

ROWS = """
insert into customers (key) values ('c');
insert into rule_versions (version, files) values ('v', '{}');
insert into journeys (workflow_id, playbook, version, subject, subject_id, occasion, customer_id, started_at)
values ('w', 'p', 'v', 'customer', 1, 1, 1, '2026-03-02Z');
insert into messages (key, journey_id, customer_id, playbook, step, channel, purpose, state, due_at, at)
values ('w/s', 1, 1, 'p', 's', 'email', 'service', 'reserved', '2026-03-02Z', '2026-03-02Z');
"""
LOG = "select state, reason, attempts, author from message_log order by id"


def put(connection: psycopg.Connection, changes: str) -> None:
    connection.execute(f"update messages set {changes}")
    connection.commit()


def test_each_change_of_state_is_one_line_and_nothing_else_is(database):
    upgrade(database, "replay_march")
    with connect(database, "replay_march") as connection:
        connection.execute(ROWS)
        put(connection, "template = 't', locale = 'en', segments = 2, updated_at = now()")
        put(connection, "state = 'in_flight'")
        put(connection, "attempts = 2")
        put(connection, "state = 'in_doubt', reason = 'no_answer'")
        put(connection, "state = 'failed', reason = 'settled_as_not_sent', settled_by = 'anna'")
        assert connection.execute(LOG).fetchall() == [
            ("reserved", None, 0, None),
            ("in_flight", None, 0, None),
            ("in_flight", None, 2, None),
            ("in_doubt", "no_answer", 2, None),
            ("failed", "settled_as_not_sent", 2, "anna"),
        ]


def test_what_is_rolled_back_leaves_no_line(connection):
    connection.execute(ROWS)
    connection.commit()
    connection.execute("update messages set state = 'in_flight'")
    connection.rollback()
    assert len(connection.execute(LOG).fetchall()) == 1
