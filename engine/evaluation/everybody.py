"""Everybody's standing at once, over the columnar mirror: read, decided and counted in DuckDB.

What it says of a customer holds for the facts that the mirror shows (`fact_version`) and the standing that was stored
when it was asked (`row`). Whoever writes compares both under the customer's lock, and judges anew where they differ.
"""

import json
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from engine.evaluation.work import Said, Tally
from engine.facts.evaluate import evaluator
from engine.facts.read import microseconds_of
from engine.language.rules import Rules
from engine.mirror.reading import copy_aside, lines
from engine.query import run, sql
from engine.query.attributes import Statement
from engine.query.changes import CHANGES, PREVIOUS_SETS, compile_changes
from engine.query.did import compile_answers
from engine.query.happenings import EventCatalogue
from engine.query.judging import BulkJudge
from engine.query.standing import HAND_TAGS, PREVIOUS, PREVIOUS_GIVEN
from engine.standing.cut_offs import CutOffs
from engine.standing.decide import STANDING_TYPES, Change, Standing
from engine.standing.definition import StandingRules

Connection = psycopg.Connection[Any]
PART = 500_000
"""Customers whose attributes are computed in one go."""

_RANKS = tuple(name for name in STANDING_TYPES if name not in ("tags", "segments"))
_PREVIOUS = f"""
select customer_id, xmin::text::bigint, {microseconds_of("evaluated_at")}, stage, tier,
       {microseconds_of("tier_ends_at")}, rfm_group, rfm_recency, rfm_frequency, rfm_monetary from standings
"""  # noqa: S608 -- our own names
_PREVIOUS_TYPES = {
    "customer": "BIGINT", "row": "BIGINT", "decided_at": "BIGINT", "stage": "VARCHAR", "tier": "VARCHAR",
    "tier_ends_at": "BIGINT", "rfm_group": "VARCHAR", "rfm_recency": "BIGINT", "rfm_frequency": "BIGINT",
    "rfm_monetary": "BIGINT",
}  # fmt: skip
_GIVEN = f"""
select customer_id, key, {microseconds_of("value::timestamptz")} from standings, jsonb_each_text(given)
"""  # noqa: S608 -- our own names
_GIVEN_TYPES = {"customer": "BIGINT", "tag": "VARCHAR", "since": "BIGINT"}
_SETS = """
select customer_id, kind, name from (
  select customer_id, 'tag' as kind, unnest(tags) as name from standings union all
  select customer_id, 'segment', unnest(segments) from standings) s
"""
_SETS_TYPES = {"customer": "BIGINT", "kind": "VARCHAR", "name": "VARCHAR"}
_HAND_TAGS = f"""
select customer_id, tag, {microseconds_of("at")}, {microseconds_of("expires_at")}, {microseconds_of("removed_at")}
  from hand_tags
"""  # noqa: S608 -- our own names
_HAND_TAGS_TYPES = {
    "customer": "BIGINT", "tag": "VARCHAR", "given_at": "BIGINT", "expires_at": "BIGINT", "removed_at": "BIGINT",
}  # fmt: skip
# Of these the first has the version of each row, which has to be as old as anything else that is said of it.
_STORED = {
    PREVIOUS: (_PREVIOUS, _PREVIOUS_TYPES),
    PREVIOUS_GIVEN: (_GIVEN, _GIVEN_TYPES),
    HAND_TAGS: (_HAND_TAGS, _HAND_TAGS_TYPES),
}
ALL_STORED = frozenset(_STORED)
_SAID = f"""
select r.customer, p.fact_version, b."row", r.stages, {", ".join(f"r.{name}" for name in _RANKS)},
       t.tags, t.segments, g.tags, g.since, f.instant, c.changes
  from ranks r join people p on p.customer = r.customer left join {PREVIOUS} b on b.customer = r.customer
  left join (select customer, list(name) filter (where kind = 'tag') as tags,
                    list(name) filter (where kind = 'segment') as segments
               from memberships group by customer) t on t.customer = r.customer
  left join (select customer, list(tag order by tag) as tags, list(since order by tag) as since
               from given group by customer) g on g.customer = r.customer
  left join flips f on f.customer = r.customer
  left join (select customer, list([kind, before, after, rises::varchar, unexpected::varchar, evidence]
                                   order by place, before, after) as changes
               from {CHANGES} group by customer) c on c.customer = r.customer
 order by r.customer
"""  # noqa: S608 -- our own names
_SIZES = """
select 'stage', coalesce(stage, ''), count(*) from ranks group by 2 union all
select 'tier', coalesce(tier, ''), count(*) from ranks group by 2 union all
select 'rfm_group', coalesce(rfm_group, ''), count(*) from ranks group by 2 union all
select kind, name, count(*) from memberships group by 1, 2
"""


