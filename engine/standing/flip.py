"""The next flip: the earliest instant at which a customer's standing may change although nothing new happens.

It may name an instant at which nothing changes; it never misses one at which something does. What turns with time
alone: a fact told for a later instant comes true; a row leaves a window; days since something reach a number that a
rule compares with; a tag or a hand tag expires; tiers are reviewed; an attribute turns at local midnight.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from itertools import chain

from engine.attributes.definition import AttributeDefinition
from engine.attributes.facts import CustomerFacts
from engine.attributes.relation import Bought
from engine.attributes.relations import RELATIONS
from engine.calendar.local import day_of, instant_of
from engine.conditions.ast import Compare, Condition, Did, compares, dids
from engine.conditions.environment import Happening
from engine.conditions.operands import microseconds
from engine.conditions.types import Value
from engine.standing.cut_offs import CutOffs
from engine.standing.decide import HandTag, Standing
from engine.standing.definition import StandingRules
from engine.standing.order import conditions
from engine.standing.review import next_review
from engine.standing.uses import made_from, used_attributes

_DAY = 86_400_000_000
_SECOND = 1_000_000
DID, CALENDAR = "did ", "calendar"
"""Of what a flip follows from: begins the name of events of a kind; local midnights."""
LAST = "@last"
"""Ends the name of an attribute that holds the instant which a `days_since` counts from."""

# Their values depend on the instant only through the rows that exist, that a window holds, and what is known of them.
_OF_ROWS = frozenset(
    {"value", "count", "exists", "none", "share", "streak", "sum", "mean", "min", "max", "first", "last", "distinct"}
    | {"top", "interval", "median_interval", "hour", "weekday", "ratio"}
)
_DAYS_SINCE = {"days_since": "max", "days_since_first": "min"}
_Looked = tuple[str, tuple[int, ...], tuple[int, ...], tuple[int, ...], bool]
"""A relation, the places of its instants and of lists of them, its windows, and whether something counts in days."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What is looked at in a relation's rows: places of instants and of lists of them, windows in microseconds.

    `daily`: something of it counts in days.
    """

    relation: str
    instants: tuple[int, ...]
    lists: tuple[int, ...]
    windows: tuple[int, ...]
    daily: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """One customer as just evaluated: the facts, the values with their `@last`, and what was decided."""

    facts: CustomerFacts
    at: int
    values: Mapping[str, Value]
    standing: Standing
    hand_tags: Sequence[HandTag] = ()
    events: Mapping[str, Sequence[Happening]] | None = None
    cut_offs: CutOffs | None = None


class Flips:
    """What to look for, compiled from the rules: `flips(seen)` gives the next flip in microseconds, or None.

    `used` are the attributes that rules name and those that these are computed from; `companions` must be folded
    together with them; `names` are all of them; `events` the kinds of events that conditions count.

    Args:
        rules: the rules of standing.
        catalogue: the declared attributes by name.
        zone: the shop's, for the yearly review.
    """

    def __init__(self, rules: StandingRules, catalogue: Mapping[str, AttributeDefinition], zone: str = "UTC") -> None:
        self._rules, self._zone = rules, zone
        whens = tuple(chain.from_iterable(conditions(rules).values()))
        self._dids = tuple(chain.from_iterable(map(dids, whens)))
        self.events = frozenset(each.event for each in self._dids)
        used = self.used = used_attributes(rules, whens, catalogue)
        since = {name: each for name, each in used.items() if each.aggregate in _DAYS_SINCE}
        self.companions = {f"{name}{LAST}": _last(each) for name, each in since.items()}
        self.names = frozenset({*used, *self.companions})
        self._thresholds = {name: _thresholds(name, whens) for name in since}
        self._by_day = frozenset(since) & _computed_with(used)
        self._since_of = _by_relation(since)
        self.calendar = frozenset(name for name, each in used.items() if _turns_at_midnight(each))
        self._windows = _windows(used.values())
        self._daily = frozenset(
            each.of.partition(".")[0]
            for each in used.values()
            if not _turns_at_midnight(each) and each.aggregate not in _OF_ROWS and each.aggregate not in _DAYS_SINCE
        )
        self._expiring = tuple((tag.name, tag.expires * _SECOND) for tag in rules.tags if tag.expires is not None)
        self._looked_at = self._places({name: frozenset(of.columns) for name, of in RELATIONS.items()})

    def look_at(self, reads: Mapping[str, Collection[str]]) -> None:
        """From now on only these stored fields of each relation matter: nothing else is asked for."""
        self._looked_at = self._places(reads)

    def _places(self, reads: Mapping[str, Collection[str]]) -> tuple[_Looked, ...]:
        return tuple(
            (
                name,
                tuple(slot for slot in _INSTANTS[name] if slot == 0 or RELATIONS[name].columns[slot] in fields),
                tuple(slot for slot in _LISTS[name] if RELATIONS[name].columns[slot] in fields),
                self._windows.get(name, ()),
                name in self._daily,
            )
            for name, fields in reads.items()
        )

    @property
    def rules(self) -> StandingRules:
        """The rules of standing."""
        return self._rules

    @property
    def thresholds(self) -> Mapping[str, tuple[int, ...]]:
        """Of each attribute that counts days since something, the days at which a comparison with it turns."""
        return self._thresholds

    @property
    def by_day(self) -> frozenset[str]:
        """Those of them that others are computed from: they turn each day."""
        return self._by_day

    @property
    def expiring(self) -> tuple[tuple[str, int], ...]:
        """Tags that are lost by age, with it in microseconds."""
        return self._expiring

    def looked(self, reads: Mapping[str, Collection[str]]) -> tuple[Looked, ...]:
        """What is looked at in rows of which these stored fields are read."""
        return tuple(
            Looked(
                name,
                tuple(slot for slot in _INSTANTS[name] if slot == 0 or RELATIONS[name].columns[slot] in fields),
                tuple(slot for slot in _LISTS[name] if RELATIONS[name].columns[slot] in fields),
                self._windows.get(name, ()),
                daily=name in self._daily,
            )
            for name, fields in reads.items()
        )

    def __call__(self, seen: Seen) -> int | None:
        """The earliest instant after `seen.at` at which something may change."""
        at = seen.at
        found = chain(
            self._of_rows(seen, self._looked_at),
            self._of_days(seen, self._thresholds),
            self._of_events(seen, self._dids),
            self.of_standing(seen),
            self._of_the_calendar(seen),
        )
        return min((instant for instant in found if instant > at), default=None)

    def of_standing(self, seen: Seen) -> Iterator[int]:
        """Instants at which something turns that no fact tells: ends of tags, and what becomes of a tier."""
        yield from self._of_tags(seen)
        yield from self._of_tier(seen)

    def by_source(self, seen: Seen, only: Collection[str] | None = None) -> dict[str, int]:
        """The earliest instant after `seen.at` by what it follows from; what has none is left out.

        That is a relation by its name, `did KIND` for the events of a kind, and `calendar` for local midnights.

        Args:
            seen: the customer; values and rows are needed of what is asked for.
            only: what is asked for; default: all of it.
        """
        found = {
            source: min((instant for instant in instants if instant > seen.at), default=None)
            for source, instants in self._sources(seen, only)
        }
        return {source: instant for source, instant in found.items() if instant is not None}

    def _sources(self, seen: Seen, only: Collection[str] | None) -> Iterator[tuple[str, Iterator[int]]]:
        for looked in self._looked_at:
            if only is None or looked[0] in only:
                names = self._since_of.get(looked[0], ())
                yield looked[0], chain(self._of_rows(seen, (looked,)), self._of_days(seen, names))
        for kind in self.events:
            if only is None or f"{DID}{kind}" in only:
                yield f"{DID}{kind}", self._of_events(seen, [did for did in self._dids if did.event == kind])
        if only is None or CALENDAR in only:
            yield CALENDAR, self._of_the_calendar(seen)

    def _of_rows(self, seen: Seen, looked_at: Iterable[_Looked]) -> Iterator[int]:
        """Instants that lie ahead, ends of windows, and for what counts in days every next one."""
        at, found = seen.at, seen.facts.rows
        for name, slots, lists, windows, daily in looked_at:
            for row in found.get(name, ()):
                for slot in slots:
                    instant = row[slot]
                    if instant is not None and instant > at:  # type: ignore[operator]  # a slot of an instant
                        yield instant  # type: ignore[misc]
                for slot in lists:
                    for each in row[slot] or ():  # type: ignore[attr-defined]  # a list of instants of each purchase
                        yield from (one for one in each if one is not None)
                start = row[0]
                if start is not None:
                    for window in windows:
                        yield start + window  # type: ignore[operator]
                if daily:
                    for slot in slots:
                        if row[slot] is not None:
                            yield _next_day(row[slot], at)  # type: ignore[arg-type]

    def _of_days(self, seen: Seen, names: Iterable[str]) -> Iterator[int]:
        for name in names:
            fixed = self._thresholds[name]
            last = seen.values.get(f"{name}{LAST}")
            if not isinstance(last, int):
                continue
            if name in self._by_day:
                yield _next_day(last, seen.at)
                continue
            passed = (seen.at - last) // _DAY
            for days in (fixed, self.published(name, seen.cut_offs)):
                place = bisect_right(days, passed)
                if place < len(days):
                    yield last + days[place] * _DAY

    def published(self, name: str, cut_offs: CutOffs | None) -> tuple[int, ...]:
        """Days at which a measure or rank crosses a published cut-off."""
        rules, found = self._rules, []
        if cut_offs is None:
            return ()
        if rules.tiers is not None and rules.tiers.rank_by == name and cut_offs.tiers is not None:
            found += [each for each in cut_offs.tiers if isinstance(each, int)]
        if rules.rfm is not None and cut_offs.rfm is not None:
            for measure in ("recency", "frequency", "monetary"):
                if getattr(rules.rfm, measure).attribute == name:
                    published = getattr(cut_offs.rfm, measure)
                    passed = published.better == "less"  # it is reached by fewer days, and left on the day after
                    begins = (published.high, *published.scores)
                    found += [each + passed for each in begins if isinstance(each, int)]
        return tuple(sorted(found))

    def _of_events(self, seen: Seen, dids: Iterable[Did]) -> Iterator[int]:
        for did in dids:
            for at, _ in (seen.events or {}).get(did.event, ()):
                yield at
                if did.within_seconds is not None:
                    yield at + did.within_seconds * _SECOND

    def _of_tags(self, seen: Seen) -> Iterator[int]:
        for name, expires in self._expiring:
            if name in seen.standing.given:
                yield seen.standing.given[name] + expires
        for tag in seen.hand_tags:
            yield tag.at
            yield from (each for each in (tag.expires_at, tag.removed_at) if each is not None)

    def _of_tier(self, seen: Seen) -> Iterator[int]:
        tiers, standing = self._rules.tiers, seen.standing
        if tiers is None or standing.tier in (None, tiers.tiers[-1].name):
            return
        yield next_review(tiers.review, seen.at, self._zone)
        if standing.tier_ends_at is not None:
            yield standing.tier_ends_at

    def _of_the_calendar(self, seen: Seen) -> Iterator[int]:
        if any(seen.values.get(name) is not None for name in self.calendar):
            day = date.fromordinal(day_of(seen.facts.zone)(seen.at))
            yield microseconds(instant_of(day + timedelta(days=1), time(0), seen.facts.zone))


_INSTANTS: Mapping[str, tuple[int, ...]] = {
    name: tuple(
        sorted(
            {*(() if relation.at is None else (0,))}
            | {relation.slots[each] for each, field in relation.fields.items() if field.sql and field.since == each}
        )
    )
    for name, relation in RELATIONS.items()
}
"""Places of the instants at which something of a row comes true."""

_LISTS: Mapping[str, tuple[int, ...]] = {
    name: tuple(
        sorted(
            relation.slots[field.derived.purchases]
            for field in relation.fields.values()
            if isinstance(field.derived, Bought)
        )
    )
    for name, relation in RELATIONS.items()
}
"""Places of lists of such instants."""


def _next_day(start: int, at: int) -> int:
    return start + ((at - start) // _DAY + 1) * _DAY


def _by_relation(attributes: Mapping[str, AttributeDefinition]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, each in attributes.items():
        relation = each.of.partition(".")[0]
        found[relation] = (*found.get(relation, ()), name)
    return found


def _computed_with(used: Mapping[str, AttributeDefinition]) -> frozenset[str]:
    """Attributes that others are computed from: what those are compared with says nothing of these."""
    return frozenset(chain.from_iterable(made_from(each, used) for each in used.values()))


def _turns_at_midnight(definition: AttributeDefinition) -> bool:
    return definition.calendar or definition.aggregate == "age"


def _last(definition: AttributeDefinition) -> AttributeDefinition:
    of_person = definition.of.startswith("customer.")
    aggregate = "value" if of_person else _DAYS_SINCE[definition.aggregate]
    update = {"name": f"{definition.name}{LAST}", "aggregate": aggregate, "type": "instant"}
    return definition.model_copy(update=update)


def _windows(used: Iterable[AttributeDefinition]) -> dict[str, tuple[int, ...]]:
    windows: dict[str, set[int]] = {}
    for each in used:
        if each.within_seconds is not None:
            windows.setdefault(each.of.partition(".")[0], set()).add(each.within_seconds * _SECOND)
    return {name: tuple(sorted(lengths)) for name, lengths in windows.items()}


def _thresholds(name: str, whens: Iterable[Condition]) -> tuple[int, ...]:
    """Numbers of days at which a comparison with this attribute can change, in order."""
    tests = (test for when in whens for test in compares(when) if test.name == name)
    return tuple(sorted({days for test in tests for number in _numbers(test) for days in _turns(test, number)}))


def _numbers(test: Compare) -> Iterator[int]:
    for each in (test.operand, *test.operands):
        if isinstance(each, int) and not isinstance(each, bool):
            yield each
        elif isinstance(each, str):
            yield int(Decimal(each))


def _turns(test: Compare, number: int) -> tuple[int, ...]:
    """At N a value reaches it, one day later it has passed it; what compares order turns at one of both."""
    match test.operator:
        case "gte" | "lt":
            return (number,)
        case "gt" | "lte":
            return (number + 1,)
        case _:
            return number, number + 1
