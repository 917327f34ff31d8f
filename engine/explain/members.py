"""Who is in a segment, stage, tier or RFM group, or has a tag: from what is stored, or judged now and only read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from engine.conditions.ast import Condition
from engine.conditions.operands import microseconds
from engine.dispatch.standing import Standings
from engine.evaluation.columns import Columns, column_reader
from engine.evaluation.everybody import Everybody
from engine.explain.customers import cut_offs_of
from engine.explain.prove import has
from engine.explain.subject import Subject, part_of
from engine.facts.standing import Published, read_standings
from engine.mirror.open import Mirror
from engine.query.standing import HAND_TAGS
from engine.standing.cut_offs import CutOffs
from engine.standing.definition import SegmentRule, StandingRules
from engine.standing.pruned import only

Connection = psycopg.Connection[Any]
Progress = Callable[[str, int, int], None]
ASKED = Subject("segment", "--when", "")
"""The segment that an ad-hoc condition stands for."""
_CHUNK = 500
_COUNTS = """
select 'stage', stage, count(*) from standings where stage is not null group by 2
 union all select 'tier', tier, count(*) from standings where tier is not null group by 2
 union all select 'rfm_group', rfm_group, count(*) from standings where rfm_group is not null group by 2
 union all select 'segment', name, count(*) from standings, unnest(segments) name group by 2
 union all select 'tag', name, count(*) from standings, unnest(tags) name group by 2
"""
_HOLDS = {
    "segment": "s.segments @> array[%(name)s]", "tag": "s.tags @> array[%(name)s]", "stage": "s.stage = %(name)s",
    "tier": "s.tier = %(name)s", "rfm_group": "s.rfm_group = %(name)s",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """A customer: the shop's name and our number."""

    key: str
    id: int


def stored_counts(connection: Connection) -> tuple[int, Mapping[tuple[str, str], int]]:
    """How many customers have been evaluated, and how many are in each, by kind and name."""
    row = connection.execute("select count(*) from standings").fetchone()
    return (int(row[0]) if row else 0), {(kind, name): count for kind, name, count in connection.execute(_COUNTS)}


def stored_versions(connection: Connection) -> frozenset[str]:
    """The versions of the rules that the stored standings were decided by."""
    return frozenset(row[0] for row in connection.execute("select distinct version from standings"))


def stored_members(connection: Connection, subject: Subject) -> list[Member]:
    """The members by what is stored, by the shop's name."""
    query = "select c.key, c.id from standings s join customers c on c.id = s.customer_id where {} order by c.key"
    holds = sql.SQL(_HOLDS[subject.kind])
    rows = connection.execute(sql.SQL(query).format(holds), {"name": subject.name})
    return [Member(key, number) for key, number in rows]


@dataclass(frozen=True)
class Judge:
    """Tells which customers are in a rule as of an instant; with `past` no standing that is stored counts."""

    standings: Standings
    subject: Subject
    at: datetime
    past: bool
    published: Published

    def among(self, connection: Connection, people: Mapping[int, str]) -> Iterator[Member]:
        """The members among some customers, who are given as our number and the shop's name."""
        kept = {} if self.past else read_standings(connection, list(people))
        for read in self.standings.read(connection, list(people)):
            number = read.facts.customer_id
            own = kept.get(number)
            as_of = microseconds(self.at) if own is None else max(microseconds(self.at), own.standing.at)
            standing = self.standings.judged(read, as_of, own, self.published).standing
            if has(standing, self.subject.kind, self.subject.name):
                yield Member(people[number], number)


def rules_for(rules: StandingRules, when: Condition) -> StandingRules:
    """The rules that decide an ad-hoc condition, as the segment `ASKED`, and all it depends on."""
    asked = SegmentRule(name=ASKED.name, title="", when=when)
    return only(rules.model_copy(update={"segments": (*rules.segments, asked), "order": ()}), part_of(ASKED))


def _needed(rules: StandingRules, subject: Subject, when: Condition | None) -> StandingRules:
    return only(rules, part_of(subject)) if when is None else rules_for(rules, when)


def judge(
    connection: Connection,
    standings: Standings,
    subject: Subject,
    at: datetime,
    *,
    past: bool,
    when: Condition | None = None,
    progress: Progress = lambda _what, _done, _total: None,
) -> Judge:
    """Who tells the members as of an instant; nothing is written.

    Args:
        connection: an open connection whose `search_path` has the tables.
        standings: the rules, compiled.
        subject: a rule; ASKED for `when`.
        at: the instant.
        past: no standing that is stored counts.
        when: an ad-hoc condition.
        progress: told what is being done, how many customers are done and how many there are.
    """
    needed = _needed(standings.rules.standing, subject, when)
    judging = Standings(replace(standings.rules, standing=needed), standings.versions, standings.currency)
    values = None
    if needed.tiers is not None or needed.rfm is not None:
        values = cut_offs_of(connection, standings, at, past=past).values
        if values is None:
            values = computed_cut_offs(connection, judging, at, progress)
    return Judge(judging, subject, at, past, Published(0, values or CutOffs(), {}))


def members_at_once(
    mirror: Mirror,
    connection: Connection,
    standings: Standings,
    subject: Subject,
    at: datetime,
    *,
    past: bool,
    when: Condition | None = None,
) -> list[Member]:
    """The members as judged as of an instant over the open mirror, by the shop's name; see `judge`."""
    needed = _needed(standings.rules.standing, subject, when)
    everybody = Everybody(
        mirror.duck, connection, standings.rules, standings.currency, microseconds(at), only=needed, flips=False
    )
    everybody.read()
    ranked = needed.tiers is not None or needed.rfm is not None
    published = cut_offs_of(connection, standings, at, past=past).values if ranked else CutOffs()
    everybody.copy_stored({HAND_TAGS} if past else everybody.follows)
    everybody.decide(published or everybody.cut_offs())
    found = everybody.members(subject.kind, subject.name)
    return sorted((Member(key, number) for number, key in found), key=lambda each: each.key)


def _chunks(connection: Connection) -> list[list[tuple[int, str]]]:
    people = connection.execute("select id, key from customers order by id").fetchall()
    return [people[start : start + _CHUNK] for start in range(0, len(people), _CHUNK)]


def computed_cut_offs(
    connection: Connection, judging: Standings, at: datetime, progress: Progress = lambda _what, _done, _total: None
) -> CutOffs:
    """Cut-offs of everybody as of the instant, computed anew; nothing is written."""
    chunks = _chunks(connection)
    read, columns = column_reader(judging.rules, judging), Columns()
    done, total = 0, sum(map(len, chunks))
    for chunk in chunks:
        columns.add(*read(connection, [number for number, _ in chunk], [microseconds(at)]))
        done += len(chunk)
        progress("cut-offs", done, total)
    return columns.cut_offs(judging.rules.standing)
