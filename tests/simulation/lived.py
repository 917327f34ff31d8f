"""What became of everybody in a replay and in a simulation, in one form: the two are compared line by line."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import psycopg

from engine.attributes.relations import RELATIONS
from engine.conditions.operands import instant
from engine.journeys.plan import Move
from engine.simulation.history import Subject, column
from engine.simulation.journey import Journey
from engine.simulation.log import Entry
from engine.simulation.world import World

Line = tuple[Any, ...]
OUTSIDE = frozenset({"call", "webhook"})
"""Nobody outside is told in a replay: such a step is skipped there as `replayed`; a simulation takes it for done."""


@dataclass
class Lived:
    """Lines of each kind, as often as they are there. All instants are aware, in UTC.

    Attributes:
        messages: customer, playbook, subject, step, round, channel, state, reason, instant.
        journeys: customer, playbook, subject, begun, state, outcome, ended.
        changes: customer, kind, from, to, instant, of standing.
        tags: customer, tag, given, until, taken.
        coupons: customer, pool, given, until.
        points: customer, kind, points, instant, available, until.
        tasks: customer, playbook, step, team, title, opened.
        calls: customer, playbook, step, state, reason, instant, of steps that give or tell something.
        people: customer, zone, source, region.
    """

    messages: Counter[Line] = field(default_factory=Counter)
    journeys: Counter[Line] = field(default_factory=Counter)
    changes: Counter[Line] = field(default_factory=Counter)
    tags: Counter[Line] = field(default_factory=Counter)
    coupons: Counter[Line] = field(default_factory=Counter)
    points: Counter[Line] = field(default_factory=Counter)
    tasks: Counter[Line] = field(default_factory=Counter)
    calls: Counter[Line] = field(default_factory=Counter)
    people: Counter[Line] = field(default_factory=Counter)

    def add(self, other: "Lived") -> None:
        """Takes in what became of others."""
        for each in fields(self):
            getattr(self, each.name).update(getattr(other, each.name))

    def counts(self) -> dict[str, int]:
        """How many lines there are of each kind."""
        return {each.name: getattr(self, each.name).total() for each in fields(self)}


def differences(simulated: Lived, real: Lived) -> list[str]:
    """Lines that only one of the two has, or more often, by customer and in order of time."""
    found = []
    for each in fields(Lived):
        ours, theirs = getattr(simulated, each.name), getattr(real, each.name)
        found += [(_when(line), line[0], f"{each.name}: only simulated: {_told(line)}") for line in ours - theirs]
        found += [(_when(line), line[0], f"{each.name}: only real: {_told(line)}") for line in theirs - ours]
    return [text for _, _, text in sorted(found, key=lambda one: (one[1], one[0], one[2]))]


def _when(line: Line) -> str:
    return min((each.isoformat() for each in line if isinstance(each, datetime)), default="")


def _told(line: Line) -> str:
    return " ".join(each.isoformat() if isinstance(each, datetime) else str(each) for each in line)


# --- the real path ----------------------------------------------------------------------------------------------------

_SUBJECT = """
case j.subject when 'order' then o.number when 'shipment' then o.number || '/' || s.key
               when 'case' then k.key else c.key end
"""
_OF_JOURNEY = """
  join customers c on c.id = j.customer_id
  left join shipments s on j.subject = 'shipment' and s.id = j.subject_id
  left join cases k on j.subject = 'case' and k.id = j.subject_id
  left join orders o on o.id = coalesce(s.order_id, j.order_id)
"""
_QUERIES: Mapping[str, str] = {
    "messages": f"""
select c.key, m.playbook, {_SUBJECT}, m.step, m.iteration, m.channel, m.state, m.reason, m.at
  from messages m join journeys j on j.id = m.journey_id {_OF_JOURNEY}
""",
    "journeys": f"""
select c.key, j.playbook, {_SUBJECT}, j.started_at, j.state, j.outcome, j.ended_at from journeys j {_OF_JOURNEY}
""",
    "changes": """
select c.key, x.kind, x."from", x."to", x.at from standing_changes x join customers c on c.id = x.customer_id
 where x.cause <> 'baseline'
""",
    "tags": """
select c.key, t.tag, t.at, t.expires_at, t.removed_at from hand_tags t join customers c on c.id = t.customer_id
""",
    "coupons": """
select c.key, v.pool, v.issued_at, v.expires_at from coupons v join customers c on c.id = v.customer_id
""",
    "points": """
select c.key, p.kind, p.points, p.at, p.available_at, p.expires_at
  from points_entries p join customers c on c.id = p.customer_id
""",
    "tasks": """
select c.key, j.playbook, t.task, t.team, t.title, t.opened_at
  from tasks t join journeys j on j.id = t.journey_id join customers c on c.id = t.customer_id
""",
    "calls": """
