"""For whom messages are filled in: a customer of the shop's with her order, parcel or case, or examples."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, LiteralString

import psycopg

from engine.conditions.ast import names
from engine.conditions.types import Value
from engine.explain.customers import Customer
from engine.facts.evaluate import Asked, evaluator
from engine.facts.matching import EventMatcher
from engine.facts.occurrence import Since, Whose, first_occurrence
from engine.journeys.plan import DateTrigger, EveryTrigger, Plan
from engine.language.rules import Rules
from engine.messages.values import message_values
from engine.preview.examples import example_values

Connection = psycopg.Connection[Any]

_MOST = 200
"""So many of the latest are asked whether they would have started the playbook."""
_BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
_JOURNEY = """
select customer_id, subject_id, order_id from journeys
 where playbook = %(playbook)s and subject = %(subject)s
   and (%(customer)s::bigint is null or customer_id = %(customer)s)
 order by started_at desc, id desc limit 1
"""
# Customer, number of the subject, number of its order; the latest first.
_SUBJECTS: Mapping[str, LiteralString] = {
    "customer": """
select id, id, null from customers where %(customer)s::bigint is null or id = %(customer)s
 order by given_name is null, email is null, recorded_at desc, id desc limit %(most)s
""",
    "order": """
select customer_id, id, id from orders where %(customer)s::bigint is null or customer_id = %(customer)s
 order by placed_at desc, id desc limit %(most)s
""",
    "shipment": """
select o.customer_id, h.id, o.id from shipments h join orders o on o.id = h.order_id
 where %(customer)s::bigint is null or o.customer_id = %(customer)s
 order by h.shipped_at desc nulls last, h.id desc limit %(most)s
""",
    "case": """
select customer_id, id, order_id from cases where %(customer)s::bigint is null or customer_id = %(customer)s
 order by opened_at desc, id desc limit %(most)s
""",
}
_KEY = "select key from customers where id = %s"
_NAMED: Mapping[str, LiteralString] = {
    "order": "select number from orders where id = %s",
    "shipment": "select o.number || '/' || h.key from shipments h join orders o on o.id = h.order_id where h.id = %s",
    "case": "select key from cases where id = %s",
}
_CALLED = {"order": "order", "shipment": "parcel", "case": "case"}


@dataclass(frozen=True, slots=True)
class _Subject:
    """A customer, order, parcel or case: its kind, whose it is, our number of it and that of its order."""

    kind: str
    customer: int
    id: int
    order: int | None

    def values(self, connection: Connection, at: datetime) -> dict[str, Any]:
        """As a message about it is filled in; attributes aside."""
        values = message_values(
            connection,
            customer_id=self.customer,
            order_id=self.order if self.kind in ("order", "shipment") else None,
            shipment_id=self.id if self.kind == "shipment" else None,
            case_id=self.id if self.kind == "case" else None,
            at=at,
        )
        del values["attributes"]
        return values

    def words(self, connection: Connection) -> str:
        """`customer main-1001, order 842`."""
        key = connection.execute(_KEY, (self.customer,)).fetchone()
        named = connection.execute(_NAMED[self.kind], (self.id,)).fetchone() if self.kind in _NAMED else None
        about = f", {_CALLED[self.kind]} {named[0]}" if named else ""
        return f"customer {key[0] if key else self.customer}{about}"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom the messages are filled in for.

    Attributes:
        who: in words, with what they are about.
        why: why it is this one.
        values: by group, as templates name them; without attributes.
        examples: groups whose values are examples.
        asked: whose attributes are asked for; None: nobody's.
    """

    who: str
    why: str
    values: dict[str, Any]
    examples: frozenset[str] = frozenset()
    asked: Asked | None = None


@dataclass(frozen=True)
class Filling:
    """Where values come from: a database, or, without one, examples. `at` is the instant as of which is asked."""

    rules: Rules
    at: datetime
    connection: Connection | None = None
    currency: str | None = None
    matcher: EventMatcher | None = field(default=None, repr=False)

    def recipient(self, plan: Plan, customer: Customer | None) -> Recipient:
        """Who it is for: this customer, or one whom the playbook fits; examples where there is nobody."""
        examples = example_values(plan, self.at)
        if self.connection is None:
            return Recipient("an example", "no database was asked", examples, frozenset(examples))
        found = self._found(self.connection, plan, customer)
        if found is None:
            return Recipient("an example", "the shop has no customer yet", examples, frozenset(examples))
        subject, why = found
        own = subject.values(self.connection, self.at)
        return Recipient(
            who=subject.words(self.connection),
            why=why,
            values={**examples, **own},
            examples=frozenset(examples.keys() - own.keys()),
            asked=Asked(subject.customer, subject.kind, subject.id, self.at),
        )

    def attributes(self, recipient: Recipient, asked: Collection[str]) -> dict[str, Value]:
        """The customer's attributes and standing of these names; of an example nothing is known."""
        wanted = {name for name in asked if name in self.rules.catalogue or name in self.rules.names}
        if self.connection is None or recipient.asked is None or not wanted:
            return dict.fromkeys(wanted)
        asking = evaluator(self.rules.catalogue, self.currency, self.rules.words)
        known = asking.environment(self.connection, recipient.asked, wanted, self.rules.policy.zone).attributes
        return {name: known.get(name) for name in wanted}

    # --- whom the playbook fits -------------------------------------------------------------------------------------

    def _found(self, connection: Connection, plan: Plan, customer: Customer | None) -> tuple[_Subject, str] | None:
        asked = {"customer": None if customer is None else customer.id, "playbook": plan.playbook, "most": _MOST}
        chosen = "as asked for" if customer is not None else ""
        row = connection.execute(_JOURNEY, {**asked, "subject": plan.subject}).fetchone()
        if row is not None:
            return _Subject(plan.subject, *row), chosen or "the latest journey of the playbook is hers"
        subjects = [_Subject(plan.subject, *row) for row in connection.execute(_SUBJECTS[plan.subject], asked)]
        fitting = next((each for each in subjects if self._starts(connection, plan, each)), None)
        if fitting is not None:
            return fitting, chosen or "the latest of those for whom the playbook would have started"
        if subjects:
            return subjects[0], chosen or "nobody fits the playbook's start; this is the latest"
        if plan.subject == "customer":
            return None
        # Somebody without an order, parcel or case is better than nobody.
        row = connection.execute(_SUBJECTS["customer"], asked).fetchone()
        none = f"with no {plan.subject} yet: its values are examples"
        return None if row is None else (_Subject("customer", *row), f"{chosen}, {none}" if chosen else none)

    def _starts(self, connection: Connection, plan: Plan, subject: _Subject) -> bool:
        """Whether what starts the playbook has ever happened; a moment of the calendar comes to everybody."""
        triggers = [each for each in plan.start.any if not isinstance(each, DateTrigger | EveryTrigger)]
        happened = None
        if triggers and self.matcher is not None:
            whose = Whose(subject.customer, subject.kind, subject.id)
            since = Since(_BEGINNING)
            happened = first_occurrence(connection, triggers, whose, since=since, until=self.at, matcher=self.matcher)
        if happened is None and len(triggers) == len(plan.start.any):
            return False
        at = self.at if happened is None else happened.at
        if plan.start.only_if is None or any(name.startswith("trigger.") for name in names(plan.start.only_if)):
            return True
        asking = evaluator(self.rules.catalogue, self.currency, self.rules.words)
        asked = Asked(subject.customer, subject.kind, subject.id, at)
        return asking.holds(connection, plan.start.only_if, asked, self.rules.policy.zone)
