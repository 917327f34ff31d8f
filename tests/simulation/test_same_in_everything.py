"""All kinds of steps and triggers, people at all edges: the same on the real path and in the simulation.

The real path is a replay on real servers, run once. Then the simulation is broken in one place at a time, and the
comparison must tell: of whom it should.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg
import pytest

from engine.calendar import local
from engine.journeys import due, moments
from engine.messages import caps, holdout, reserve
from engine.policy import Policy
from engine.simulation import giving, world
from engine.simulation.world import World
from tests.simulation import kinds
from tests.simulation.crowd import BERLIN, END, NEW_YORK, SECOND, START, TICK, Crowd, at_the_edges, by_chance
from tests.simulation.lived import differences
from tests.simulation.real import Side, fresh_database, make_project, replayed

PEOPLE, SEED = 20, 1


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    """What a replay has made of everybody."""
    with fresh_database() as url:
        with psycopg.connect(url) as connection:
            crowd = Crowd(connection)
            at_the_edges(crowd)
            by_chance(crowd, PEOPLE, SEED)
        yield replayed(make_project(tmp_path_factory.mktemp("everything") / "shop"), url, START, END)


@pytest.fixture(scope="module")
def worlds(side: Side) -> list[World]:
    return side.worlds()


@pytest.mark.timeout(900)
def test_everything_is_the_same(side: Side, worlds: list[World]) -> None:
    assert differences(side.simulated(worlds), side.lived) == []
    assert min(side.lived.counts().values()) > 0, side.lived.counts()


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        *((kind, kinds.reached) for kind in sorted(kinds.STEPS | kinds.FORMS)),
        *((kind, kinds.heard) for kind in sorted(kinds.TRIGGERS)),
    ],
)
def test_all_that_the_language_has_was_come_through(
    worlds: list[World], kind: str, counted: Callable[[list[World]], Counter[str]]
) -> None:
    assert counted(worlds)[kind] > 0, sorted(counted(worlds).items())


# --- broken in one place ----------------------------------------------------------------------------------------------

Break = Callable[[pytest.MonkeyPatch], None]


def cap_off_by_one(off: int) -> Break:
    def broken(policy: Policy, *asked: Any) -> Any:
        others = [cap.model_copy(update={"at_most": cap.at_most + off}) for cap in policy.caps]
        return caps.find_cap(policy.model_copy(update={"caps": others}), *asked)

    return lambda patch: patch.setattr(reserve, "find_cap", broken)


def cap_with_both_ends(patch: pytest.MonkeyPatch) -> None:
    """A message that left exactly so long ago counts still."""

    def broken(policy: Policy, purpose: str, channel: str, moment: datetime, others: Any) -> Any:
        return caps.find_cap(policy, purpose, channel, moment, [each._replace(at=each.at + TICK) for each in others])

    patch.setattr(reserve, "find_cap", broken)


def night_moved(by: timedelta) -> Break:
    held_until = reserve.held_until

    def broken(at: datetime, *asked: Any) -> Any:
        return held_until(at + by, *asked)

    return lambda patch: patch.setattr(reserve, "held_until", broken)


def waits_before_facts(patch: pytest.MonkeyPatch) -> None:
    """At one instant what has come due goes before what happens."""

    right = world.World.next_turn

    def broken(own: world.World) -> world.Turn | None:
        turn = right(own)
        due = [each for each in own._open if turn is not None and each.due == turn.at]
        return world.Turn(turn.at, world.WAIT, due[0].order, due[0].wake) if due and turn is not None else turn

    patch.setattr(world.World, "next_turn", broken)


def other_salt(patch: pytest.MonkeyPatch) -> None:
    held_out = holdout.held_out
    patch.setattr(holdout, "held_out", lambda customer, *asked: held_out(f"salt/{customer}", *asked))


def clock(zone: str, *, twice: bool) -> Break:
    """In a zone an hour that comes twice is taken for the second, or one that is skipped for an hour later."""

    def broken(day: date, at: time, name: str) -> datetime:
        right = local.instant_of(day, at, name)
        if name != zone:
            return right
        other = datetime.combine(day, at, tzinfo=local.zone(name)).replace(fold=1 if twice else 0).astimezone(UTC)
        skipped = right.astimezone(local.zone(name)).time() != at
        return right if skipped == twice else other

    def patch(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(due, "instant_of", broken)
        patch.setattr(moments, "instant_of", broken)

    return patch


def coupons_end_by_the_hour(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(giving, "end_of_day", lambda at, _zone: at)


def started_at_once(patch: pytest.MonkeyPatch) -> None:
    """Journeys begin before all is decided that an event starts."""
    follow = World._start_if_allowed

    def broken(self: World, *asked: Any) -> bool:
        started = follow(self, *asked)
        self._let_out()
        return started

    patch.setattr(World, "_start_if_allowed", broken)


def deaf_to_names(patch: pytest.MonkeyPatch) -> None:
    """What is told of one of two parcels, or cases, is told of neither."""
    patch.setattr(world.History, "_only", lambda *_asked, **_named: None)


BROKEN: dict[str, tuple[Break, set[str]]] = {
    "a cap one more": (cap_off_by_one(1), {"cap-third", "cap-full"}),
    "a cap one less": (cap_off_by_one(-1), {"cap-third", "cap-gone"}),
    "a cap that counts its edge": (cap_with_both_ends, {"cap-gone"}),
    "quiet hours that begin an instant late": (night_moved(-TICK), {"night-eu-21-0", "night-am-21-0"}),
    "quiet hours a second late": (night_moved(-SECOND), {"night-eu-21-0", "night-eu-08-0"}),
    "quiet hours a second early": (night_moved(SECOND), {"night-eu-21--1000000", "night-am-08--1000000"}),
    "a wait before the event of its instant": (waits_before_facts, {"paid-first-then", "race-then"}),
    "another salt of holdouts": (other_salt, set()),
    "the hour that Berlin skips": (clock(BERLIN, twice=False), {"clock-eu", "born-gap"}),
    "the hour that Berlin has twice": (clock(BERLIN, twice=True), {"clock-eu", "born-fold"}),
    "the hour that New York skips": (clock(NEW_YORK, twice=False), {"clock-am"}),
    "the hour that New York has twice": (clock(NEW_YORK, twice=True), {"clock-am"}),
    "coupons that end by the hour": (coupons_end_by_the_hour, set()),
    "journeys that begin too early": (started_at_once, set()),
    "parcels and cases without a name": (deaf_to_names, {"two"}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_simulation_is_noticed(side: Side, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    break_, whom = BROKEN[name]
    break_(monkeypatch)
    found = side.differences()
    assert found, name
    named = {line.split(": ", 2)[2].split()[0] for line in found}
    assert whom <= named, (name, sorted(named))
