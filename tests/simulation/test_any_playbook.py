"""Any playbook, with anything happening to its customer: each journey ends once, and nothing is sent after its stop."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.conditions.operands import microseconds
from engine.language.rules import Rules
from engine.ruletests.customer import customer_facts
from engine.ruletests.notation import NOTATIONS
from engine.ruletests.rows import Row
from engine.simulation.answers import Answer
from engine.simulation.bench import Bench
from engine.simulation.customer import Customer
from engine.simulation.history import History
from engine.simulation.occurred import find_stop
from engine.simulation.ways import Way, ways_of
from engine.simulation.world import World
from engine.standing.decide import HandTag
from tests.journeys.playbooks import rules_of_a_playbook

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
LONGEST = START + timedelta(days=365 * 400)
INSTANTS = st.integers(-5, 60 * 86400).map(lambda seconds: microseconds(START + timedelta(seconds=seconds)))
MAYBE = st.one_of(st.none(), INSTANTS)


def row(name: str, **values: object) -> Row:
    made = Row(NOTATIONS[name])
    made.currency = "EUR"
    made.values |= values
    return made


@st.composite
def customers(draw: st.DrawFn, bench: Bench) -> Customer:
    """Somebody who orders at the start, and to whom more may happen."""
    placed = microseconds(START)
    told = {f"{name}_at": draw(MAYBE) for name in ("paid", "shipped", "cancelled")}
    orders = [row("orders", placed_at=placed, payment_method="bank_slip", total=5000, **told)]
    visits = [row("site_events", at=at) for at in draw(st.lists(INSTANTS, max_size=3))]
    cases = [row("cases", opened_at=at) for at in draw(st.lists(INSTANTS, max_size=2))]
    person: dict[str, Any] = {"has_email": draw(st.booleans()), "country": draw(st.sampled_from(["DE", "FR", None]))}
    facts = customer_facts(person, {"orders": orders, "site_events": visits, "cases": cases}, "UTC", "EUR")
    steps = [step.id for step in bench.rules.plans["payment-reminder"].code]
    failing = draw(st.lists(st.sampled_from(steps), max_size=3))
    tags = [HandTag("warm", at) for at in draw(st.lists(INSTANTS, max_size=2))]
    return Customer(1, History(bench, facts), tags, answers={step: Answer("refused") for step in failing})


@settings(max_examples=120)
@given(rules_of_a_playbook(), st.data())
def test_every_journey_ends_once_and_sends_nothing_after_its_stop(rules: Rules, data: st.DataObject) -> None:
    bench = Bench(rules, "EUR")
    world = World(bench, [data.draw(customers(bench))], START)
    world.run(LONGEST, settled=timedelta(days=31))
    assert world.journeys
    for journey in world.journeys:
        entries = [entry for entry in world.entries if entry.journey == journey.number]
        assert journey.finished
        assert [entry.what in ("ends", "stopped", "fails") for entry in entries].count(True) == 1
        assert all(first.at <= then.at for first, then in pairwise(entries))
        for entry in entries:
            if entry.what == "sent":
                journey.row["state"] = "running"
                assert find_stop(bench, journey, entry.at) is None
    known = {(name, way) for name, plan in bench.rules.plans.items() for way in (*ways_of(plan), *structure(plan.code))}
    assert world.ways <= known


def structure(code: Any) -> list[Way]:
    """What lies between steps, and a switch without an `else` where no case fits: gone through, and no way to test."""
    return [way for step in code for way in (Way(step.id), Way(step.id, "else"))]
