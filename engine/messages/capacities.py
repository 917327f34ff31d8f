"""Capacities: how much all playbooks together may send in an hour or a day.

Each hour and day of a capacity has a row for each priority, which counts messages that have a place in it (`used`) and
those that are held back and have been promised one (`promised`). A message may use a window unless it is full of
messages that have a place and of promises to its own or a higher priority; else it is promised a place in the first
window that has room. So whoever waits longer goes first, but a higher priority takes the places of a lower one, which
then is promised another. A message names its places in its own row, and the database gives them back when it is
skipped, fails or is not taken.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal

import psycopg

from engine.calendar.local import instant_of
from engine.calendar.opening import Recipient, day_at, opening
from engine.calendar.quiet import spread_of
from engine.policy import Capacity, Policy

Connection = psycopg.Connection[Any]
Span = Literal["hour", "day"]

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_TRIES = 500
_LOCK = "select pg_advisory_xact_lock(hashtextextended('capacity/' || current_schema() || '/' || %s, 0))"
_READ = """
select capacity, span, starts_at, rank, used, promised from capacity_use
 where capacity = any(%(names)s) and starts_at >= %(since)s and used + promised > 0
"""
_COUNT = """
insert into capacity_use (place, capacity, span, starts_at, rank, used, promised)
select * from unnest(%(places)s::text[], %(capacities)s::text[], %(spans)s::text[], %(starts)s::timestamptz[],
                     %(ranks)s::int[], %(used)s::int[], %(promised)s::int[]) as t (place) order by place
