"""Inconsistencies of a shop's facts: all are kept as the source told them, none silently."""

from collections.abc import Iterator

from engine.facts.importing.results import Dirt
from engine.facts.importing.staging import Connection

_ORDERS = """
select count(*) filter (where shipped_at < paid_at),
       count(*) filter (where shipped_at < placed_at),
       count(*) filter (where delivered_at < shipped_at),
       count(*) filter (where status = %(delivered)s and delivered_at is null),
       count(*) filter (where status = %(delivered)s and paid_at is null),
       count(*) filter (where closed = 'cancelled' and delivered_at is not null),
       count(*) filter (where closed is not null and cancelled_at is null),
       count(*) filter (where paid_at < placed_at),
       count(*) filter (where not exists (select from payments p where p.order_id = o.id)),
       count(*) filter (where not exists (select from order_lines l where l.order_id = o.id))
  from orders o where shop_id = %(shop)s
"""
_ORDERS_WORDS = (
    ("orders handed to the carrier before they were paid", "both instants kept"),
    ("orders handed to the carrier before they were placed", "both instants kept"),
    ("orders delivered before they were handed to the carrier", "both instants kept"),
    ("orders called delivered without an instant of delivery", "not delivered as of any instant"),
    ("orders called delivered that were never paid", "not paid as of any instant"),
    ("orders cancelled and yet delivered", "closed: in no spend, though delivered"),
    ("orders closed without an instant", "in no spend; journeys learn of it at the import"),
    ("orders paid before they were placed", "both instants kept"),
    ("orders without a payment", "kept, with no amount"),
    ("orders without lines", "kept, with no products"),
)
_REVIEWS = """
with told as (
    select r.order_id, r.key, r.created_at, r.answered_at, o.delivered_at
      from reviews r join orders o on o.id = r.order_id where o.shop_id = %(shop)s
), of_orders as (
    select count(*) as several from (select from told group by order_id having count(*) > 1) x
), of_keys as (
    select count(*) as keys, sum(n) as rows from (select count(*) n from told group by key having count(*) > 1) x
)
select max(several),
       count(*) filter (where date(created_at at time zone %(zone)s) < date(delivered_at at time zone %(zone)s)),
       coalesce(max(rows), 0)::bigint,
       coalesce(max(rows) - max(keys), 0)::bigint,
       count(*) filter (where answered_at is null),
       count(*) filter (where created_at is null)
  from of_orders cross join of_keys left join told on true
"""
_REVIEWS_WORDS = (
    ("orders with several reviews", "each review kept"),
    ("reviews made before the day of delivery", "kept at their own instant"),
    ("reviews that share their key with another order's", "a review is known by its order and key"),
    ("keys of reviews used once more", "a review is known by its order and key"),
    ("reviews without an instant of answer", "answer unknown"),
    ("reviews without an instant of creation", "known from their import on"),
)
_PAYMENTS = """
select count(*) filter (where p.method = 'not_defined'),
       count(*) filter (where p.amount_minor = 0),
       count(*) filter (where p.amount_minor < 0),
       count(*) filter (where p.paid_at is null and o.paid_at is null)
  from payments p join orders o on o.id = p.order_id where o.shop_id = %(shop)s
"""
_PAYMENTS_WORDS = (
    ("payments of the method not_defined", "method kept as told"),
    ("payments of nothing", "kept"),
    ("payments below nothing", "kept; they lessen spend"),
    ("payments of orders that were never paid", "in no spend"),
)


def find_dirt(connection: Connection, shop_id: int, zone: str, delivered_status: str | None) -> tuple[Dirt, ...]:
    """Counts the known kinds of inconsistency over all of a shop's facts.

    Args:
        connection: an open connection.
        shop_id: whose facts.
        zone: the shop's zone, for days.
        delivered_status: the source's own word for delivered, if it has one.
    """
    values = {"shop": shop_id, "zone": zone, "delivered": delivered_status}
    return tuple(
        dirt
        for query, words in ((_ORDERS, _ORDERS_WORDS), (_REVIEWS, _REVIEWS_WORDS), (_PAYMENTS, _PAYMENTS_WORDS))
        for dirt in _counted(connection, query, words, values)
    )


def _counted(
    connection: Connection, query: str, words: tuple[tuple[str, str], ...], values: dict[str, object]
) -> Iterator[Dirt]:
    row = connection.execute(query, values).fetchone()
    assert row is not None
    for (what, treated), count in zip(words, row, strict=True):
        yield Dirt(what, count, treated)
