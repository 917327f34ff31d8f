"""Rules of standing compiled to statements that decide everybody at once, as `engine.standing.decide` decides one.

Who has a tag or is in a segment is kept sparsely: a row for each, and none for the many whom a rule does not concern.
Each rule is a scan of the columns that it names, in chunks of rules; parts that name others come after them, level by
level. What only one value of is had (stage, tier, RFM) stands in narrow tables.

Tables that must be there, instants in microseconds since the epoch:

| table | columns |
|---|---|
| VALUES | `customer` and the attributes that the rules name, as `engine.query.attributes` gives them |
| PREVIOUS | of those who had a standing: `customer`, `decided_at`, and as in RANKS but for `stages` |
| PREVIOUS_GIVEN | `customer`, `tag`, `since`: since when the conditions of their tags have held |
| HAND_TAGS | `customer`, `tag`, `given_at`, `expires_at`, `removed_at` |
| ANSWERS | `customer`, `question`: who is answered yes to a question to the events, by its number in `questions` |

Tables that the statements make: GIVEN (as PREVIOUS_GIVEN), MEMBERSHIPS (`customer`, `kind`, `name`) and RANKS, one row
a customer (`customer`, `stage`, `stages`, `tier`, `tier_ends_at`, `rfm_group`, `rfm_recency`, `rfm_frequency`,
`rfm_monetary`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import chain, groupby

from engine.conditions.ast import Compare, Condition, Did, StepIs, compares, dids
from engine.conditions.operands import ready
from engine.conditions.types import Type
from engine.query import sql
from engine.query.conditions import Column, ConditionWriter
from engine.standing.cut_offs import CutOffs, MeasureCutOffs, Number
from engine.standing.decide import STANDING_TYPES
from engine.standing.definition import Rfm, StandingRules, Tiers
from engine.standing.order import conditions, dependencies
from engine.standing.review import Reviews

VALUES, PREVIOUS, PREVIOUS_GIVEN, HAND_TAGS, ANSWERS = "values", "previous", "previous_given", "hand_tags", "answers"
GIVEN, MEMBERSHIPS, RANKS = "given", "memberships", "ranks"
BESIDE = "beside"
CHUNK = 40
"""Rules of one statement."""

_SETS = {"tags": "tag", "segments": "segment"}
_RANKS: Mapping[str, str] = {
    "stage": "VARCHAR",
    "tier": "VARCHAR",
    "tier_ends_at": "BIGINT",
    "rfm_group": "VARCHAR",
    "rfm_recency": "INTEGER",
    "rfm_frequency": "INTEGER",
    "rfm_monetary": "INTEGER",
}
_OF_PART = {"stage": ("stage", "stages"), "tier": ("tier", "tier_ends_at"), "rfm": tuple(_RANKS)[3:]}
_MEASURES = ("recency", "frequency", "monetary")


def questions(rules: StandingRules) -> tuple[Did, ...]:
    """The questions to the events that the rules ask; a question's number is its place."""
    return tuple(dict.fromkeys(chain.from_iterable(map(dids, chain.from_iterable(conditions(rules).values())))))


@dataclass(frozen=True)
class Asked:
    """What a decision of everybody is asked with.

    Attributes:
        rules: the rules.
        columns: the columns of VALUES by the names of their attributes.
        at: the instant.
        cut_offs: the published ones; without them tier and RFM group stay as they were.
        currency: the reporting currency.
        zone: the shop's, for the yearly review.
    """

    rules: StandingRules
    columns: Mapping[str, Column]
    at: int
    cut_offs: CutOffs = field(default_factory=CutOffs)
    currency: str | None = None
    zone: str = "UTC"


def compile_standing(asked: Asked) -> list[str]:
    """The statements, in the order in which they are to be executed.

    Raises:
        ValueError: parts depend on each other in a circle, or a condition cannot be compiled.
    """
    return [*_Compiler(asked).statements()]