on conflict (place) do update set used = capacity_use.used + excluded.used,
                                  promised = capacity_use.promised + excluded.promised
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a window of a capacity, for messages of one priority."""

    capacity: str
    span: Span
    starts_at: datetime
    rank: int

    def __str__(self) -> str:
        """As messages name it."""
        return f"{self.capacity}/{self.span}/{self.starts_at.astimezone(UTC):%Y-%m-%dT%H:%MZ}/{self.rank}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """The place of a name."""
        capacity, span, starts_at, rank = text.split("/")
        return cls(capacity, "hour" if span == "hour" else "day", datetime.fromisoformat(starts_at), int(rank))


@dataclass(frozen=True, slots=True)
class Wish:
    """A message that wants places: whose calendar it keeps to, and its key for spreading."""

    purpose: str
    channel: str
    playbook: str
    whose: Recipient
    key: str


@dataclass(frozen=True, slots=True)
class Given:
    """The places of a message; `until` is None if it may have them now, else it has been promised them for then."""

    places: tuple[Place, ...]
    until: datetime | None = None


Counts = Mapping[tuple[str, str, datetime], Mapping[int, tuple[int, int]]]


def concerned(policy: Policy, wish: Wish) -> dict[str, Capacity]:
    """The capacities that a message takes a place of, in the order in which they are locked."""
    return {
        name: capacity
        for name, capacity in sorted(policy.capacities.items())
        if capacity.concerns(wish.purpose, wish.channel, wish.playbook)
    }


def ask_for_places(
    connection: Connection, policy: Policy, wish: Wish, moment: datetime, own: Collection[str], *, promised: bool
) -> Given:
    """Finds places now or later, under the capacities' locks; `count` writes them.

    Args:
        connection: in the caller's transaction, which already has the locks of customer, journey and message.
        policy: the policy in force.
        wish: what is to be sent.
        moment: the instant of the decision.
        own: the places that the message has, which are not counted against it.
        promised: whether it has them as promises.
    """
    capacities = concerned(policy, wish)
    if not capacities:
        return Given(())
    names = list(capacities)
    since = min(moment - _HOUR, _day_of(moment, policy))
    with connection.pipeline():
        for name in names:
            connection.execute(_LOCK, (name,))
        rows = connection.execute(_READ, {"names": names, "since": since})
    counts = _counts(rows, own, promised=promised)
    return find_places(policy, capacities, counts, wish, moment)


def count(
    connection: Connection,
    before: Collection[str],
    after: Collection[str],
    *,
    were_promised: bool,
    are_promised: bool,
) -> None:
    """Writes how a message's places change, in the places' order."""
    changed = changes_of(before, after, were_promised=were_promised, are_promised=are_promised)
    if not changed:
        return
    places = [Place.parse(name) for name in changed]
    connection.execute(
        _COUNT,
        {
            "places": list(changed),
            "capacities": [place.capacity for place in places],
            "spans": [place.span for place in places],
            "starts": [place.starts_at for place in places],
            "ranks": [place.rank for place in places],
            "used": [change[0] for change in changed.values()],
            "promised": [change[1] for change in changed.values()],
        },
    )


def changes_of(
    before: Collection[str], after: Collection[str], *, were_promised: bool, are_promised: bool
) -> dict[str, list[int]]:
    """By place, in order, what is added to the messages that have it, and to those that it is promised to."""
    changes: dict[str, list[int]] = {}
    for names, by, promised in ((before, -1, were_promised), (after, 1, are_promised)):
        for name in names:
            changes.setdefault(name, [0, 0])[promised] += by
    return {name: change for name, change in sorted(changes.items()) if change != [0, 0]}


def _counts(rows: Iterable[Any], own: Collection[str], *, promised: bool) -> Counts:
    counts: dict[tuple[str, str, datetime], dict[int, tuple[int, int]]] = {}
    for capacity, span, starts_at, rank, used, waiting in rows:
        counts.setdefault((capacity, span, starts_at.astimezone(UTC)), {})[rank] = (used, waiting)
    for place in map(Place.parse, own):
        window = counts.get((place.capacity, place.span, place.starts_at), {})
        used, waiting = window.get(place.rank, (1, 1))
        window[place.rank] = (used - (not promised), waiting - promised)
    return counts


def find_places(
    policy: Policy, capacities: Mapping[str, Capacity], counts: Counts, wish: Wish, moment: datetime
) -> Given:
    """The first instant from the moment on at which every window has room and nothing is closed.

    Args:
        policy: the policy in force.
        capacities: those that the message concerns.
        counts: by capacity, span and the window's instant: by priority, how many have a place and are promised one.
        wish: what is to be sent.
        moment: the instant of the decision.
    """
    at = moment
    for _ in range(_TRIES):
        places = tuple(_places(policy, capacities, wish, at))
        full = [place for place in places if not _has_room(place, capacities[place.capacity], counts)]
        if not full:
            return Given(places, None if at == moment else _spread(policy, places, wish, at))
        ends = max(_end_of(place, policy) for place in full)
        at = opening(ends, wish.whose, wish.purpose, policy) or ends
    return Given((), at)  # so far ahead nobody can promise anything; it is asked for again


def _places(policy: Policy, capacities: Mapping[str, Capacity], wish: Wish, at: datetime) -> Iterator[Place]:
    rank = policy.rank(wish.purpose)
    for name, capacity in capacities.items():
        if capacity.per_hour is not None:
            yield Place(name, "hour", at.astimezone(UTC).replace(minute=0, second=0, microsecond=0), rank)
        if capacity.per_day is not None:
            yield Place(name, "day", _day_of(at, policy), rank)


def _has_room(place: Place, capacity: Capacity, counts: Counts) -> bool:
    window = counts.get((place.capacity, place.span, place.starts_at), {})
    taken = sum(used + (promised if rank <= place.rank else 0) for rank, (used, promised) in window.items())
    limit = capacity.per_hour if place.span == "hour" else capacity.per_day
    return limit is None or taken < limit


def _spread(policy: Policy, places: tuple[Place, ...], wish: Wish, at: datetime) -> datetime:
    """An instant in the windows, by the key's hash, so that not everybody comes at a window's beginning."""
    left = min(_end_of(place, policy) for place in places) - at
    later = spread_of(wish.key, int(left.total_seconds()))
    while later and opening(found := at + timedelta(seconds=later), wish.whose, wish.purpose, policy) != found:
        later //= 2
    return at + timedelta(seconds=later)


def _end_of(place: Place, policy: Policy) -> datetime:
    if place.span == "hour":
        return place.starts_at + _HOUR
    tomorrow = day_at(place.starts_at, policy.zone) + _DAY
    return instant_of(tomorrow, time(0), policy.zone)


def _day_of(at: datetime, policy: Policy) -> datetime:
    return instant_of(day_at(at, policy.zone), time(0), policy.zone)
