"""The shop's own past through its playbooks on the virtual clock, customer by customer, on all processors.

History is replayed as it was: what people would have done otherwise is not known. Capacities and channel limits have
room, as each customer is simulated alone.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing import get_context
from typing import Any

import psycopg

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.calendar.local import zone as find_zone
from engine.conditions.operands import microseconds
from engine.facts.history import told_events
from engine.facts.pool import connect
from engine.facts.read import read_customers
from engine.facts.standing import read_hand_tags
from engine.language.rules import Rules
from engine.messages.holdout import held_out
from engine.simulation.history import Told
from engine.simulation.journey import Assumed, Journey
from engine.simulation.world import Compiled, Person, World
from engine.standing.cut_offs import CutOffs

Connection = psycopg.Connection[Any]
Progress = Callable[[int, int], None]

CHUNK = 200
MOST_TOUCHED = 20
ASSUMPTIONS = (
    "history is replayed as it was: what people would have done otherwise is not known",
    "each customer is simulated alone: capacities and channel limits have room",
    "steps that call something are answered as done, without fields; pools of coupons never run dry",
)
_WHOLE = {name: frozenset(of.columns[2:]) for name, of in RELATIONS.items()}
_CUSTOMERS = "select id from customers order by id"


@dataclass(frozen=True)
class Window:
    """What is simulated: whose rules, which of their playbooks, from one instant to another."""

    url: str
    rules: Rules
    playbooks: tuple[str, ...]
    start: datetime
    to: datetime
    currency: str | None
    cut_offs: CutOffs | None = None
    schema: str = "public"


@dataclass(frozen=True, slots=True, order=True)
class Sent:
    """Messages that ended alike: in a week (its Monday, by the policy's zone), with a state and a reason."""

    playbook: str
    step: str
    channel: str
    week: str
    state: str
    reason: str


@dataclass
class Result:
    """What came of it.

    Attributes:
        customers: how many were simulated.
        journeys: by playbook, how they ended (`open`: not at all), and the outcome.
        messages: how many ended alike.
        goals: by playbook and whether the customer was kept out: journeys, and those whose goal was reached in time.
        given: by playbook and step: coupons, tasks, points, tags.
        touched: customers with the most messages.
    """

    customers: int = 0
    journeys: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    messages: Counter[Sent] = field(default_factory=Counter)
    goals: Counter[tuple[str, bool, bool]] = field(default_factory=Counter)
    given: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    touched: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Result") -> None:
        """Takes in what came of other customers."""
        self.customers += other.customers
        self.journeys.update(other.journeys)
        self.messages.update(other.messages)
        self.goals.update(other.goals)
        self.given.update(other.given)
        self.touched = Counter(dict((self.touched + other.touched).most_common(MOST_TOUCHED)))


def backtest(window: Window, progress: Progress = lambda _done, _total: None, processes: int | None = None) -> Result:
    """Simulates everybody.

    Args:
        window: what is simulated.
        progress: told how many customers are done, of how many.
        processes: how many work at once; default: one for each processor.
    """
    with connect(window.url, window.schema) as connection:
        ids = [row[0] for row in connection.execute(_CUSTOMERS)]
    chunks = [ids[begin : begin + CHUNK] for begin in range(0, len(ids), CHUNK)]
    result = Result()
    workers = min(processes or os.cpu_count() or 1, max(len(chunks), 1))
    with ProcessPoolExecutor(workers, get_context("spawn"), _open, (window,)) as pool:
        for part in pool.map(_simulated, chunks):
            result.add(part)
            progress(result.customers, len(ids))
    return result


class _Process:
    """One process's rules and connection."""

    window: Window
    compiled: Compiled
    connection: Connection


def _open(window: Window) -> None:
    _Process.window = window
    _Process.compiled = Compiled(window.rules, window.playbooks, window.currency)
    _Process.connection = connect(window.url, window.schema)


def _simulated(ids: Sequence[int]) -> Result:
    return simulate(_Process.connection, _Process.compiled, _Process.window, ids)


def simulate(connection: Connection, compiled: Compiled, window: Window, ids: Sequence[int]) -> Result:
    """What comes of some customers."""
    result = Result()
    for world in worlds(connection, compiled, window, ids):
        _count(result, world, window)
    return result


def worlds(connection: Connection, compiled: Compiled, window: Window, ids: Sequence[int]) -> Iterator[World]:
    """Some customers' worlds, lived through to the window's end."""
    with connection.transaction():
        found = read_customers(connection, ids, relations=_WHOLE, zone=window.rules.policy.zone)
        told, tags = told_events(connection, ids, compiled.told), read_hand_tags(connection, ids)
    for facts in found:
        person = Person(
            _before(facts, microseconds(window.start)),
            hand_tags=tags.get(facts.customer_id, ()),
            cut_offs=window.cut_offs,
            told=tuple(_told(compiled, row) for row in told.get(facts.customer_id, ())),
        )
        world = World(compiled, person, window.start, Assumed(holdout=None))
        world.run(window.to)
        world.close(window.to)
        yield world


def _before(facts: CustomerFacts, start: int) -> CustomerFacts:
    """Without the messages that were really sent in the window: those of the simulation take their place."""
    own = {
        name: [row for row in facts.rows.get(name, ()) if not (isinstance(row[0], int) and row[0] >= start)]
        for name in ("messages", "message_events")
    }
    return CustomerFacts(facts.customer_id, facts.zone, {**facts.rows, **own})


def _told(compiled: Compiled, row: tuple[Any, ...]) -> Told:
    kind, at, order, _, _, data, _ = row
    return Told(kind, at, compiled.matcher.fields(kind, data), order)


def _count(result: Result, world: World, window: Window) -> None:
    result.customers += 1
    zone, customer = find_zone(window.rules.policy.zone), str(world.history.person("key"))
    for journey in world.journeys:
        ended = journey.ended
        how = ("open", "") if ended is None else (ended.state, ended.outcome)
        result.journeys[journey.plan.playbook, *how] += 1
        if journey.plan.goal is not None:
            kept_out = held_out(customer, journey.plan.controls.holdout, journey.plan.playbook)
            result.goals[journey.plan.playbook, kept_out, _reached(journey, window.to)] += 1
    for message in world.messages:
        day = message.at.astimezone(zone).date()
        week = (day - timedelta(days=day.weekday())).isoformat()
        sent = Sent(message.playbook, message.step, message.channel, week, message.state, message.reason or "")
        result.messages[sent] += 1
    for entry in world.log:
        if entry.what in ("coupon", "task", "tag", "points") and entry.state == "done":
            many = entry.more.get("amount", 1) if entry.what == "points" else 1
            result.given[entry.playbook, entry.what, entry.name] += many if isinstance(many, int) else 1
    touched = sum(message.state == "sent" for message in world.messages)
    if touched:
        result.touched[customer] = touched


def _reached(journey: Journey, to: datetime) -> bool:
    """Whether the goal was reached in its time, as far as the window tells."""
    goal = journey.plan.goal
    assert goal is not None  # asked only of playbooks with one
    until = min(journey.started_at + timedelta(seconds=goal.within), to)
    return journey.occurred(goal.any, until) is not None


def totals(result: Result) -> Mapping[tuple[str, str], Counter[str]]:
    """By playbook and step: how many messages are in each state."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for sent, many in result.messages.items():
        found.setdefault((sent.playbook, sent.step), Counter())[sent.state] += many
    return found
