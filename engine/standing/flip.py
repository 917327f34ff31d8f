"""The next flip: the earliest instant at which a customer's standing may change although nothing new happens.

It may name an instant at which nothing changes; it never misses one at which something does. What turns with time
alone: a fact told for a later instant comes true; a row leaves a window; days since something reach a number that a
rule compares with; a tag or a hand tag expires; tiers are reviewed; an attribute turns at local midnight.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple

from engine.attributes.definition import AttributeDefinition
from engine.attributes.facts import CustomerFacts
from engine.attributes.relation import Bought
from engine.attributes.relations import RELATIONS
from engine.calendar.local import day_of, instant_of
from engine.conditions.ast import Compare, Condition, Did, compares, dids
from engine.conditions.environment import Happening
from engine.conditions.generated import Constants, function
from engine.conditions.operands import microseconds
from engine.conditions.types import Value
from engine.standing.cut_offs import CutOffs
from engine.standing.decide import HandTag, Standing
from engine.standing.definition import StandingRules
from engine.standing.order import conditions
from engine.standing.review import Reviews
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
_OfRows = Callable[[Mapping[str, Sequence[Any]], int], int]
"""A function of a customer's rows and an instant: the first instant after it at which something of them turns."""
NEVER = 1 << 62
_Counted = tuple[str, str, tuple[int, ...]]
"""What counts days, the name of the instant that it counts from, and the numbers of days that matter."""


class Looked(NamedTuple):
    """What is looked at in a relation's rows: places of instants and of lists of them, windows in microseconds.

    `daily`: something of it counts in days.
    """

    relation: str
    instants: tuple[int, ...]
    lists: tuple[int, ...]
    windows: tuple[int, ...]
    daily: bool


