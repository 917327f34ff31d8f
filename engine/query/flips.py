"""When everybody's standing may change next although nothing new happens, as `engine.standing.flip` says of one.

`FLIPS` has `customer` and `instant`, the earliest after the decision's own, in microseconds; no row: never. It is made
after the statements of `engine.query.standing`, of the tables that those need and make.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, time, timedelta

from engine.attributes.relations import RELATIONS
from engine.calendar.local import day_of, instant_of
from engine.conditions.operands import microseconds
from engine.query import sql
from engine.query.conditions import Column
from engine.query.dialect import DUCKDB
from engine.query.standing import GIVEN, HAND_TAGS, RANKS, VALUES
from engine.standing.cut_offs import CutOffs
from engine.standing.flip import LAST, Flips, Looked
from engine.standing.review import Reviews

FLIPS, MIDNIGHTS, EVENT_FLIPS = "flips", "midnights", "event_flips"
"""MIDNIGHTS: `zone` and `instant`, the next local midnight of each zone of people; EVENT_FLIPS: `customer`
and `instant` at which the answer to a question to the events may change."""

_DAY = 86_400_000_000


def compile_flips(
    flips: Flips, looked: Sequence[Looked], columns: Mapping[str, Column], at: int, cut_offs: CutOffs | None, zone: str
) -> list[str]:
    """The statements that make FLIPS.

    Args:
        flips: what to look for.
        looked: at which fields of rows, as `Flips.looked` tells.
        columns: the columns of VALUES, with the companions of `flips`.
        at: the instant of the decision.
        cut_offs: the published ones.
        zone: the policy's.
    """
    found = _Writer(flips, looked, columns, at, cut_offs, zone).found()
    earliest = (
        f"SELECT customer, min(instant) AS instant FROM ({' UNION ALL '.join(found)}) WHERE instant > {sql.whole(at)}"
    )
    return [f"CREATE OR REPLACE TEMP TABLE {FLIPS} AS {earliest} GROUP BY customer"]


def midnights(zones: Iterable[str], at: int) -> Iterator[tuple[str, int]]:
    """The rows of MIDNIGHTS: the first midnight after an instant on each zone's clocks."""
    for zone in sorted(set(zones)):
        day = date.fromordinal(day_of(zone)(at))
        yield zone, microseconds(instant_of(day + timedelta(days=1), time(0), zone))


class _Writer:
    def __init__(
        self,
        flips: Flips,
        looked: Sequence[Looked],
        columns: Mapping[str, Column],
        at: int,
        cut_offs: CutOffs | None,
        zone: str,
    ) -> None:
        self._flips, self._looked, self._columns = flips, looked, columns
        self._cut_offs, self._zone = cut_offs, zone
        self._instant, self._at = at, sql.whole(at)

    def found(self) -> Iterator[str]:
        yield from self._of_rows()
        yield from self._of_days()
        yield f"SELECT customer, instant FROM {EVENT_FLIPS}"
        yield from self._of_tags()
        yield from self._of_tier()
        yield from self._of_the_calendar()

    def _of_rows(self) -> Iterator[str]:
        for looked in self._looked:
            columns = RELATIONS[looked.relation].columns
            instants = [sql.name(columns[slot]) for slot in looked.instants]
            told = [self._ahead(each) for each in instants]
            told += [self._ahead(f'"@at" + {sql.whole(window)}') for window in looked.windows]
            told += [self._next_day(each) for each in instants] if looked.daily else []
            table = sql.name(looked.relation)
            if told:
                yield f"SELECT customer, min({_least(told)}) AS instant FROM {table} GROUP BY customer"
            for slot in looked.lists:
                yield f"SELECT customer, unnest(flatten({sql.name(columns[slot])})) AS instant FROM {table}"

    def _of_days(self) -> Iterator[str]:
        told = [each for name, fixed in self._flips.thresholds.items() for each in self._of_one(name, fixed)]
        if told:
            yield f'SELECT customer, {_least(told)} AS instant FROM "{VALUES}" AS "v"'

    def _of_one(self, name: str, fixed: Sequence[int]) -> Iterator[str]:
        last = self._columns[f"{name}{LAST}"].sql
        if name in self._flips.by_day:
            yield self._next_day(last)
            return
        passed = DUCKDB.floored(f"({self._at} - {last})", _DAY)
        for days in (fixed, self._flips.published(name, self._cut_offs)):
            whens = [f"WHEN {passed} < {each} THEN {last} + {sql.whole(each * _DAY)}" for each in sorted(set(days))]
            if whens:
                yield f"CASE {' '.join(whens)} END"

    def _of_tags(self) -> Iterator[str]:
        for name, expires in self._flips.expiring:
            yield f"SELECT customer, since + {sql.whole(expires)} AS instant FROM {GIVEN} WHERE tag = {sql.text(name)}"
        for column in ("given_at", "expires_at", "removed_at"):
            yield f"SELECT customer, {column} AS instant FROM {HAND_TAGS}"

    def _of_tier(self) -> Iterator[str]:
        tiers = self._flips.rules.tiers
        if tiers is None:
            return
        review = sql.whole(Reviews(tiers.review, self._zone).around(self._instant)[1])
        may_fall = f"tier <> {sql.text(tiers.tiers[-1].name)}"
        yield f"SELECT customer, {review} AS instant FROM {RANKS} WHERE {may_fall}"
        yield f"SELECT customer, tier_ends_at AS instant FROM {RANKS} WHERE {may_fall}"

    def _of_the_calendar(self) -> Iterator[str]:
        known = [f"{self._columns[name].sql} IS NOT NULL" for name in sorted(self._flips.calendar)]
        if known:
            zone = f"coalesce(nullif(p.zone, ''), {sql.text(self._zone)})"
            yield (
                f'SELECT p.customer, m.instant FROM "{VALUES}" AS "v" JOIN people AS p ON p.customer = "v".customer'
                f" JOIN {MIDNIGHTS} AS m ON m.zone = {zone} WHERE {sql.either(known)}"
            )

    def _ahead(self, instant: str) -> str:
        return f"CASE WHEN {instant} > {self._at} THEN {instant} END"

    def _next_day(self, start: str) -> str:
        return f"({start} + ({DUCKDB.floored(f'({self._at} - {start})', _DAY)} + 1) * {_DAY})"


def _least(told: Sequence[str]) -> str:
    """The least of those that are known."""
    return told[0] if len(told) == 1 else f"least({', '.join(told)})"
