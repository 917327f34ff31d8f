"""Whom a journey's question is about, and who answers it by the rules of the journey's version."""

from dataclasses import dataclass
from datetime import datetime

from activities.context import Connection, Context
from engine.conditions.types import Value
from engine.facts.evaluate import Asked, Evaluator, evaluator


@dataclass(frozen=True)
class Asking:
    """A journey's subject as of an instant. `order` is our number of the order, if it is about one."""

    asked: Asked
    evaluator: Evaluator
    order: int | None
    zone: str

    def value(self, connection: Connection, name: str) -> Value:
        """The value of an attribute, of a part of standing, or of a field of the subject's."""
        return self.evaluator.environment(connection, self.asked, {name}, self.zone).attributes.get(name)


def asking(context: Context, connection: Connection, journey: int, at: datetime) -> Asking:
    """Raises LookupError where there is no such journey."""
    row = connection.execute(
        "select version, customer_id, subject, subject_id, order_id from journeys where id = %s", (journey,)
    ).fetchone()
    if row is None:
        raise LookupError(f"journey {journey} is not in the database")
    version, customer, subject, subject_id, order = row
    rules = context.versions.get(connection, version)
    currency = context.reporting.matcher(connection).currency
    asked = Asked(customer, subject, subject_id, at, journey=journey)
    return Asking(asked, evaluator(rules.catalogue, currency, rules.words), order, context.policy.zone)