class Seen(NamedTuple):
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
    together with them; `names` are all of them;
    `events` the kinds of events that conditions count, `counted` the attributes that count days since something.

    Args:
        rules: the rules of standing.
        catalogue: the declared attributes by name.
        zone: the shop's, for the yearly review.
    """

    def __init__(self, rules: StandingRules, catalogue: Mapping[str, AttributeDefinition], zone: str = "UTC") -> None:
        self._rules = rules
        self._reviews = None if rules.tiers is None else Reviews(rules.tiers.review, zone)
        whens = tuple(chain.from_iterable(conditions(rules).values()))
        self._dids = tuple(chain.from_iterable(map(dids, whens)))
        self.events = frozenset(each.event for each in self._dids)
        used = self.used = used_attributes(rules, whens, catalogue)
        since = {name: each for name, each in used.items() if each.aggregate in _DAYS_SINCE}
        self.companions = {f"{name}{LAST}": _last(each) for name, each in since.items()}
        self.names = frozenset({*used, *self.companions})
        self._counted = tuple((name, f"{name}{LAST}", _thresholds(name, whens)) for name in since)
        self._counted_in = {name: _counted_in(name, since, self._counted) for name in RELATIONS}
        self.counted = frozenset(since)
        self._ranked = frozenset(_ranked(rules))
        self._by_day = frozenset(since) & _computed_with(used)
        self.calendar = frozenset(name for name, each in used.items() if _turns_at_midnight(each))
        self._windows = _windows(used.values())
        self._daily = frozenset(
            each.of.partition(".")[0]
            for each in used.values()
            if not _turns_at_midnight(each) and each.aggregate not in _OF_ROWS and each.aggregate not in _DAYS_SINCE
        )
        self._expiring = tuple((tag.name, tag.expires * _SECOND) for tag in rules.tags if tag.expires is not None)
        self.look_at({name: frozenset(of.columns) for name, of in RELATIONS.items()})

    def look_at(self, reads: Mapping[str, Collection[str]]) -> None:
        """From now on only these stored fields of each relation matter: nothing else is asked for."""
        self._looked, self._of_relation = self.looked(reads), dict[str, _OfRows]()
        self._of_rows = self._rows(self._looked)

    @property
    def rules(self) -> StandingRules:
        """The rules of standing."""
        return self._rules

    @property
    def thresholds(self) -> Mapping[str, tuple[int, ...]]:
        """Of each attribute that counts days since something, the days at which a comparison with it turns."""
        return {name: fixed for name, _, fixed in self._counted}

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

    def _rows(self, every: Iterable[Looked]) -> _OfRows:
        """Generated source that looks at instants that lie ahead, ends of windows, and what counts in days."""
        constants = Constants()
        body = [f"first = {NEVER}"]
        for name, slots, lists, windows, daily in every:
            inner: list[str] = []
            for slot in slots:
                inner += [f"v = r[{slot}]", "if v is not None:", "    if at < v < first: first = v"]
                found = [f"v + {window}" for window in (windows if slot == 0 else ())]
                found += [f"{constants.name(_next_day)}(v, at)"] if daily else []
                inner += [f"    if at < (w := {each}) < first: first = w" for each in found]
            for slot in lists:
                inner += [f"for each in r[{slot}] or ():", "    for v in each:"]
                inner += ["        if v is not None and at < v < first: first = v"]
            if inner:
                body += [f"for r in rows.get({name!r}, ()):", *(f"    {line}" for line in inner)]
        made: _OfRows = function("rows, at", [*body, "return first"], constants)
        return made

    def __call__(self, seen: Seen) -> int | None:
        """The earliest instant after `seen.at` at which something may change."""
        return earliest(self.of_facts(seen), self.of_days(seen.values, seen.at, seen.cut_offs))

    def of_facts(self, seen: Seen) -> int:
        """The same of all but days since something: it does not depend on cut-offs. NEVER where there is none."""
        at = seen.at
        first = self._of_rows(seen.facts.rows, at)
        others = (
            self._of_events(seen, self._dids) if self._dids else (),
            self.of_standing(seen),
            self._of_the_calendar(seen) if self.calendar else (),
        )
        for found in others:
            for instant in found:
                if at < instant < first:
                    first = instant
        return first

    def of_standing(self, seen: Seen) -> Iterator[int]:
        """Instants at which something turns that no fact tells: ends of tags, and what becomes of a tier."""
        if self._expiring or seen.hand_tags:
            yield from self._of_tags(seen)
        yield from self._of_tier(seen.standing, seen.at)

    def by_source(self, seen: Seen, only: Collection[str] | None = None) -> dict[str, int]:
        """The earliest instant after `seen.at` by what it follows from; what has none is left out.

        That is a relation by its name, `did KIND` for the events of a kind, and `calendar` for local midnights.

        Args:
            seen: the customer; values and rows are needed of what is asked for.
            only: what is asked for; default: all of it.
        """
        return {source: instant for source, instant in self._sources(seen, only) if instant != NEVER}

    def _sources(self, seen: Seen, only: Collection[str] | None) -> Iterator[tuple[str, int]]:
        rows, values, at = seen.facts.rows, seen.values, seen.at
        for looked in self._looked:
            name = looked.relation
            if only is None or name in only:
                days = self.of_days(values, at, seen.cut_offs, self._counted_in[name])
                yield name, min(self._rows_of(looked)(rows, at), days)
        for kind in self.events:
            if only is None or f"{DID}{kind}" in only:
                yield (
                    f"{DID}{kind}",
                    _after(at, self._of_events(seen, [did for did in self._dids if did.event == kind])),
                )
        if only is None or CALENDAR in only:
            yield CALENDAR, _after(at, self._of_the_calendar(seen))

    def _rows_of(self, looked: Looked) -> _OfRows:
        """The function of one relation's rows, generated when it is first asked for."""
        if looked.relation not in self._of_relation:
            self._of_relation[looked.relation] = self._rows((looked,))
        return self._of_relation[looked.relation]

    def of_days(
        self, values: Mapping[str, Value], at: int, cut_offs: CutOffs | None, counted: Iterable[_Counted] | None = None
    ) -> int:
        """When days since something reach a number that a rule or a cut-off names. NEVER where they do not.

        `counted`: of these alone; default: of all.
        """
        first = NEVER
        for name, since, fixed in self._counted if counted is None else counted:
            last = values.get(since)
            if not isinstance(last, int):
                continue
            if name in self._by_day:
                first = min(first, _next_day(last, at))
                continue
            passed = (at - last) // _DAY
            for days in (fixed, self.published(name, cut_offs)):
                if days and passed < days[-1]:
                    turns = last + days[bisect_right(days, passed)] * _DAY
                    first = min(first, turns)
        return first

    def steady_until(self, facts: CustomerFacts, values: Mapping[str, Value], at: int) -> int:
        """Until when the values stay as they are as of an instant, but for days that go on: see `days_at`."""
        first = self._of_rows(facts.rows, at)
        if self._by_day:
            first = min(first, self.of_days(values, at, None))
        seen = Seen(facts, at, values, Standing())
        return min((first, *self._of_the_calendar(seen))) if self.calendar else first

    def days_at(self, values: Mapping[str, Value], at: int) -> dict[str, Value]:
        """The values as of a later instant before which nothing turns: days since something have gone on."""
        later = dict(values)
        for name, since, _ in self._counted:
            last = values.get(since)
            if isinstance(last, int):
                later[name] = (at - last) // _DAY
        return later

    def published(self, name: str, cut_offs: CutOffs | None) -> Sequence[int]:
        """Days at which a measure or rank crosses a published cut-off, in order."""
        rules = self._rules
        if cut_offs is None or name not in self._ranked:
            return ()
        found: Sequence[int] = ()
        if rules.tiers is not None and rules.tiers.rank_by == name and cut_offs.tiers is not None:
            found = sorted(each for each in cut_offs.tiers if isinstance(each, int))
        if rules.rfm is not None and cut_offs.rfm is not None:
            for measure in ("recency", "frequency", "monetary"):
                if getattr(rules.rfm, measure).attribute == name:
                    turns = getattr(cut_offs.rfm, measure).turns
                    found = sorted((*found, *turns)) if found else turns
        return found

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

    def _of_tier(self, standing: Standing, at: int) -> Sequence[int]:
        tiers = self._rules.tiers
        if tiers is None or self._reviews is None or standing.tier in (None, tiers.tiers[-1].name):
            return ()
        _, review = self._reviews.around(at)
        return (review,) if standing.tier_ends_at is None else (review, standing.tier_ends_at)

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


def earliest(*instants: int) -> int | None:
    """The first of some instants; none where all are NEVER."""
    first = min(instants)
    return None if first == NEVER else first


def _after(at: int, instants: Iterable[int]) -> int:
    return min((instant for instant in instants if instant > at), default=NEVER)


def _counted_in(
    relation: str, since: Mapping[str, AttributeDefinition], counted: Iterable[_Counted]
) -> tuple[_Counted, ...]:
    """Of what counts days that which counts from rows of a relation."""
    return tuple(each for each in counted if since[each[0]].of.partition(".")[0] == relation)


def _ranked(rules: StandingRules) -> Iterator[str]:
    """The attributes by which customers are ranked or measured."""
    if rules.tiers is not None:
        yield rules.tiers.rank_by
    if rules.rfm is not None:
        yield from (each.attribute for each in (rules.rfm.recency, rules.rfm.frequency, rules.rfm.monetary))


def _next_day(start: int, at: int) -> int:
    return start + ((at - start) // _DAY + 1) * _DAY


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
