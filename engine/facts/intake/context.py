"""One event on its way in: what it is about, under the customer's lock, and how its row is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from engine.attributes.sources import Cell
from engine.contracts import ORDER_FIELDS, json_of
from engine.facts.events import Contract, Event
from engine.facts.intake.gathering import LOG, Gathering
from engine.facts.intake.known import Found, Products, looking_up
from engine.facts.intake.written import written
from engine.facts.pipelines import at_once
from engine.money import Money

Row = dict[str, Any]
_SETTLE = """
update refused_events set replayed_at = %(recorded)s where shop = %(shop)s and key = %(key)s and replayed_at is null
"""
_AMEND = """
with amended as (
    update events set at = %(at)s, data = data || %(data)s || jsonb_build_object('corrected_from',
        coalesce(data -> 'corrected_from', '[]') || jsonb_build_array(to_jsonb(at)))
     where id = %(id)s and at is distinct from %(at)s returning id
)
update customers set fact_version = fact_version + 1 where id = %(customer)s and exists (select from amended)
"""


_STORED_AS_ROWS = frozenset({"lines", "payments"})


class Refusal(Exception):  # noqa: N818 - not an error of the program: the outcome of one event
    """The event cannot become a fact now. Raised before anything is written."""

    def __init__(self, code: str, reason: str, waits_for: str | None = None) -> None:
        """Keeps the stable code beside the text for the operator."""
        super().__init__(reason)
        self.code, self.reason, self.waits_for = code, reason, waits_for


class AlreadyTold(Exception):  # noqa: N818 - likewise
    """The event, or the fact that it tells, is in the log already."""

    def __init__(self, event_id: int) -> None:
        """Keeps the earlier row."""
        super().__init__(f"event {event_id}")
        self.event_id = event_id


@dataclass
class Incoming:
    """An event whose shop and customer are known, and whose customer's row is locked by this transaction."""

    connection: psycopg.Connection[Any]
    event: Event
    contract: Contract
    recorded_at: datetime
    shop_id: int
    currency: str
    shop_country: str | None
    customer_id: int
    order_id: int | None = None
    customer_is_new: bool = False
    order: Row = field(default_factory=dict)
    event_id: int | None = None
    told_id: int | None = None
    shipment_id: int | None = None
    case_id: int | None = None
    stored: dict[str, Any] = field(default_factory=dict)
    """What the log keeps: the fields, in their JSON form."""
    notes: list[str] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)
    """What has become known, for refused events that wait for it."""
    before: int = 0
    """The version of the customer's facts before this event."""
    wrote: set[Cell] = field(default_factory=set)
    """The cells that may have been written."""
    known: Found | None = None
    """What `read_state` would read, where it has been read under the customer's lock."""
    products: Products = field(default_factory=dict)
    """Those of the ordered products that are known."""
    also: tuple[Any, ...] = ()
    """What else was read of the customer before the event, see `known.Also`; empty where nothing was."""
    gathering: Gathering | None = None
    """What is written for all of a round."""
    _was_refused: bool = False
    _event_id: int | None = None
    _new_order_id: int | None = None

    @property
    def data(self) -> Mapping[str, Any]:
        """The event's own data."""
        return self.event.data

    @property
    def corrects(self) -> bool:
        """Whether the event replaces instants that are known."""
        return bool(self.data.get("correction"))

    def fetch(self, query: str, **values: object) -> Row | None:
        """The first row of a query."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            self._note(query)
            return cursor.execute(query, values).fetchone()

    def execute(self, query: str, **values: object) -> None:
        """Carries out a statement without a result."""
        self._note(query)
        self.connection.execute(query, values)

    def _note(self, query: str) -> None:
        """Notes what a statement may have written; rows of the log of events are known by their kind."""
        self.wrote |= written_in(query, self.event.kind)

    def read_state(self) -> None:
        """Reads the order and what was told before.

        Raises:
            AlreadyTold: an event of this key is in the log.
        """
        known = self.known
        if known is None:
            (known,) = at_once(looking_up(self.connection, [(self.event, self.contract)]))
            assert known is not None  # its shop was found before
        self.known = None
        self.before = known.before or 0
        self.told_id = known.told_id
        self.order = known.order
        self.products = known.known_products
        self.also = known.also
        self._was_refused, self._event_id, self._new_order_id = known.was_refused, known.event_id, known.new_order_id
        self._gather_fields()
        if known.same_event is not None:
            raise AlreadyTold(known.same_event)

    def log(self, *facts: str, once: bool, **more: object) -> None:
        """Writes the event's row; a fact that happens `once` and was told before is corrected or left.

        Args:
            facts: statements that write more by the same row, see `from_rows`; not where a fact is corrected.
            once: whether it can happen once only.
            more: the values of their own columns.

        Raises:
            AlreadyTold: nothing new is to be written; after a correction the instants still are.
            psycopg.errors.UniqueViolation: as `Gathering.write`.
        """
        if once and self.told_id is not None:
            if not self.corrects:
                raise AlreadyTold(self.told_id)
            self.execute(_AMEND, at=self.event.at, data=Jsonb(self.stored), id=self.told_id, customer=self.customer_id)
            self.event_id = self.told_id
            return
        if self._was_refused:
            told = {"recorded": self.recorded_at, "shop": self.event.shop, "key": self.event.key}
            self.execute(_SETTLE, **told)
        for each in (*facts, LOG):
            self._note(each)
        self.event_id = self._event_id
        if self.order_id is None:
            self.order_id = self._new_order_id
        gathering = self.gathering or Gathering()
        gathering.add(self._row() | more, facts)
        if self.gathering is None:
            gathering.write(self.connection)

    def _row(self) -> dict[str, object]:
        return {
            "id": self.event_id,
            "shop": self.shop_id,
            "shop_key": self.event.shop,
            "key": self.event.key,
            "kind": self.event.kind,
            "customer": self.customer_id,
            "order": self.order_id,
            "number": self.event.order,
            "at": self.event.at,
            "data": Jsonb(self.stored),
            "recorded": self.recorded_at,
        }

    def _gather_fields(self) -> None:
        left_out = self.contract.personal | _STORED_AS_ROWS
        self.stored = {name: value for name, value in self.data.items() if value is not None and name not in left_out}
        derived = order_fields(self.order)
        for name, value in derived.items():
            if self.contract.fields.get(name) == ORDER_FIELDS[name]:
                self.stored.setdefault(name, value)


@lru_cache(maxsize=512)
def written_in(statement: str, kind: str) -> frozenset[Cell]:
    """The cells that a statement may write for an event; rows of the log of events are known by their kind."""
    return frozenset((f"events:{kind}" if table == "events" else table, column) for table, column in written(statement))


def order_fields(order: Row) -> dict[str, Any]:
    """What every event about an order offers to rules, in JSON form, from the order's row."""
    total = order.get("total_minor")
    found = {
        "payment_method": order.get("payment_method"),
        "channel": order.get("channel"),
        "platform": order.get("platform"),
        "total": json_of(Money(total, order["currency"])) if total is not None else None,
        "product": sorted(order.get("product_keys") or ()) or None,
        "category": sorted(order.get("categories") or ()) or None,
    }
    return {name: value for name, value in found.items() if value is not None}