select c.key, j.playbook, a.step, a.state, a.reason, a.at
  from calls a join journeys j on j.id = a.journey_id join customers c on c.id = a.customer_id
""",
    "people": "select key, zone, source, region from customers",
}


def real(connection: psycopg.Connection[Any]) -> Lived:
    """What a replay has left in its schema."""
    lived = Lived()
    for name, query in _QUERIES.items():
        getattr(lived, name).update(map(_in_utc, connection.execute(query)))
    return lived


def _in_utc(line: Line) -> Line:
    return tuple(each.astimezone(UTC) if isinstance(each, datetime) else each for each in line)


# --- the simulation ---------------------------------------------------------------------------------------------------


def simulated(worlds: Iterable[World], end: datetime, outside: frozenset[tuple[str, str]]) -> Lived:
    """What worlds have come to at a window's end.

    Args:
        worlds: everybody's.
        end: the window's end, at which what is open stands as a replay ends it.
        outside: playbook and step of what a replay does not tell anybody.
    """
    lived = Lived()
    for world in worlds:
        who = str(world.history.person("key"))
        for name, lines in _lines(world, end, outside):
            getattr(lived, name).update((who, *_in_utc(line)) for line in lines)
    return lived


def _lines(world: World, end: datetime, outside: frozenset[tuple[str, str]]) -> Iterator[tuple[str, Iterable[Line]]]:
    yield "messages", (_message(world, number) for number in range(len(world.messages)))
    yield "journeys", (_journey(world, each, end) for each in world.journeys)
    yield "changes", ((each.kind, each.before, each.after, at) for at, each in world.changes)
    yield "tags", ((each.tag, *map(_instant, (each.at, each.expires_at, each.removed_at))) for each in _tags(world))
    yield "coupons", _rows(world, "coupons", "pool", "issued_at", "expires_at")
    yield "points", _rows(world, "points", "kind", "points", "at", "available_at", "expires_at")
    yield "tasks", _tasks(world)
    yield "calls", (_call(each, outside) for each in world.log if each.what in _CALLS)
    yield "people", [tuple(world.history.person(name) for name in ("zone", "source", "region"))]


_CALLS = frozenset({"coupon", "points", "update", "move", "start", *OUTSIDE})


def _message(world: World, number: int) -> Line:
    each = world.messages[number]
    subject = _subject(world, world.journeys[each.journey - 1].subject)
    return each.playbook, subject, each.step, each.iteration, each.channel, each.state, each.reason, each.at


def _journey(world: World, journey: Journey, end: datetime) -> Line:
    ended = journey.ended
    how = ("stopped", "replay-ended", end) if ended is None else (ended.state, ended.outcome, ended.at)
    return journey.plan.playbook, _subject(world, journey.subject), journey.started_at, *how


def _subject(world: World, of: Subject) -> str:
    """As people call it."""
    match of.kind:
        case "shipment":
            return f"{of.name}/{str(of.key).rpartition(' ')[2]}"
        case "case":
            return str(of.key)
        case "order":
            return of.name
        case _:
            return str(world.history.person("key"))


def _tags(world: World) -> Iterable[Any]:
    return world.history.hand_tags


def _instant(value: object) -> datetime | None:
    return instant(value) if isinstance(value, int) else None


def _rows(world: World, relation: str, *names: str) -> Iterator[Line]:
    kinds = RELATIONS[relation].fields
    for row in world.history.facts.rows[relation]:
        values = {name: column(relation, name, row) for name in names}
        yield tuple(_instant(value) if kinds[name].type == "instant" else value for name, value in values.items())


def _tasks(world: World) -> Iterator[Line]:
    """Tasks as they stand at the end: a move gives the one that was opened last to another team."""
    open_: dict[tuple[int, str], list[Line]] = {}
    for each in world.log:
        if each.what == "task" and each.state == "done":
            line = each.playbook, each.name, each.more["team"], each.more["title"], each.at
            open_.setdefault((each.journey, each.name), []).append(line)
        if each.what == "move" and each.state == "done":
            given = _move(world, each)
            moved = open_.get((each.journey, str(given["task"])), [])
            if moved:
                playbook, name, _, title, at = moved[-1]
                moved[-1] = playbook, name, given["to"], title, at
    for lines in open_.values():
        yield from lines


def _move(world: World, entry: Entry) -> Mapping[str, object]:
    code = world.journeys[entry.journey - 1].plan.code
    return next(step.given for step in code if isinstance(step, Move) and step.id == entry.name)


def _call(entry: Entry, outside: frozenset[tuple[str, str]]) -> Line:
    state, reason = entry.state, entry.reason
    if (entry.playbook, entry.name) in outside:
        state, reason = "skipped", "replayed"
    return entry.playbook, entry.name, state, reason, entry.at
