"""What changed from everybody's standing of before to the one just decided, as `engine.standing.changes` lists it.

Made after the statements of `engine.query.standing`, of the tables that those need and make, and of PREVIOUS_SETS
(`customer`, `kind` tag or segment, `name`: what people had and were in before). DIFFERENCES has a row for each change:
`customer`, `place` (the order of one customer's changes, with `before` and `after`), `kind`, `before`, `after`,
`rises`, `unexpected` and `part`, the part of standing that it is of. CHANGES has in place of that `evidence`: the
values that decided, as `engine.standing.evidence` tells them, as text of JSON; NULL for those who had no standing
before.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from engine.conditions.types import Type
from engine.query import sql
from engine.query.conditions import Column
from engine.query.standing import CHUNK, MEMBERSHIPS, PREVIOUS, RANKS, VALUES
from engine.standing.decide import STANDING_TYPES
from engine.standing.definition import StandingRules
from engine.standing.evidence import named_values

PREVIOUS_SETS, DIFFERENCES, CHANGES = "previous_sets", "differences", "changes"
_OTHER_SETS, _CHANGED = "whose sets differ", "changed values"
_BEFORE, _AFTER = "sets before", "sets after"
_SETS = {"tags": "tag", "segments": "segment"}
_SECOND = 1_000_000
_PARTS = 8
"""Of the customers, whose sets are compared one part after the other."""


def compile_changes(rules: StandingRules, columns: Mapping[str, Column]) -> list[str]:
    """The statements that make CHANGES.

    Args:
        rules: the rules of standing.
        columns: the columns of VALUES by the names of their attributes, as `engine.query.standing.Asked` has them.
    """
    return [*compile_differences(rules), *_Compiler(rules, columns).statements()]


def compile_differences(rules: StandingRules) -> list[str]:
    """The statements that make DIFFERENCES.

    Args:
        rules: those of the standing just decided.
    """
    ranks = " UNION ALL ".join([_stage(rules), _tier(rules), _of_rank(2, "rfm_group")])
    sets = [
        f"CREATE OR REPLACE TEMP TABLE {sql.name(new)} AS SELECT * FROM {old} SEMI JOIN {sql.name(_OTHER_SETS)}"
        f" USING (customer) SEMI JOIN {RANKS} USING (customer)"
        for old, new in ((PREVIOUS_SETS, _BEFORE), (MEMBERSHIPS, _AFTER))
    ]
    return [
        f"CREATE OR REPLACE TEMP TABLE {DIFFERENCES} AS {ranks}",
        f"CREATE OR REPLACE TEMP TABLE {sql.name(_OTHER_SETS)} AS {_other_sets()}",
        *sets,
        *(f"INSERT INTO {DIFFERENCES} {each}" for each in _sets()),
        *(f"DROP TABLE {sql.name(each)}" for each in (_OTHER_SETS, _BEFORE, _AFTER)),
    ]


class _Compiler:
    def __init__(self, rules: StandingRules, columns: Mapping[str, Column]) -> None:
        self._rules, self._columns = rules, columns
        self._named = named_values(rules)

    def statements(self) -> Iterator[str]:
        yield from self._values()
        beside = "place INTEGER, kind VARCHAR, before VARCHAR, after VARCHAR, rises BOOLEAN, unexpected BOOLEAN"
        yield f"CREATE OR REPLACE TEMP TABLE {CHANGES} (customer BIGINT, {beside}, evidence VARCHAR)"
        parts = [*self._named]
        for start in range(0, len(parts), CHUNK):
            yield self._proven(parts[start : start + CHUNK])
        others = f" WHERE c.part NOT IN ({', '.join(map(sql.text, parts))})" if parts else ""
        yield self._insert("'{}'") + others
        yield from (f"DROP TABLE {sql.name(each)}" for each in (DIFFERENCES, _CHANGED))

    def _proven(self, parts: Sequence[str]) -> str:
        told = " ".join(f"WHEN {sql.text(part)} THEN {self._told(part)}" for part in parts)
        return self._insert(f"CASE c.part {told} END") + f" WHERE c.part IN ({', '.join(map(sql.text, parts))})"

    def _insert(self, evidence: str) -> str:
        """Who had no standing before is in no table of values: of a first judgement there is no evidence."""
        return (
            f'INSERT INTO {CHANGES} SELECT c.* EXCLUDE (part), CASE WHEN "v".customer IS NOT NULL THEN {evidence} END'
            f' FROM {DIFFERENCES} AS c LEFT JOIN {sql.name(_CHANGED)} AS "v" ON "v".customer = c.customer'
        )

    def _values(self) -> Iterator[str]:
        """The values of those who changed and had a standing before, with the sets that rules name."""
        sets = "".join(
            f", (SELECT list(m.name ORDER BY m.name) FROM {MEMBERSHIPS} AS m"
            f' WHERE m.customer = "v".customer AND m.kind = {sql.text(kind)}) AS {sql.name(f"@{name}")}'
            for name, kind in _SETS.items()
            if any(name in named for named in self._named.values())
        )
        ranks = ", ".join(f"r.{name} AS {sql.name(f'@{name}')}" for name in STANDING_TYPES if name not in _SETS)
        changed = f"SELECT customer FROM {DIFFERENCES} SEMI JOIN {PREVIOUS} USING (customer)"
        yield (
            f'CREATE OR REPLACE TEMP TABLE {sql.name(_CHANGED)} AS SELECT "v".*, {ranks}{sets} FROM "{VALUES}" AS "v"'
            f' JOIN {RANKS} AS r ON r.customer = "v".customer WHERE "v".customer IN ({changed})'
        )

    def _told(self, part: str) -> str:
        """Evidence of a change of one part, as text of JSON."""
        named = self._named[part]
        pairs = [f"{sql.text(json.dumps(name) + ': ')} || {self._value(name, named[name])}" for name in sorted(named)]
        inside = " || ', ' || ".join(pairs)
        return f"'{{' || {inside} || '}}'" if pairs else "'{}'"

    def _value(self, name: str, operands: set[str]) -> str:
        if name in self._columns:
            column = self._columns[name]
        elif name in STANDING_TYPES:
            column = Column(f'"v".{sql.name(f"@{name}")}', STANDING_TYPES[name])
        else:
            return "'null'"
        told = _json(column.sql, column.type, operands)
        return f"coalesce({told}, {sql.text('[]' if name in _SETS else 'null')})"


def _stage(rules: StandingRules) -> str:
    stages = rules.lifecycle.stages if rules.lifecycle is not None else ()
    tests = []
    for stage in {each.name: each for each in reversed(stages)}.values():
        if stage.to is not None:
            allowed = sql.either(f"r.stage = {sql.text(name)}" for name in stage.to)
            tests.append(f"WHEN {sql.text(stage.name)} THEN ({allowed}) IS NOT TRUE")
    unexpected = f"coalesce(CASE b.stage {' '.join(tests)} END, FALSE)" if tests else "FALSE"
    return _of_rank(0, "stage", unexpected=unexpected)


def _tier(rules: StandingRules) -> str:
    names = [tier.name for tier in rules.tiers.tiers] if rules.tiers is not None else []
    if not names:
        return _of_rank(1, "tier")
    listed = f"[{', '.join(map(sql.text, names))}]"
    after, before = (f"list_position({listed}, {each}.tier)" for each in ("r", "b"))
    return _of_rank(1, "tier", rises=f"coalesce({after} < coalesce({before}, {len(names) + 1}), FALSE)")


def _of_rank(place: int, kind: str, *, rises: str = "FALSE", unexpected: str = "FALSE") -> str:
    part = {"rfm_group": "rfm"}.get(kind, kind)
    return (
        f"SELECT r.customer, {place} AS place, {sql.text(kind)} AS kind, b.{kind} AS before, r.{kind} AS after,"
        f" {rises} AS rises, {unexpected} AS unexpected, {sql.text(part)} AS part FROM {RANKS} AS r"
        f" LEFT JOIN {PREVIOUS} AS b ON b.customer = r.customer WHERE r.{kind} IS DISTINCT FROM b.{kind}"
    )


def _other_sets() -> str:
    """Whose tags or segments are not those of before: by digests, as joining all that everybody has costs much more.

    For other sets to have the same number, sum and parity of their hashes would take 128 bits of chance.
    """
    told = "count(*) AS often, sum(hash(kind, name)) AS total, bit_xor(hash(kind, name)) AS parity"
    before, after = (
        f"(SELECT customer, {told} FROM {each} GROUP BY customer)" for each in (PREVIOUS_SETS, MEMBERSHIPS)
    )
    differ = " OR ".join(f"b.{each} IS DISTINCT FROM a.{each}" for each in ("often", "total", "parity"))
    return (
        f"SELECT coalesce(b.customer, a.customer) AS customer FROM {before} AS b"
        f" FULL JOIN {after} AS a ON a.customer = b.customer WHERE {differ}"
    )


def _sets() -> Iterator[str]:
    """What was lost, and what was gained after that; in parts, as to hold all that everybody has takes much memory."""
    place = "CASE m.kind WHEN 'tag' THEN 3 ELSE 5 END"
    for part in range(_PARTS):
        here = f"customer % {_PARTS} = {part}"
        before, after = (f"(SELECT * FROM {each} WHERE {here})" for each in (sql.name(_BEFORE), sql.name(_AFTER)))
        for later, one, other in ((0, before, after), (1, after, before)):
            names = "NULL::VARCHAR, m.name" if later else "m.name, NULL::VARCHAR"
            yield (
                f"SELECT m.customer, {place} + {later}, m.kind, {names}, FALSE, FALSE, m.kind || ' ' || m.name"
                f" FROM {one} AS m ANTI JOIN {other} AS n"
                " ON n.customer = m.customer AND n.kind = m.kind AND n.name = m.name"
            )


def _json(column: str, kind: Type, operands: set[str]) -> str:
    match kind:
        case "set":
            named = f"[{', '.join(sql.text(each) for each in sorted(operands))}]::VARCHAR[]"
            return f"to_json(list_sort(list_intersect({column}, {named})))::VARCHAR"
        case "string":
            return f"to_json({column})::VARCHAR"
        case "instant":
            return f"'\"' || {_iso(column)} || '\"'"
        case "date" | "decimal":
            return f"'\"' || {column}::VARCHAR || '\"'"
        case _:
            return f"{column}::VARCHAR"


def _iso(instant: str) -> str:
    """As Python tells it: fractions of a second only where there are some."""
    told = f"make_timestamp({instant})"
    fraction = f"CASE WHEN {instant} % {_SECOND} <> 0 THEN strftime({told}, '.%f') ELSE '' END"
    return f"strftime({told}, '%Y-%m-%dT%H:%M:%S') || {fraction} || '+00:00'"