class _Compiler:
    def __init__(self, asked: Asked) -> None:
        self._asked, self._rules = asked, asked.rules
        self._whens = conditions(asked.rules)
        self._places = {question: place for place, question in enumerate(questions(asked.rules))}
        self._tags = {f"tag {each.name}": each for each in asked.rules.tags}

    def statements(self) -> Iterator[str]:
        yield f"CREATE OR REPLACE TEMP TABLE {GIVEN} (customer BIGINT, tag VARCHAR, since BIGINT)"
        yield f"CREATE OR REPLACE TEMP TABLE {MEMBERSHIPS} (customer BIGINT, kind VARCHAR, name VARCHAR)"
        lasting = " AND ".join(f"({end} IS NULL OR {end} > {self._at})" for end in ("expires_at", "removed_at"))
        yield (
            "CREATE OR REPLACE TEMP TABLE by_hand AS"
            f" SELECT DISTINCT customer, tag FROM {HAND_TAGS} WHERE given_at <= {self._at} AND {lasting}"
        )
        yield f"INSERT INTO {MEMBERSHIPS} SELECT customer, 'tag', tag FROM by_hand"
        for parts in self._levels():
            yield from self._beside([part for part in parts if part not in _OF_PART])
            yield from self._sparse([part for part in parts if part.startswith("segment ")], self._segments)
            yield from self._sparse([part for part in parts if part in self._tags], self._holding)
            yield from self._given([part for part in parts if part in self._tags])
            yield from (self._rank(part) for part in parts if part in _OF_PART)
        yield f"DROP TABLE IF EXISTS {BESIDE}"
        yield self._ranks()

    @property
    def _at(self) -> str:
        return sql.whole(self._asked.at)

    def _levels(self) -> Iterator[list[str]]:
        """The parts in groups, each after those that its parts name."""
        needs, level = dependencies(self._rules), dict[str, int]()

        def place(part: str, above: tuple[str, ...]) -> int:
            if part in above:
                raise ValueError(f"standing depends on itself: {' -> '.join((*above, part))}")
            if part not in level:
                level[part] = max((place(each, (*above, part)) + 1 for each in needs[part]), default=0)
            return level[part]

        for part in needs:
            place(part, ())
        for _, parts in groupby(sorted(level, key=lambda part: level[part]), key=lambda part: level[part]):
            yield list(parts)

    def _sparse(self, parts: Sequence[str], write: Callable[[Sequence[str]], str]) -> Iterator[str]:
        for start in range(0, len(parts), CHUNK):
            yield write(parts[start : start + CHUNK])

    def _beside(self, parts: Sequence[str]) -> Iterator[str]:
        """What parts name of standing and events, beside the values that they name: joined once for all of them."""
        whens = [when for part in parts for when in self._whens[part] if self._named([when])]
        if not whens:
            return
        values = {test.name for when in whens for test in compares(when) if test.name in self._asked.columns}
        told = {name: self._asked.columns[name].sql for name in sorted(values)}
        for name, column in self._named(whens).items():
            told[f"@{name}"] = column.sql
        listed = ", ".join(f"{column} AS {sql.name(name)}" for name, column in told.items())
        yield f'CREATE OR REPLACE TEMP TABLE {BESIDE} AS SELECT "v".customer, {listed} FROM {self._source(whens)}'

    def _named(self, whens: Iterable[Condition]) -> dict[str, Column]:
        """What conditions name of standing and of events, over what `_source` joins."""
        named: dict[str, Column] = {}
        for when in whens:
            for test in compares(when):
                for each in _members(test):
                    named[each] = Column(f'coalesce("m".{sql.name(each)}, FALSE)', "boolean")
                part = next((part for part, names in _OF_PART.items() if test.name in names), None)
                if part in self._whens:
                    named[test.name] = Column(f"of_{part}.{test.name}", _type(test.name))
            for question in dids(when):
                place = self._places[question]
                named[f"q{place}"] = Column(f"(q{place}.customer IS NOT NULL)", "boolean")
        return named

    def _segments(self, parts: Sequence[str]) -> str:
        return f"INSERT INTO {MEMBERSHIPS} " + self._each(parts, lambda name: f"'segment', {name}")

    def _holding(self, parts: Sequence[str]) -> str:
        """For whom conditions of tags hold, and since when: as before, or from now on."""
        holding = self._each(parts, lambda name: f"{name} AS tag")
        return (
            f"INSERT INTO {GIVEN} SELECT h.customer, h.tag, coalesce(p.since, {self._at}) FROM ({holding}) AS h"
            f" LEFT JOIN {PREVIOUS_GIVEN} AS p ON p.customer = h.customer AND p.tag = h.tag"
        )

    def _each(self, parts: Sequence[str], told: Callable[[str], str]) -> str:
        return " UNION ALL ".join(self._of(part, told) for part in parts)

    def _of(self, part: str, told: Callable[[str], str]) -> str:
        (when,) = self._whens[part]
        name, beside = sql.text(part.partition(" ")[2]), self._named([when])
        source = f'{BESIDE if beside else sql.name(VALUES)} AS "v"'
        return f'SELECT "v".customer, {told(name)} FROM {source} WHERE {self._holds(when, beside=beside)}'

    def _given(self, parts: Sequence[str]) -> Iterator[str]:
        """Who has not lost the tag by its age."""
        if not parts:
            return
        names = ", ".join(sql.text(part.partition(" ")[2]) for part in parts)
        ages = [
            f"WHEN {sql.text(self._tags[part].name)} THEN {sql.whole(expires * 1_000_000)}"
            for part in parts
            if (expires := self._tags[part].expires) is not None
        ]
        lost = f" AND coalesce(g.since + CASE g.tag {' '.join(ages)} END > {self._at}, TRUE)" if ages else ""
        yield (
            f"INSERT INTO {MEMBERSHIPS} SELECT g.customer, 'tag', g.tag FROM {GIVEN} AS g"
            f" WHERE g.tag IN ({names}){lost}"
            " AND NOT EXISTS (SELECT 1 FROM by_hand AS h WHERE h.customer = g.customer AND h.tag = g.tag)"
        )

    def _rank(self, part: str) -> str:
        whens = self._whens[part]
        match part:
            case "stage":
                columns = self._stage()
            case "tier":
                assert self._rules.tiers is not None
                columns = self._tier(self._rules.tiers)
            case _:
                assert self._rules.rfm is not None
                columns = self._rfm(self._rules.rfm)
        source = self._source(whens, previous=part != "stage")
        return f'CREATE OR REPLACE TEMP TABLE of_{part} AS SELECT "v".customer, {columns} FROM {source}'

    def _stage(self) -> str:
        assert self._rules.lifecycle is not None
        tests = [(sql.text(each.name), self._holds(each.when)) for each in self._rules.lifecycle.stages]
        every = ", ".join(f"CASE WHEN {test} THEN {name} END" for name, test in tests)
        first = " ".join(f"WHEN {test} THEN {name}" for name, test in tests)
        stages = f"list_filter([{every}]::VARCHAR[], lambda x: x IS NOT NULL)"
        return (
            f"CASE {first} END AS stage, {stages} AS stages"
            if tests
            else "NULL::VARCHAR AS stage, []::VARCHAR[] AS stages"
        )

    def _tier(self, tiers: Tiers) -> str:
        """The place by rank; who would fall keeps the tier until the grace after a review is over."""
        cut_offs, names = self._asked.cut_offs.tiers, [sql.text(tier.name) for tier in tiers.tiers]
        if cut_offs is None:
            return '"b".tier, "b".tier_ends_at'
        rank = self._asked.columns[tiers.rank_by]
        base = "TRUE" if tiers.base is None else self._holds(tiers.base)
        reached = " ".join(
            f"WHEN {base} AND {rank.sql} >= {_number(each)} THEN {place}"
            for place, each in enumerate(cut_offs)
            if each is not None
        )
        place = f"CASE {reached} ELSE {len(cut_offs)} END" if reached else str(len(cut_offs))
        held = f'list_position([{", ".join(names)}], "b".tier) - 1'
        review, _ = Reviews(tiers.review, self._asked.zone).around(self._asked.at)
        ends = (
            f'coalesce("b".tier_ends_at, CASE WHEN "b".decided_at < {sql.whole(review)}'
            f" THEN {sql.whole(review + tiers.grace * 1_000_000)} END)"
        )
        falls = f"coalesce({place} > {held}, FALSE)"
        keeps = f"({falls} AND ({ends} IS NULL OR {ends} > {self._at}))"
        named = f"([{', '.join(names)}])[{place} + 1]"
        kept = f'CASE WHEN {keeps} THEN "b".tier ELSE {named} END AS tier'
        return f"{kept}, CASE WHEN {keeps} THEN {ends} END AS tier_ends_at"

    def _rfm(self, rfm: Rfm) -> str:
        cut_offs, names = self._asked.cut_offs.rfm, _OF_PART["rfm"]
        if cut_offs is None:
            return ", ".join(f'"b".{name}' for name in names)
        columns = [self._asked.columns[getattr(rfm, each).attribute].sql for each in _MEASURES]
        measures: list[MeasureCutOffs] = [getattr(cut_offs, each) for each in _MEASURES]
        counted = sql.both([self._holds(rfm.base), *(f"{each} IS NOT NULL" for each in columns)])
        high = [_reaches(each, column, each.high) for each, column in zip(measures, columns, strict=True)]
        named = {(each.recent, each.frequent, each.valuable): each.name for each in rfm.groups}  # the last, as the fold
        groups = " ".join(
            f"WHEN {sql.both(map(_is, high, wanted))} THEN {sql.text(name)}" for wanted, name in named.items()
        )
        group = f"CASE WHEN {counted} THEN CASE {groups} END END" if groups else "NULL::VARCHAR"
        scores = [
            f"CASE WHEN {counted} THEN {_score(each, column)} END AS {name}"
            for each, column, name in zip(measures, columns, names[1:], strict=True)
        ]
        return f"{group} AS rfm_group, {', '.join(scores)}"

    def _ranks(self) -> str:
        """One row a customer."""
        parts = [part for part in _OF_PART if part in self._whens]
        there = {name for part in parts for name in _OF_PART[part]}
        columns = [name if name in there else f"NULL::{kind} AS {name}" for name, kind in _RANKS.items()]
        columns.append("stages" if "stages" in there else "[]::VARCHAR[] AS stages")
        joins = "".join(f" LEFT JOIN of_{part} USING (customer)" for part in parts)
        told = ", ".join(columns)
        return f'CREATE OR REPLACE TEMP TABLE {RANKS} AS SELECT customer, {told} FROM "{VALUES}"{joins}'

    def _source(self, whens: Iterable[Condition], *, previous: bool = False) -> str:
        """Everybody's values, with what the conditions name of standing and of events."""
        tests = [test for when in whens for test in compares(when)]
        joins = [f' LEFT JOIN {PREVIOUS} AS "b" ON "b".customer = "v".customer'] if previous else []
        if members := sorted({each for test in tests for each in _members(test)}):
            joins.append(f' LEFT JOIN ({_members_named(members)}) AS "m" ON "m".customer = "v".customer')
        of = {part for test in tests for part, names in _OF_PART.items() if test.name in names and part in self._whens}
        joins += [f' LEFT JOIN of_{part} ON of_{part}.customer = "v".customer' for part in sorted(of)]
        asked = {self._places[each] for when in whens for each in dids(when)}
        joins += [
            f" LEFT JOIN (SELECT DISTINCT customer FROM {ANSWERS} WHERE question = {place}) AS q{place}"
            f' ON q{place}.customer = "v".customer'
            for place in sorted(asked)
        ]
        return f'"{VALUES}" AS "v"{"".join(joins)}'

    def _holds(self, when: Condition, *, beside: object = None) -> str:
        """The expression of a condition over what `_source` joins or, `beside`, over the table that has it all."""
        named = self._named([when])
        if beside:
            named = {name: replace(column, sql=f'"v".{sql.name(f"@{name}")}') for name, column in named.items()}

        def read(name: str) -> Column | None:
            if name in STANDING_TYPES:
                return named.get(name)
            found = self._asked.columns.get(name)
            return replace(found, sql=f'"v".{sql.name(name)}') if found is not None and beside else found

        def ask(question: Did | StepIs) -> str:
            if isinstance(question, StepIs):  # nobody is on a journey here
                return "TRUE" if not question.is_ else "FALSE"
            return named[f"q{self._places[question]}"].sql

        return _Writer(read, {name: each.sql for name, each in named.items()}, self._asked.currency, ask).write(when)


