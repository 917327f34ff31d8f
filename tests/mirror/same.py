"""What the mirror shows beside what the fold reads: everybody's rows of every relation."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg

from engine.attributes.relations import RELATIONS
from engine.facts.read import read_customers
from engine.mirror.layout import columns_of
from engine.mirror.open import Limits, Mirror, opened_mirror

PART = 15
"""Customers in a part: few, so that small shops have several."""


def open_small(url: str, directory: Path, **more: Any):
    """The mirror of a test's database, in small parts."""
    limits = Limits(memory="256MB", threads=2, part_customers=PART)
    return opened_mirror(url, "public", directory, limits=limits, **more)


def shown(mirror: Mirror, name: str) -> Counter[tuple[Any, ...]]:
    """A relation's rows in the mirror, each with the customer first."""
    columns = ", ".join(f'"{each}"' for each, _ in columns_of(name))
    return Counter(map(_plain, mirror.duck.execute(f'select customer, {columns} from "{name}"').fetchall()))


def read(connection: psycopg.Connection[Any], name: str) -> Counter[tuple[Any, ...]]:
    """A relation's rows as the fold reads them, each with the customer first."""
    ids = [row[0] for row in connection.execute("select id from customers")]
    found = read_customers(connection, ids, relations={name: RELATIONS[name].columns[2:]})
    width = len(RELATIONS[name].columns)
    return Counter(_plain((facts.customer_id, *row[:width])) for facts in found for row in facts.rows[name])


def differences(mirror: Mirror, connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Relations whose rows differ, each with what is only here and only there."""
    found: dict[str, Any] = {}
    for name in RELATIONS:
        here, there = shown(mirror, name), read(connection, name)
        if here != there:
            found[name] = ("only shown", here - there, "only read", there - here)
    here = set(
        mirror.duck.execute("select customer, zone, key, fact_version from people").fetchall(),
    )
    told = dict(connection.execute("select id, array[key, fact_version::text] from customers").fetchall())
    zones = {facts.customer_id: facts.zone for facts in read_customers(connection, list(told), relations={}, zone="")}
    there = {(each, zones[each], key, int(of)) for each, (key, of) in told.items()}
    if here != there:
        found["people"] = (here - there, there - here)
    events = Counter(
        mirror.duck.execute('select customer, id, kind, "at", order_id, "key", full_key from told_events').fetchall()
    )
    rows = connection.execute(
        "select v.customer_id, v.id, v.kind, (extract(epoch from v.at) * 1000000)::bigint, v.order_id, v.key,"
        " s.key || '/' || v.key from events v join shops s on s.id = v.shop_id"
    )
    if events != (told_rows := Counter(rows.fetchall())):
        found["told_events"] = (events - told_rows, told_rows - events)
    connection.rollback()
    return found


def _plain(row: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(_value(each) for each in row)


def _value(value: Any) -> Any:
    if isinstance(value, frozenset):
        return tuple(sorted(value))
    if isinstance(value, list):
        inner = [_value(each) for each in value]
        return tuple(sorted(inner, key=repr) if inner and isinstance(inner[0], tuple) else inner)
    return value
