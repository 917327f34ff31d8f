"""A customer's events for `did`, from the database: those told as such, and those that other facts tell."""

from collections.abc import Collection
from typing import Any

import psycopg

from engine.attributes.keywords import Words
from engine.conditions.environment import Happening
from engine.facts.happenings import EventFields, Told, happenings, relations_of
from engine.facts.read import read_customer

_TOLD = """
select v.kind, (extract(epoch from v.at) * 1000000)::bigint, v.order_id, v.key, s.key || '/' || v.key, v.data,
       v.customer_id
  from events v join shops s on s.id = v.shop_id
 where v.customer_id = any(%s) and v.kind = any(%s)
"""


def events(
    connection: psycopg.Connection[Any],
    customer_id: int,
    kinds: Collection[str],
    *,
    fields: EventFields,
    currency: str | None = None,
    zone: str = "UTC",
    words: Words | None = None,
) -> dict[str, list[Happening]]:
    """The customer's events of these kinds, in no order.

    Args:
        connection: an open connection whose `search_path` has the tables.
        customer_id: our number of the customer.
        kinds: the kinds of events.
        fields: the fields of each kind by its contract.
        currency: the reporting currency; money in another one is unknown.
        zone: serves where neither the customer nor the shop has one.
        words: the rules' word lists, by which reviews have keywords.
    """
    relations = relations_of(kinds)
    facts = read_customer(connection, customer_id, relations=relations, zone=zone) if relations else None
    rows = connection.execute(_TOLD, ([customer_id], sorted(kinds))).fetchall()
    return happenings(rows, facts, kinds, fields=fields, currency=currency, words=words)


def told_events(
    connection: psycopg.Connection[Any], ids: Collection[int], kinds: Collection[str]
) -> dict[int, list[Told]]:
    """Rows of the events of these kinds that were told of each of many customers, for `happenings`."""
    found: dict[int, list[Told]] = {}
    for row in connection.execute(_TOLD, (list(ids), sorted(kinds))):
        found.setdefault(row[-1], []).append(row)
    return found
