"""The SQL of docs/scale.md does what the page says, on the tables as they are."""

import re
import textwrap

import pytest

from engine.facts.migrate import upgrade
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "scale.md").read_text("utf-8")
SIZES, OUTBOX, DIVIDE, DROP, EVENTS = [
    textwrap.dedent(text) for text in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
]
SHOP = """
insert into rule_versions (version, files) values ('v', '{}');
insert into shops (key, name, zone, currency) values ('shop', 'Shop', 'UTC', 'EUR');
insert into customers (key) values ('ana');
insert into events (shop_id, key, kind, customer_id, at, data) values
  (1, 'old', 'site.visit', 1, now() - interval '500 days', '{}'),
  (1, 'old and of a journey', 'site.visit', 1, now() - interval '500 days', '{}'),
  (1, 'old and of a change', 'site.visit', 1, now() - interval '500 days', '{}'),
  (1, 'old and of an order', 'order.placed', 1, now() - interval '500 days', '{}'),
  (1, 'new', 'site.visit', 1, now() - interval '5 days', '{}');
insert into journeys
  (workflow_id, playbook, version, subject, subject_id, occasion, customer_id, event_id, started_at, state)
values ('over', 'p', 'v', 'customer', 1, 1, 1, 2, now(), 'ended'),
       ('running', 'p', 'v', 'customer', 1, 2, 1, 2, now(), 'running');
insert into outbox (journey_id, kind, payload, at, done_at) values
  (1, 'start', '{}', now(), now() - interval '100 days'), (1, 'event', '{}', now(), now()),
  (2, 'start', '{}', now(), now() - interval '100 days'), (2, 'event', '{}', now(), null);
insert into standing_changes (customer_id, kind, "to", at, cause, event_id, version) values
  (1, 'tag', 'one', '2026-05-01Z', 'event', 3, 'v'), (1, 'tag', 'two', '2026-12-31T23:59:59Z', 'rules', null, 'v');
"""  # fmt: skip


@pytest.fixture
def shop(connection):
    connection.execute(SHOP)
    connection.commit()
    connection.autocommit = True
    return connection


def column(connection, query):
    return [value for (value,) in connection.execute(query).fetchall()]


def test_the_sizes_of_tables_are_told(shop):
    shop.execute("analyze")
    told = {name: rows for name, rows, _, _ in shop.execute(SIZES).fetchall()}
    assert told["events"] == 5


def test_what_the_outbox_told_of_journeys_that_are_over_is_deleted_and_nothing_else(shop):
    assert shop.execute(OUTBOX).rowcount == 1
    assert column(shop, "select id from outbox order by id") == [2, 3, 4]
    assert shop.execute(OUTBOX).rowcount == 0


def test_events_of_the_site_are_thinned_out_but_for_those_that_something_came_of(shop):
    assert shop.execute(EVENTS).rowcount == 1
    kept = ["old and of a journey", "old and of a change", "old and of an order", "new"]
    assert column(shop, "select key from events order by id") == kept


def test_changes_of_standing_are_divided_by_months_and_a_month_can_go(shop, database):
    before = shop.execute("select * from standing_changes order by id").fetchall()
    shop.execute(DIVIDE)
    assert shop.execute("select * from standing_changes order by id").fetchall() == before
    written = "(customer_id, kind, \"to\", at, cause, version) values (1, 'tag', 'new', %s, 'flip', 'v')"
    for at in ("2026-06-01Z", "2027-01-15Z", "2027-03-01Z"):
        shop.execute(f"insert into standing_changes {written}", [at])
    with (
        shop.cursor() as cursor,
        cursor.copy('copy standing_changes (customer_id, kind, "to", at, cause, version) from stdin') as copy,
    ):
        copy.write_row([1, "tag", "copied", "2027-01-31T23:59:59Z", "flip", "v"])
    places = shop.execute("select id, tableoid::regclass::text from standing_changes order by id").fetchall()
    assert places == [
        (1, "standing_changes_before"), (2, "standing_changes_before"), (3, "standing_changes_before"),
        (4, "standing_changes_2027_01"), (5, "standing_changes_other"), (6, "standing_changes_2027_01"),
    ]  # fmt: skip
    upgrade(database)
    shop.execute(DROP)
    assert column(shop, "select id from standing_changes order by id") == [1, 2, 3, 5]