class Everybody:
    """The rules of standing over an open mirror, as of one instant. Tables are made in its connection.

    Args:
        duck: the mirror's connection.
        connection: to the facts, for what no mirror holds: standings, hand tags, questions to the events.
        rules: the rules.
        currency: the reporting currency.
        at: the instant, in microseconds since the epoch.
        only: rules of standing in place of all.
        flips: whether next flips are wanted.
    """

    def __init__(
        self,
        duck: duckdb.DuckDBPyConnection,
        connection: Connection,
        rules: Rules,
        currency: str | None,
        at: int,
        *,
        only: StandingRules | None = None,
        flips: bool = True,
    ) -> None:
        self._duck, self._connection, self._rules, self._at = duck, connection, rules, at
        self._evaluator = evaluator(rules.catalogue, currency, rules.words)
        self._judge = BulkJudge(
            only or rules.standing,
            rules.catalogue,
            self._evaluator.catalogue,
            rules.policy.zone,
            rules.words,
            flips=flips,
        )

    def customers(self) -> int:
        """How many there are."""
        ((count,),) = self._duck.execute("select count(*) from people").fetchall()
        return int(count)

    def read(self) -> None:
        """Computes the attributes that the rules name."""
        self._judge.values(self._duck, self._at, parts=max(1, -(-self.customers() // PART)))

    def cut_offs(self) -> CutOffs:
        """The cut-offs that follow from the attributes that were read."""
        return self._judge.cut_offs(self._duck)

    @property
    def reading(self) -> tuple[Statement, int]:
        """What `read` computes, and as of when: where two over one mirror have it alike, one has read for both."""
        return self._judge.statement, self._at

    @property
    def follows(self) -> frozenset[str]:
        """The tables of what is stored that membership and ranks follow from."""
        rules = self._judge.rules
        lasting = any(each.expires is not None for each in rules.tags)
        ranked = rules.tiers is not None or rules.rfm is not None
        return frozenset([HAND_TAGS, *([PREVIOUS_GIVEN] if lasting else []), *([PREVIOUS] if ranked else [])])

    def copy_stored(self, tables: Collection[str] = ALL_STORED) -> None:
        """Copies what the decision starts from; tables that are not named are as if nothing had been stored."""
        for table, (query, types) in _STORED.items():
            self._copy(query if table in tables else f"{query} where false", table, types)

    def decide(self, cut_offs: CutOffs) -> None:
        """Decides everybody's standing from what was stored."""
        known = self._evaluator
        events = EventCatalogue(
            known.catalogue.events, known.event_fields, known.catalogue.currency, self._rules.policy.zone,
            self._rules.words,
        )  # fmt: skip
        for statement in compile_answers(self._judge.questions, events, self._at):
            run.prepare(self._duck, statement)
            self._duck.execute(statement.text)
        self._judge.decide(self._duck, self._at, cut_offs)

    def compare(self) -> None:
        """Finds what has changed from the stored standings to those decided."""
        self._copy(_SETS, PREVIOUS_SETS, _SETS_TYPES)
        for text in compile_changes(self._judge.rules, self._judge.columns):
            self._duck.execute(text)

    def said(self) -> Iterator[list[Said]]:
        """What is said of each, in the order of their numbers, in batches."""
        for batch in self._duck.sql(_SAID).to_arrow_reader(run.BATCH):
            columns = [column.to_pylist() for column in batch.columns]
            yield [self._one(row) for row in zip(*columns, strict=True)]

    def _one(self, row: Sequence[Any]) -> Said:
        customer, version, stored, stages, *ranks, tags, segments, given, since, flip, changes = row
        standing = Standing(
            tags=frozenset(tags or ()),
            segments=frozenset(segments or ()),
            **dict(zip(_RANKS, ranks, strict=True)),
            given=dict(zip(given or (), since or (), strict=True)),
            at=self._at,
        )
        changed = tuple(map(_change, changes or ()))
        return Said(customer, version, stored, standing, flip, tuple(stages), changed)

    def tally(self) -> Tally:
        """How many are what."""
        tally = Tally(customers=self.customers())
        for kind, name, size in self._duck.execute(_SIZES).fetchall():
            tally.sizes[kind, name] = size
        several = "select stages, count(*) from ranks where len(stages) <> 1 group by 1"
        for stages, size in self._duck.execute(several).fetchall():
            tally.several_stages[tuple(stages)] = size
        return tally

    def members(self, kind: str, name: str) -> list[tuple[int, str]]:
        """The customers who have a tag or RFM group, or are in a segment, stage or tier, with the shop's names."""
        if kind in ("tag", "segment"):
            among, values = "memberships where kind = ? and name = ?", [kind, name]
        else:
            among, values = f"ranks where {sql.name(kind)} = ?", [name]
        query = f'select customer, "key" from people join (select customer from {among}) using (customer)'  # noqa: S608 -- quoted
        return self._duck.execute(query, values).fetchall()

    def _copy(self, query: str, table: str, types: dict[str, str]) -> None:
        """A table of what PostgreSQL answers; every text in it is a name of ours, without tabs and backslashes."""
        with tempfile.TemporaryDirectory(prefix="regulars-") as directory:
            aside = Path(directory) / table
            copy_aside(self._connection, f"copy ({query}) to stdout", aside)
            rows = lines(aside, types.items())
            self._duck.execute(f"create or replace temp table {table} as select * from {rows}")  # noqa: S608 -- our own names


def _change(told: Sequence[str | None]) -> Change:
    kind, before, after, rises, unexpected, evidence = told
    values = json.loads(evidence) if evidence else {}
    return Change(str(kind), before, after, rises == "true", unexpected == "true", values)
