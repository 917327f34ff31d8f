"""The rows of events inserted by somebody who knows them all: what a loop of events is held against.

They are what the loop has written: the log with its data, the facts, the version of the customer's facts, the
standing, its changes, and a commit for each event. Statements are prepared, and sent without waiting where no number is
asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from engine.facts.standing import COLUMNS

Connection = psycopg.Connection[Any]
Row = tuple[Any, ...]
_CHANGES = 'customer_id, kind, "from", "to", at, cause, version, cut_offs_id, evidence, recorded_at'
_JSON = {"given", "flips", "evidence"}
_LOGGED = "select id, customer_id, data from events where key = %s"
_STANDING = f"select {', '.join(COLUMNS)} from standings where customer_id = %s"
_CHANGED = f"select {_CHANGES} from standing_changes where event_id = %s order by id"
_EVENT = """
insert into events (shop_id, key, kind, customer_id, order_id, at, data, recorded_at)
values (1, %s, %s, %s, %s, %s, %s, now()) returning id
"""
_BUMP = "update customers set fact_version = fact_version + 1 where id = %s"
_VISIT = """
insert into site_events (customer_id, key, kind, product_id, at, data) values (%s, %s, %s, %s, %s, %s)
"""
_ORDER = """
insert into orders (shop_id, number, customer_id, channel, payment_method, placed_at, total_minor, currency)
values (1, %s, %s, 'ad', 'card', %s, 9900, 'EUR') returning id
"""
_LINE = """
insert into order_lines (order_id, line, product_id, unit_price_minor, currency) values (%s, %s, %s, 4950, 'EUR')
"""
_PAID = "update orders set paid_at = %s where shop_id = 1 and number = %s returning id"
_PAYMENT = (
    "insert into payments (order_id, sequence, method, amount_minor, currency) values (%s, 1, 'card', 9900, 'EUR')"
)
_UPDATE = f"update standings set {', '.join(f'{each} = %s' for each in COLUMNS[1:])} where customer_id = %s"
_CHANGE = f"""
insert into standing_changes ({_CHANGES}, event_id)
select *, %s from unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::text[], %s::text[],
                         %s::bigint[], %s::jsonb[], %s::timestamptz[])
"""


@dataclass(frozen=True)
class Written:
    """What an event has written: the event itself, whose it is, its data in the log, the standing and its changes."""

    event: dict[str, Any]
    customer: int
    data: Jsonb
    standing: Row
    changes: Sequence[Row]


def written(connection: Connection, events: Sequence[dict[str, Any]]) -> list[Written]:
    """What the loop has written of events; a customer's standing is that after the last of them."""
    found = [_written(connection, each) for each in events]
    connection.commit()
    return found


def _written(connection: Connection, event: dict[str, Any]) -> Written:
    number, customer, data = _one(connection, _LOGGED, event["key"])
    standing = _one(connection, _STANDING, customer)
    changes = connection.execute(_CHANGED, (number,)).fetchall()
    names = [name.strip() for name in _CHANGES.split(",")]
    return Written(event, customer, Jsonb(data), _stored(COLUMNS, standing), [_stored(names, each) for each in changes])


def _stored(names: Sequence[str], row: Row) -> Row:
    """As it is written: JSON as such."""
    return tuple(
        Jsonb(value) if name in _JSON and value is not None else value for name, value in zip(names, row, strict=True)
    )


def insert_all(connection: Connection, rows: Sequence[Written]) -> None:
    """Writes the rows again, under other keys, and commits those of each event."""
    for each in rows:
        with connection.pipeline():
            _insert(connection, each)
            connection.commit()


def _insert(connection: Connection, row: Written) -> None:
    event, customer = row.event, row.customer
    at, key, kind = event["at"], f"bare-{event['key']}", event["kind"]
    number = f"bare-{event['order']}" if "order" in event else None
    order = None
    match kind:
        case "order.placed":
            (order,) = _one(connection, _ORDER, number, customer, at)
            for line, told in enumerate(event["data"]["lines"], start=1):
                connection.execute(_LINE, (order, line, int(told["product"][1:])))
        case "order.paid":
            (order,) = _one(connection, _PAID, at, number)
            connection.execute(_PAYMENT, (order,))
        case _:
            product = event["data"].get("product")
            known = None if product is None else int(product[1:])
            connection.execute(_VISIT, (customer, key, kind.removeprefix("site."), known, at, row.data))
    logged = connection.execute(_EVENT, (key, kind, customer, order, at, row.data))
    connection.execute(_BUMP, (customer,))
    connection.execute(_UPDATE, (*row.standing[1:], customer))
    if row.changes:
        (number,) = logged.fetchone() or (None,)
        connection.execute(_CHANGE, (number, *map(list, zip(*row.changes, strict=True))))


def _one(connection: Connection, query: str, *values: object) -> Row:
    row = connection.execute(query, values).fetchone()
    assert row is not None  # inserted, or placed before
    return tuple(row)
