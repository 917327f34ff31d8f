"""A batch of events in rounds: within one no two have to do with each other, and each comes after all that it follows.

So a round can be looked up, written and judged together, and comes to the same as its events one by one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psycopg

from engine.facts.events import Event
from engine.facts.intake.envelope import named_key

_CUSTOMERS = """
select t.place::int, o.customer_id, i.customer_id, k.customer_id, m.customer_id
  from unnest(%(shops)s::text[], %(customers)s::text[], %(orders)s::text[], %(cases)s::text[], %(messages)s::text[])
       with ordinality as t (shop, customer, number, case_key, message, place)
  left join shops s on s.key = t.shop
  left join cases k on k.key = t.case_key
  left join messages m on m.key = t.message
  left join orders o on o.shop_id = s.id and o.number = t.number
  left join customer_identities i on i.shop_id = s.id and i.platform = 'shop' and i.key = t.customer
"""
_NAMED = ("case", "message", "coupon")
"""Keys in an event's data of what may be another customer's."""

Key = tuple[object, ...]


def in_groups(connection: psycopg.Connection[Any], events: Sequence[Event]) -> list[list[int]]:
    """The places of the events, those together and in their order that have to do with each other.

    Two events have to do with each other if they name one customer, order, case, message or coupon, or have one key.
    """
    known = _customers(connection, events)
    return groups(
        [[*_keys(event), *(("id", each) for each in known.get(place, ()))] for place, event in enumerate(events)]
    )


def groups(keys: Sequence[Sequence[Key]]) -> list[list[int]]:
    """The places whose keys are given, those together who share a key, also by way of others."""
    leaders: dict[Key, Key] = {}

    def leader(key: Key) -> Key:
        while (above := leaders.setdefault(key, key)) != key:
            leaders[key] = leaders[above]
            key = above
        return key

    for own in keys:
        for key in own[1:]:
            leaders[leader(key)] = leader(own[0])
    found: dict[Key, list[int]] = {}
    for place, own in enumerate(keys):
        found.setdefault(leader(own[0]), []).append(place)
    return [*found.values()]


def rounds(groups: Sequence[Sequence[int]]) -> list[list[int]]:
    """Groups in rounds: the first of each, then the second of each, and so on."""
    most = max((len(each) for each in groups), default=0)
    return [sorted(each[number] for each in groups if number < len(each)) for number in range(most)]


def _keys(event: Event) -> Iterator[Key]:
    yield "event", event.key  # of any shop: what is done on the site is known by its key alone
    if event.customer is not None:
        yield "customer", event.customer  # of any shop: a new one takes the key that is free
    if event.order is not None:
        yield "order", event.shop, event.order
    for name in _NAMED:
        if (value := named_key(event, name)) is not None:
            yield name, value


def _customers(connection: psycopg.Connection[Any], events: Sequence[Event]) -> Mapping[int, set[int]]:
    """Our numbers of the customers that are known of each event, by its place."""
    told = {
        "shops": [event.shop for event in events],
        "customers": [event.customer for event in events],
        "orders": [event.order for event in events],
        "cases": [named_key(event, "case") for event in events],
        "messages": [named_key(event, "message") for event in events],
    }
    return {
        place - 1: {each for each in customers if each is not None}
        for place, *customers in connection.execute(_CUSTOMERS, told)
    }
