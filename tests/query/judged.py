"""Everybody judged by the fold and in DuckDB: what both say, to be held against each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from engine.attributes.facts import CustomerFacts
from engine.conditions.compile import compile_condition
from engine.conditions.environment import Happening, Known
from engine.facts.evaluate import evaluator
from engine.language.rules import Rules
from engine.query.judging import BulkJudge
from engine.standing.cut_offs import CutOffs
from engine.standing.decide import STANDING_TYPES, HandTag, Standing
from engine.standing.judge import Judge

Said = tuple[Standing, int | None, tuple[str, ...]]
"""A standing, the next flip, the stages that held."""

_RANKS = tuple(name for name in STANDING_TYPES if name not in ("tags", "segments"))


@dataclass
class Before:
    """What was known of people before: standings, hand tags and events, by customer."""

    standings: Mapping[int, Standing] = field(default_factory=dict)
    hand_tags: Mapping[int, Sequence[HandTag]] = field(default_factory=dict)
    events: Mapping[int, Mapping[str, Sequence[Happening]]] = field(default_factory=dict)


def by_fold(
    rules: Rules, people: Sequence[CustomerFacts], at: int, cut_offs: CutOffs | None, currency: str, before: Before
) -> dict[int, Said]:
    """One after the other."""
    own, catalogue = rules.standing, evaluator(rules.catalogue, currency, rules.words).catalogue
    judge = Judge(own, rules.catalogue, catalogue, rules.policy.zone, rules.words)
    found = {}
    for each in people:
        judgement = judge(
            each,
            at,
            cut_offs=cut_offs,
            previous=before.standings.get(each.customer_id),
            hand_tags=before.hand_tags.get(each.customer_id, ()),
            events=before.events.get(each.customer_id),
        )
        found[each.customer_id] = (judgement.standing, judgement.next_flip, judgement.stages)
    return found


def in_bulk(
    connection: duckdb.DuckDBPyConnection,
    rules: Rules,
    people: Sequence[CustomerFacts],
    at: int,
    cut_offs: CutOffs | None,
    currency: str,
    before: Before,
) -> dict[int, Said]:
    """All at once, in a connection that has their rows."""
    catalogue = evaluator(rules.catalogue, currency, rules.words).catalogue
    judge = BulkJudge(rules.standing, rules.catalogue, catalogue, rules.policy.zone, rules.words)
    judge.values(connection, at)
    load_before(connection, judge, people, at, catalogue, before)
    judge.decide(connection, at, cut_offs)
    return read(connection, at)


def load_before(connection: Any, judge: BulkJudge, people: Any, at: int, catalogue: Any, before: Before) -> None:
    previous = [(each, was.at, *(getattr(was, name) for name in _RANKS)) for each, was in before.standings.items()]
    ranks = [(name, pa.string() if kind == "string" else pa.int64()) for name, kind in STANDING_TYPES.items()]
    ranks = [each for each in ranks if each[0] in _RANKS]
    _table(connection, "previous", [("customer", pa.int64()), ("decided_at", pa.int64()), *ranks], previous)
    given = [(each, tag, since) for each, was in before.standings.items() for tag, since in was.given.items()]
    _table(connection, "previous_given", [*_TAG, ("since", pa.int64())], given)
    tags = [
        (each, tag.tag, tag.at, tag.expires_at, tag.removed_at)
        for each, some in before.hand_tags.items()
        for tag in some
    ]
    _table(
        connection,
        "hand_tags",
        [*_TAG, ("given_at", pa.int64()), ("expires_at", pa.int64()), ("removed_at", pa.int64())],
        tags,
    )
    answers, flips = [], []
    for place, question in enumerate(judge.questions):
        ask = compile_condition(question, currency=catalogue.currency, types=catalogue.types, events=catalogue.events)
        for each in people:
            events = before.events.get(each.customer_id, {})
            if ask(Known(at, {}, events)):
                answers.append((each.customer_id, place))
            for when, _ in events.get(question.event, ()):
                flips.append((each.customer_id, when))
                if question.within_seconds is not None:
                    flips.append((each.customer_id, when + question.within_seconds * 1_000_000))
    _table(connection, "answers", [("customer", pa.int64()), ("question", pa.int64())], answers)
    _table(connection, "event_flips", [("customer", pa.int64()), ("instant", pa.int64())], flips)


_TAG = [("customer", pa.int64()), ("tag", pa.string())]


def _table(connection: Any, name: str, columns: Sequence[tuple[str, Any]], rows: Sequence[tuple[Any, ...]]) -> None:
    schema = pa.schema(columns)
    told = pa.table({each: [row[place] for row in rows] for place, each in enumerate(schema.names)}, schema=schema)
    connection.register("told", told)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM told")
    connection.unregister("told")


def read(connection: duckdb.DuckDBPyConnection, at: int) -> dict[int, Said]:
    """What the tables say."""
    sets: dict[tuple[int, str], set[str]] = {}
    for customer, kind, name in connection.execute("SELECT customer, kind, name FROM memberships").fetchall():
        held = sets.setdefault((customer, kind), set())
        assert name not in held, f"{customer} has {kind} {name} twice"
        held.add(name)
    given: dict[int, dict[str, int]] = {}
    for customer, tag, since in connection.execute("SELECT customer, tag, since FROM given").fetchall():
        assert tag not in given.setdefault(customer, {}), f"{tag} is given twice to {customer}"
        given[customer][tag] = since
    flips = dict(connection.execute("SELECT customer, instant FROM flips").fetchall())
    ranks = connection.execute(f"SELECT customer, stages, {', '.join(_RANKS)} FROM ranks").fetchall()
    return {
        customer: (
            Standing(
                tags=frozenset(sets.get((customer, "tag"), ())),
                segments=frozenset(sets.get((customer, "segment"), ())),
                **dict(zip(_RANKS, values, strict=True)),
                given=given.get(customer, {}),
                at=at,
            ),
            flips.get(customer),
            tuple(stages),
        )
        for customer, stages, *values in ranks
    }
