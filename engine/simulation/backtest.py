"""The shop's own past through its playbooks on the virtual clock, customer by customer, on all processors.

History is replayed as it was: what people would have done otherwise is not known. Capacities and channel limits have
room, as each customer is simulated alone.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from typing import Any

import psycopg

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.conditions.operands import microseconds
from engine.conditions.types import Value
from engine.facts.history import told_events
from engine.facts.pool import connect
from engine.facts.read import read_customers
from engine.facts.standing import read_hand_tags
from engine.journeys.plan import EventTrigger, StartPlaybook
from engine.language.rules import Rules
from engine.replay.standing import known_before
from engine.simulation.cut_offs import Published
from engine.simulation.history import Told
from engine.simulation.journey import Assumed
from engine.simulation.result import Result, count
from engine.simulation.room import Room
from engine.simulation.together import live_together
from engine.simulation.world import Compiled, Person, World

Connection = psycopg.Connection[Any]
Progress = Callable[[int, int], None]

CHUNK = 200
ASSUMPTIONS = (
    "history is replayed as it was: what people would have done otherwise is not known",
    "each customer is simulated alone: capacities and channel limits have room",
    "steps that call something are answered as done, without fields; pools of coupons never run dry",
)
_WHOLE = {name: frozenset(of.columns[2:]) for name, of in RELATIONS.items()}
_ON_SITE = "select customer_id, key, kind, data from site_events where customer_id = any(%s) and data <> '{}'"
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
    cut_offs: Published = ()
    schema: str = "public"

    @property
    def couples(self) -> bool:
        """Whether what one customer gets depends on what others get."""
        return self.rules.policy.couples({*self.playbooks, *started(self.rules, self.playbooks)})


def backtest(window: Window, progress: Progress = lambda _done, _total: None, processes: int | None = None) -> Result:
    """Simulates everybody.

    Args:
        window: what is simulated.
        progress: told how many customers are done, of how many.
        processes: how many work at once; default: one for each processor.
    """
    with connect(window.url, window.schema) as connection:
        ids = [row[0] for row in connection.execute(_CUSTOMERS)]
    size = max(len(ids), 1) if window.couples else CHUNK
    chunks = [ids[begin : begin + size] for begin in range(0, len(ids), size)]
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
        count(result, world, window.rules.policy.zone, window.to)
    return result


def _at_the_beginning(
    connection: Connection, compiled: Compiled, window: Window, ids: Sequence[int], room: Room | None
) -> Iterator[World]:
    with connection.transaction():
        found = read_customers(connection, ids, relations=_WHOLE, zone=window.rules.policy.zone)
        told, tags = told_events(connection, ids, compiled.told), read_hand_tags(connection, ids)
        known = frozenset(known_before(connection, window.start, ids))
        on_site = _on_site(connection, compiled, ids)
    for facts in found:
        person = Person(
            _before(facts, microseconds(window.start)),
            hand_tags=tags.get(facts.customer_id, ()),
            published=window.cut_offs,
            told=tuple(_told(compiled, row) for row in told.get(facts.customer_id, ())),
            known=facts.customer_id in known,
            on_site=on_site.get(facts.customer_id, {}),
        )
        yield World(compiled, person, window.start, Assumed(holdout=None), room)


def worlds(
    connection: Connection,
    compiled: Compiled,
    window: Window,
    ids: Sequence[int],
    progress: Callable[[int], None] = lambda _at: None,
) -> Iterator[World]:
    """Some customers' worlds, lived through to the window's end.

    Where capacities or channels have limits they live through it together, and are there when all have: `ids` must be
    those of everybody then. `progress` is told at which instant they are.
    """
    if not window.couples:
        for world in _at_the_beginning(connection, compiled, window, ids, None):
            world.run(window.to)
            world.close(window.to)
            yield world
        return
    room = Room(window.rules.policy)
    chunks = (ids[begin : begin + CHUNK] for begin in range(0, len(ids), CHUNK))
    together = [each for chunk in chunks for each in _at_the_beginning(connection, compiled, window, chunk, room)]
    live_together(together, window.to, progress)
    for world in together:
        world.close(window.to)
        yield world


def started(rules: Rules, playbooks: Sequence[str]) -> Iterator[str]:
    """The playbooks that steps of these start, and theirs."""
    seen, open_ = {*playbooks}, [*playbooks]
    while open_:
        plan = rules.plans.get(open_.pop())
        for step in plan.code if plan else ():
            if isinstance(step, StartPlaybook) and (name := step.given["playbook"]) not in seen:
                seen.add(name)
                open_.append(name)
                yield name


def _before(facts: CustomerFacts, start: int) -> CustomerFacts:
    """Without the messages that were really sent in the window: those of the simulation take their place."""
    own = {
        name: [row for row in facts.rows.get(name, ()) if not (isinstance(row[0], int) and row[0] >= start)]
        for name in ("messages", "message_events")
    }
    return CustomerFacts(facts.customer_id, facts.zone, {**facts.rows, **own})


def _on_site(
    connection: Connection, compiled: Compiled, ids: Sequence[int]
) -> dict[int, dict[str, Mapping[str, Value]]]:
    """What was looked for and put into carts, of each customer, where a playbook asks for it."""
    triggers = (each for plan in compiled.rules.plans.values() for each in plan.triggers())
    asked = any(each.where for each in triggers if isinstance(each, EventTrigger) and each.event.startswith("site."))
    found: dict[int, dict[str, Mapping[str, Value]]] = {}
    for customer, key, kind, data in connection.execute(_ON_SITE, (list(ids),)) if asked else ():
        found.setdefault(customer, {})[key] = compiled.matcher.fields(f"site.{kind}", data)
    return found


def _told(compiled: Compiled, row: tuple[Any, ...]) -> Told:
    kind, at, order, _, _, data, _ = row
    return Told(kind, at, compiled.matcher.fields(kind, data), order)