class _Writer(ConditionWriter):
    """Of `tags` and `segments` only those that are named are read, each as a column of its own: lists cost far more."""

    def __init__(
        self,
        read: Callable[[str], Column | None],
        members: Mapping[str, str],
        currency: str | None,
        ask: Callable[[Did | StepIs], str],
    ) -> None:
        super().__init__(read, currency=currency, ask=ask)
        self._members = members

    def _compare(self, compare: Compare) -> str:
        if compare.name not in _SETS:
            return super()._compare(compare)
        test = ready(compare, "set", self._currency)
        named = [self._members[each] for each in _members(compare)]
        match test.operator:
            case "known" | "not_in":  # sets of standing are always known, and no set is a text
                return "TRUE"
            case "has_any":
                return sql.either(named)
            case "has_none":
                return f"(NOT {sql.either(named)})"
            case "has_all":
                return sql.both(named) if all(isinstance(each, str) for each in compare.operands) else "FALSE"
            case _:
                return "FALSE"


def _members(test: Compare) -> list[str]:
    """What a comparison names of tags or segments, each by its kind and name."""
    return [f"{_SETS[test.name]} {each}" for each in _words(test)] if test.name in _SETS else []


def _members_named(members: Iterable[str]) -> str:
    """Of everybody who has or is in any of them a row with a column for each."""
    parts = {each: each.partition(" ") for each in members}
    tests = {each: f"(kind = {sql.text(kind)} AND name = {sql.text(name)})" for each, (kind, _, name) in parts.items()}
    listed = ", ".join(f"bool_or({test}) AS {sql.name(each)}" for each, test in tests.items())
    return f"SELECT customer, {listed} FROM {MEMBERSHIPS} WHERE {sql.either(tests.values())} GROUP BY customer"


def _words(test: Compare) -> tuple[str, ...]:
    return tuple(each for each in (test.operand, *test.operands) if isinstance(each, str))


def _type(name: str) -> Type:
    return "instant" if name == "tier_ends_at" else "integer" if _RANKS.get(name) == "INTEGER" else "string"


def _number(value: Number) -> str:
    if not isinstance(value, Decimal):
        return sql.whole(value)
    scale = max(0, -int(value.as_tuple().exponent))
    return sql.decimal(int(value.scaleb(scale)), scale)


def _reaches(measure: MeasureCutOffs, column: str, cut_off: Number | None) -> str:
    if cut_off is None:
        return "FALSE"
    return f"({column} {'<=' if measure.better == 'less' else '>='} {_number(cut_off)})"


def _score(measure: MeasureCutOffs, column: str) -> str:
    return " + ".join(["1", *(f"{_reaches(measure, column, each)}::INTEGER" for each in measure.scores)])


def _is(test: str, wanted: bool) -> str:  # noqa: FBT001 -- what a group wants of a measure
    return test if wanted else f"(NOT {test})"
