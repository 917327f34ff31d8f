"""One event on its way in: what it is about, under the customer's lock, and how its row is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from engine.attributes.sources import Cell
from engine.contracts import ORDER_FIELDS, json_of
from engine.facts.events import Contract, Event
from engine.facts.intake.gathering import LOG, Gathering
from engine.facts.intake.written import written
from engine.facts.pipelines import Steps, answers, at_once
from engine.facts.rows import rows_of
from engine.money import Money

Row = dict[str, Any]
Cursor = psycopg.Cursor[Any]
PARTS = {
    **dict.fromkeys(
        ("shipment.shipped", "shipment.out_for_delivery", "shipment.delivered", "shipment.lost"), "shipment"
    ),
    "shipment.delayed": "shipment",
    **dict.fromkeys(("return.requested", "return.received", "return.refunded"), "return"),
    "review.created": "review",
    **dict.fromkeys(("case.opened", "case.answered", "case.closed", "case.reopened"), "case"),
}
"""Of events about a parcel, return, review or case: the name of its key in the data."""

# `part_key` tells apart the parcels, returns, reviews or cases of one order or customer.
_STATE = """
select t.ordinality as place,
       (select id from events where shop_id = t.shop and key = t.key) as same_id,
       (select id from events
         where customer_id = t.customer and kind = t.kind
           and (case when t.number is null then order_id is null else order_id = t.number end)
           and (t.part is null or data ->> t.part = t.part_key)
         order by id limit 1) as told_id,
       (select fact_version from customers where id = t.customer) as before,
       o.*,
       (select array_agg(distinct p.key) from order_lines l join products p on p.id = l.product_id
         where l.order_id = o.id) as product_keys,
       (select array_agg(distinct p.category) from order_lines l join products p on p.id = l.product_id
         where l.order_id = o.id and p.category is not null) as categories
  from rows from (
           jsonb_to_recordset(%(rows)s::jsonb) as (shop bigint, key text, customer bigint, kind text, number bigint,
                                                   part text, part_key text)
       ) with ordinality as t
  left join orders o on o.id = t.number
"""
_LOG = """
with logged as (
    insert into events (shop_id, key, kind, customer_id, order_id, at, data, recorded_at)
    values (%(shop)s, %(key)s, %(kind)s, %(customer)s, %(order)s, %(at)s, %(data)s, %(recorded)s)
    on conflict (shop_id, key) do nothing returning id, order_id
), bumped as (
    update customers set fact_version = fact_version + 1 where id = %(customer)s and exists (select from logged)
), settled as (
    update refused_events set replayed_at = %(recorded)s
     where shop = %(shop_key)s and key = %(key)s and replayed_at is null and exists (select from logged)
)
select id, order_id from logged
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


class Collided(Exception):  # noqa: N818 - likewise: of a batch
    """Another transaction has told the same event since it was looked for: what was sent with it must be undone."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to read of one event."""

    shop: int
    event: Event
    customer: int
    order: int | None

    def row(self) -> Row:
        """What the statement asks by."""
        part = PARTS.get(self.event.kind)
        key = self.event.data.get(part) if part else None
        return {
            "shop": self.shop,
            "key": self.event.key,
            "customer": self.customer,
            "kind": self.event.kind,
            "number": self.order,
            "part": part,
            "part_key": key,
        }


