"""Questions to the events (`did`), answered for those whom they may concern.

Who may be concerned is asked of the mirror: whoever has an event of the kind, or a row that tells one, in the window.
For each of them the question is put as it is for one customer alone.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import psycopg
import pyarrow as pa

from engine.attributes.facts import CustomerFacts
from engine.attributes.relations import EVENT_SOURCES, RELATIONS
from engine.conditions.ast import Did
from engine.conditions.compile import compile_condition
from engine.conditions.environment import Happening, Known
from engine.facts.evaluate import Evaluator
from engine.facts.history import happenings, relations_of, told_events
from engine.facts.read import read_customers
from engine.query import sql
from engine.query.flips import EVENT_FLIPS
from engine.query.standing import ANSWERS

Connection = psycopg.Connection[Any]
CHUNK = 1000
_SECOND = 1_000_000


def fill_answers(
    duck: duckdb.DuckDBPyConnection,
    connection: Connection,
    evaluator: Evaluator,
    questions: Sequence[Did],
    at: int,
    zone: str,
) -> None:
    """Makes the tables of the answers, and of the instants at which one may change.

    Args:
        duck: the mirror's connection.
        connection: to the facts.
        evaluator: of the rules.
        questions: the questions; each one's number is its place.
        at: the instant, in microseconds since the epoch.
        zone: the policy's.
    """
    answers: list[tuple[int, int]] = []
    flips: list[tuple[int, int]] = []
    for place, question in enumerate(questions):
        asked = _Asked(evaluator, question, at, zone)
        ids = [each for (each,) in duck.execute(_concerned(question, at)).fetchall()]
        for start in range(0, len(ids), CHUNK):
            for customer, events in asked.events(connection, ids[start : start + CHUNK]):
                if asked.holds(events):
                    answers.append((customer, place))
                flips += ((customer, instant) for instant in asked.turns(events))
    _table(duck, ANSWERS, ("customer", "question"), answers)
    _table(duck, EVENT_FLIPS, ("customer", "instant"), flips)


class _Asked:
    """One question."""

    def __init__(self, evaluator: Evaluator, question: Did, at: int, zone: str) -> None:
        self._evaluator, self._question, self._at, self._zone = evaluator, question, at, zone
        known = evaluator.catalogue
        self._ask = compile_condition(question, currency=known.currency, types=known.types, events=known.events)

    def events(self, connection: Connection, ids: Sequence[int]) -> Iterator[tuple[int, Sequence[Happening]]]:
        """The events of the kind that each of some customers has."""
        kind = self._question.event
        whole = {name: frozenset(RELATIONS[name].columns[2:]) for name in relations_of([kind])}
        told = told_events(connection, ids, [kind])
        for facts in _facts(connection, ids, whole, self._zone):
            found = happenings(
                told.get(facts.customer_id, ()),
                facts if whole else None,
                [kind],
                fields=self._evaluator.event_fields,
                currency=self._evaluator.catalogue.currency,
                words=self._evaluator.words,
            )
            yield facts.customer_id, found[kind]

    def holds(self, events: Sequence[Happening]) -> bool:
        """The answer."""
        return self._ask(Known(self._at, {}, {self._question.event: events}))

    def turns(self, events: Sequence[Happening]) -> Iterator[int]:
        """Instants after this one at which it may change."""
        within = self._question.within_seconds
        for instant, _ in events:
            yield from (each for each in (instant, instant + (within or 0) * _SECOND) if each > self._at)


def _facts(
    connection: Connection, ids: Sequence[int], whole: dict[str, frozenset[str]], zone: str
) -> Sequence[CustomerFacts]:
    if not whole:
        return [CustomerFacts(each) for each in ids]
    return list(read_customers(connection, ids, relations=whole, zone=zone))


def _concerned(question: Did, at: int) -> str:
    """Who has an event of the kind, told or to be read from a row, that is in the window or ahead."""
    since = None if question.within_seconds is None else at - question.within_seconds * _SECOND
    kind = sql.text(question.event)
    told = f"select customer from told_events where kind = {kind}"  # noqa: S608 -- a literal
    parts = [told if since is None else f'{told} and "at" > {sql.whole(since)}']
    source = EVENT_SOURCES.get(question.event)
    if source is not None:
        relation = RELATIONS[source.relation]
        instant = sql.name("@at" if source.instant in (None, relation.instant) else str(source.instant))
        tests = [f"{instant} is not null" if since is None else f"{instant} > {sql.whole(since)}"]
        if source.matching is not None:
            name, value = source.matching
            tests.append(f"{sql.name(name)} = {sql.text(value)}")
        parts.append(f"select customer from {sql.name(source.relation)} where {' and '.join(tests)}")  # noqa: S608 -- quoted
    return f"select distinct customer from ({' union all '.join(parts)}) order by 1"  # noqa: S608 -- quoted


def _table(
    duck: duckdb.DuckDBPyConnection, name: str, columns: tuple[str, str], rows: Sequence[tuple[int, int]]
) -> None:
    schema = pa.schema([(each, pa.int64()) for each in columns])
    told = pa.table({each: [row[place] for row in rows] for place, each in enumerate(columns)}, schema=schema)
    duck.register("told", told)
    duck.execute(f"create or replace temp table {name} as select * from told")  # noqa: S608 -- our own names
    duck.unregister("told")
