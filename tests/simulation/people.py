"""Customers in memory, and their worlds lived through."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.conditions.operands import microseconds
from engine.language.rules import Rules
from engine.simulation.compiled import Compiled
from engine.simulation.journey import Assumed
from engine.simulation.world import Person, World

START = datetime(2026, 3, 2, tzinfo=UTC)
TO = START + timedelta(days=30)


def day(days: float) -> datetime:
    """So many days after the window's beginning."""
    return START + timedelta(days=days)


def customer(key: str = "c1", orders: Sequence[Mapping[str, Any]] = (), **columns: Any) -> CustomerFacts:
    """Somebody with an address and these orders; instants as days after the window's beginning."""
    known = {"key": key, "has_email": True, "country": "DE", **columns}
    rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in RELATIONS}
    rows["customer"] = [RELATIONS["customer"].row(None, "1", **known)]
    rows["orders"] = [order(number, **each) for number, each in enumerate(orders, 1)]
    return CustomerFacts(1, "UTC", rows)


def order(number: int, placed: float, **days: float) -> tuple[object, ...]:
    """A row of an order: `paid=2` is paid two days after the window's beginning."""
    at = microseconds(day(placed))
    instants = {f"{name}_at": microseconds(day(each)) for name, each in days.items()}
    return RELATIONS["orders"].row(
        at, f"N-{number}", order_id=number, number=f"N-{number}", payment_method="bank_slip", counts=True, **instants
    )


def compiled(rules: Rules, parts: Collection[str] = ()) -> Compiled:
    """All playbooks and campaigns of the rules; `parts` of standing are decided besides what these use."""
    return Compiled(rules, tuple(rules.plans), "EUR", tuple(rules.campaigns.values()), parts)


def live(
    rules: Rules | Compiled,
    facts: CustomerFacts,
    assumed: Assumed | None = None,
    to: datetime = TO,
    *,
    known: bool = True,
) -> World:
    """A customer's world up to the window's end."""
    own = compiled(rules) if isinstance(rules, Rules) else rules
    world = World(own, Person(facts, known=known), START, assumed or Assumed(holdout=None))
    world.run(to)
    world.close(to)
    return world


def messages(world: World) -> list[tuple[str, str, str, str, datetime]]:
    """Playbook, step, state, reason and instant of each message, in order."""
    return [(each.playbook, each.step, each.state, each.reason or "", each.at) for each in world.messages]
