"""The shop's own past through its playbooks on the virtual clock, customer by customer, on all processors.

History is replayed as it was: what people would have done otherwise is not known. Capacities and channel limits have
room, as each customer is simulated alone.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context
from typing import Any

import psycopg

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import RELATIONS
from engine.conditions.operands import microseconds
from engine.facts.history import told_events
from engine.facts.pool import connect
from engine.facts.read import read_customers
from engine.facts.standing import read_hand_tags
from engine.language.rules import Rules
from engine.replay.standing import known_before
from engine.simulation.history import Told
from engine.simulation.journey import Assumed
from engine.simulation.result import Result, count
from engine.simulation.world import Compiled, Person, World
from engine.standing.cut_offs import CutOffs

Connection = psycopg.Connection[Any]
Progress = Callable[[int, int], None]

CHUNK = 200
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
        count(result, world, window.rules.policy.zone, window.to)
    return result


def worlds(
    connection: Connection,
    compiled: Compiled,
    window: Window,
    ids: Sequence[int],
    live: Callable[[World, datetime], None] = World.run,
) -> Iterator[World]:
    """Some customers' worlds, lived through to the window's end; by `live`, which may watch them on the way."""
    with connection.transaction():
        found = read_customers(connection, ids, relations=_WHOLE, zone=window.rules.policy.zone)
        told, tags = told_events(connection, ids, compiled.told), read_hand_tags(connection, ids)
        known = frozenset(known_before(connection, window.start, ids))
    for facts in found:
        person = Person(
            _before(facts, microseconds(window.start)),
            hand_tags=tags.get(facts.customer_id, ()),
            cut_offs=window.cut_offs,
            told=tuple(_told(compiled, row) for row in told.get(facts.customer_id, ())),
            known=facts.customer_id in known,
        )
        world = World(compiled, person, window.start, Assumed(holdout=None))
        live(world, window.to)
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
