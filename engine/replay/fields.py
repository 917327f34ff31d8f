"""What a recorded happening offers to a trigger's `where`, as of its instant."""

from collections.abc import Callable
from typing import Any

import psycopg

from engine.contracts import ORDER_FIELDS
from engine.facts.intake.context import order_fields
from engine.facts.matching import EventMatcher, Fields
from engine.replay.stream import Recorded

Connection = psycopg.Connection[Any]

_ORDER = """
select o.*, array(select distinct p.key from order_lines l join products p on p.id = l.product_id
                   where l.order_id = o.id) as product_keys,
       array(select distinct p.category from order_lines l join products p on p.id = l.product_id
              where l.order_id = o.id and p.category is not null) as categories
  from orders o where o.id = %s
"""


def recorded_fields(matcher: EventMatcher) -> Callable[[Connection, Recorded], Fields]:
    """A function that reads the fields of one happening, in the form that live events offer them."""

    def read(connection: Connection, fact: Recorded) -> Fields:
        data = dict(fact.data)
        if fact.order_id is not None:
            with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
                order = cursor.execute(_ORDER, (fact.order_id,)).fetchone()
            # A review's product is one and no set of them: such a name keeps its own meaning.
            contract = matcher.contracts.get(fact.kind)
            own = contract.fields if contract else {}
            derived = order_fields(order) if order else {}
            data = {**{name: each for name, each in derived.items() if own.get(name) == ORDER_FIELDS[name]}, **data}
        return matcher.fields(fact.kind, data)

    return read