def reading_states(connection: psycopg.Connection[Any], asked: Sequence[Question]) -> Steps[list[Row]]:
    """The order and what was told before of each event, by one statement."""
    if not asked:
        return []
    by = {"rows": rows_of(each.row() for each in asked)}
    (rows,) = yield from answers(lambda: [connection.cursor(row_factory=dict_row).execute(_STATE, by)])
    return sorted(rows, key=lambda row: int(row["place"]))


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
    known_state: Row | None = None
    """What `read_state` would read, where it has been read together with that of others."""
    together: bool = False
    """Whether statements are sent without waiting for each; `settle` then hears what became of them."""
    gathering: Gathering | None = None
    """What is written for all events of a round."""
    _sent: list[tuple[Cursor, str]] = field(default_factory=list)
    _logged: Cursor | None = None
    _gathered: bool = False

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
        done = self.connection.execute(query, values)
        if self.together:
            self._sent.append((done, query))
        else:
            self._note_done(done, query)

    def write(self, one: str, many: str, **row: object) -> None:
        """Writes a row on which nothing else of the event depends: by `one`, or with others by `many` of `rows`."""
        if self.gathering is None:
            self.execute(one, **row)
        else:
            self._note(one)
            self.gathering.add(many, row)

    def settle(self) -> None:
        """Hears what became of statements that were sent together.

        Raises:
            Collided: another transaction has told the same event meanwhile.
        """
        for done, query in self._sent:
            self._note_done(done, query)
        if self._gathered and self.gathering is not None:
            logged = self.gathering.logged.get((self.shop_id, self.event.key))
            self.event_id, self.order_id = logged or (None, self.order_id)
        elif self._logged is not None:
            logged = self._logged.fetchone()
            self.event_id, self.order_id = logged[:2] if logged else (None, self.order_id)
        else:
            return
        if self.event_id is None:
            raise Collided(self.event.key)

    def send_log(self, row: Row, statement: str = LOG) -> None:
        """Sends the event's row in the log, by a statement of `rows` that may write more with it."""
        self._note(statement)
        if self.gathering is not None:
            self._gathered = True
            self.gathering.log(row, statement)
        elif statement is LOG:  # one of rows costs a single event more
            self._logged = self.connection.execute(_LOG, row)
        else:
            self._logged = self.connection.execute(statement, {"rows": rows_of([row])})

    def _note_done(self, done: Cursor, query: str) -> None:
        if done.rowcount != 0 or not query.lstrip().startswith("update"):
            self._note(query)

    def _note(self, query: str) -> None:
        """Notes what a statement may have written; rows of the log of events are known by their kind."""
        for table, column in written(query):
            self.wrote.add((f"events:{self.event.kind}" if table == "events" else table, column))

    def read_state(self) -> None:
        """Reads the order and what was told before.

        Raises:
            AlreadyTold: an event of this key is in the log.
        """
        state = self.known_state
        if state is None:
            asked = Question(self.shop_id, self.event, self.customer_id, self.order_id)
            (state,) = at_once(reading_states(self.connection, [asked]))
        self.known_state = None
        self.before = state["before"] or 0
        self.told_id = state["told_id"]
        self.order = state
        self._gather_fields()
        if state["same_id"] is not None:
            raise AlreadyTold(state["same_id"])

    def log(self, *, once: bool) -> None:
        """Writes the event's row; a fact that happens `once` and was told before is corrected or left.

        Raises:
            AlreadyTold: nothing new is to be written; after a correction the instants still are.
        """
        if once and self.told_id is not None:
            if not self.corrects:
                raise AlreadyTold(self.told_id)
            self.execute(_AMEND, at=self.event.at, data=Jsonb(self.stored), id=self.told_id, customer=self.customer_id)
            self.event_id = self.told_id
            return
        if self.together:
            self.send_log(self.row())
            return
        row = self.fetch(_LOG, **self.row())
        if row is None:
            same = self.fetch(
                "select id from events where shop_id = %(s)s and key = %(k)s", s=self.shop_id, k=self.event.key
            )
            raise AlreadyTold(same["id"] if same else 0)
        self.event_id = row["id"]

    def row(self) -> dict[str, object]:
        """The values of the event's row in the log."""
        return {
            "shop": self.shop_id,
            "shop_key": self.event.shop,
            "key": self.event.key,
            "kind": self.event.kind,
            "customer": self.customer_id,
            "order": self.order_id,
            "at": self.event.at,
            "data": Jsonb(self.stored),
            "recorded": self.recorded_at,
        }

    def _gather_fields(self) -> None:
        left_out = self.contract.personal | _STORED_AS_ROWS
        self.stored = {name: value for name, value in self.data.items() if value is not None and name not in left_out}
        derived = order_fields(self.order) if self.order.get("id") else {}
        for name, value in derived.items():
            if self.contract.fields.get(name) == ORDER_FIELDS[name]:
                self.stored.setdefault(name, value)


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
