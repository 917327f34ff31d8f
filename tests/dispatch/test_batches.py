"""A batch of events in one transaction comes to the same as its events one by one."""

import importlib
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import psycopg
import pytest

from engine.dispatch.accept import accept_json, accept_together
from engine.evaluation.due import evaluate_due
from engine.facts.events import Event
from engine.facts.intake.rounds import groups, rounds
from engine.facts.pipelines import answers, at_once, done, in_turns
from engine.facts.pool import connect
from engine.operations.telling import Answer, tell, tell_all
from tests.facts.intake.telling import placed, progressed
from tests.facts.shop import put, utc
from tests.standing.test_touched_by_events import _events, matcher, shipped  # noqa: F401 -- two are fixtures

NOW = utc("2026-03-01T10:00")
_FACTS = {
    "events": "kind, key, at, data, order_id is not null, (select c.key from customers c where c.id = customer_id)",
    "orders": "number, placed_at, paid_at, packed_at, shipped_at, delivered_at, cancelled_at, total_minor",
    "order_lines": "(select number from orders o where o.id = order_id), line, quantity, unit_price_minor",
    "payments": "(select number from orders o where o.id = order_id), sequence, amount_minor",
    "cases": "key, kind, opened_at, closed_at, satisfaction",
    "reviews": "key, score, created_at",
    "customers": "key, email, country, zone, fact_version",
    "standings": "(select c.key from customers c where c.id = customer_id), tags, segments, stage, tier, rfm_group,"
    " given, fact_version, evaluated_at, next_flip, flips",
    "refused_events": "key, code, reason, waits_for, replayed_at",
    "journeys": "playbook, subject, occasion, state, outcome, started_at, stopped_at,"
    " (select e.key from events e where e.id = event_id)",
}
_IN_ORDER = {
    "standing_changes": 'select c.key, s.kind, s."from", s."to", s.at, s.cause, s.evidence, e.key'
    " from standing_changes s"
    " join customers c on c.id = s.customer_id left join events e on e.id = s.event_id order by c.key, s.id",
    "outbox": "select c.key, o.kind, o.at, o.payload, j.playbook, j.occasion from outbox o join journeys j"
    " on j.id = o.journey_id join customers c on c.id = j.customer_id order by c.key, o.id",
}


@pytest.fixture(autouse=True)
def shop(connection):
    put(connection, "shops", key="main", name="Main", zone="Europe/Berlin", currency="EUR", country="DE")
    connection.commit()


def _told(events: Sequence[Event]) -> list[object]:
    return [event.to_json() for event in events]


def _stored(connection) -> dict[str, list]:
    """All that follows from events, without the numbers that rows happen to get."""
    rows = {
        table: sorted(map(repr, connection.execute(f"select {columns} from {table}").fetchall()))
        for table, columns in _FACTS.items()
    }
    return rows | {name: connection.execute(query).fetchall() for name, query in _IN_ORDER.items()}


def _fates(outcomes) -> list[tuple]:
    return [(type(each).__name__, getattr(each, "code", None), getattr(each, "fresh", None)) for each in outcomes]


def _emptied(connection) -> None:
    tables = [*_FACTS, *_IN_ORDER, "products", "customer_identities", "site_events", "returns", "shipments"]
    connection.execute(f"truncate {', '.join(tables)}, consents, suppressions restart identity cascade")
    connection.commit()


def _batch(seed: int) -> list[object]:
    """Much of few customers and a little of many, some of it wrong, told twice, or before what it is about."""
    chance = random.Random(seed)
    events = [event for _, event in _events(seed, 60)]
    many = [placed(f"m{number}", f"d{number}", at=NOW - timedelta(days=3)) for number in range(10)]
    paid = [progressed("paid", f"m{number}", at=NOW - timedelta(days=2)) for number in range(10)]
    told = _told([*events, *many, *paid, *chance.sample(events, 5)])
    told += [{"kind": "order.paid"}, 7, {**told[0], "key": "odd", "kind": "order.plaiced"}]
    told += [{**told[0], "key": "broken", "data": {"lines": 5}}, {**told[0], "key": "elsewhere", "shop": "other"}]
    places = list(range(len(told)))
    for _ in range(30):
        first, second = chance.sample(places, 2)
        told[first], told[second] = told[second], told[first]
    return told


@pytest.mark.parametrize("seed", range(4))
def test_a_batch_comes_to_the_same_as_one_by_one(connection, matcher, seed):  # noqa: F811 -- a fixture
    told = _batch(seed)
    alone = [accept_json(connection, matcher, each, NOW) for each in told]
    connection.commit()
    expected = _stored(connection)
    _emptied(connection)
    together = accept_together(connection, matcher, told, NOW)
    connection.commit()
    assert _fates(together) == _fates(alone)
    assert len({fate for fate, *_ in _fates(together)}) == 2
    found = _stored(connection)
    for table, rows in expected.items():
        assert found[table] == rows, table
    assert expected["outbox"]
    assert expected["standing_changes"]


def test_a_batch_told_again_changes_nothing(connection, matcher):  # noqa: F811 -- a fixture
    told = _batch(1)
    accept_together(connection, matcher, told, NOW)
    connection.commit()
    before = _stored(connection)
    again = accept_together(connection, matcher, told, NOW)
    connection.commit()
    assert not any(getattr(each, "fresh", False) for each in again)
    after = _stored(connection)
    # One that had waited under its key and is refused for something else now is kept anew, as when told alone.
    assert {name: rows for name, rows in after.items() if name != "refused_events"} == {
        name: rows for name, rows in before.items() if name != "refused_events"
    }


_UNLUCKY = """
create function fail() returns trigger language plpgsql as $$ begin raise exception 'unlucky'; end $$;
create trigger fail before insert on orders for each row when (new.number = 'm5') execute function fail()
"""


def _clock() -> datetime:
    return NOW


def test_what_is_wrong_with_one_event_concerns_no_other(connection, matcher):  # noqa: F811 -- a fixture
    told = _told([placed(f"m{number}", f"d{number}", at=NOW - timedelta(days=3)) for number in range(10)])
    connection.execute(_UNLUCKY)
    connection.commit()
    answers = list(tell_all(connection, matcher, told, _clock))
    assert [isinstance(each, Answer) for each in answers] == [number != 5 for number in range(10)]
    assert connection.execute("select count(*) from events").fetchone() == (9,)
    connection.execute("drop trigger fail on orders")
    connection.commit()
    again = [each.fate for each in tell_all(connection, matcher, told, _clock) if isinstance(each, Answer)]
    assert sorted(again) == ["accepted", *["known"] * 9]
    assert connection.execute("select count(*), count(distinct key) from events").fetchone() == (10, 10)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("other", "fate"), [({"order": "z1"}, "known"), ({"key": "z"}, "refused")], ids=["its event", "its order"]
)
def test_what_another_tells_meanwhile_is_told_once(
    connection,
    database,
    matcher,  # noqa: F811 -- a fixture
    monkeypatch,
    count,
    other,
    fate,
):
    """The other transaction commits after what is known was looked for, and before anything is written."""
    told = _told([placed(f"m{number}", f"d{number}", at=NOW - timedelta(days=3)) for number in range(count)])
    people = [f"d{number}" for number in range(count)]
    for number, who in enumerate(people):
        accept_json(connection, matcher, placed(f"e{number}", who, at=NOW - timedelta(days=4)).to_json(), NOW)
    connection.commit()
    recording = importlib.import_module("engine.facts.intake.record")
    looking = recording._looking_ahead

    def overtaken(*arguments):
        found = yield from looking(*arguments)
        monkeypatch.undo()
        with psycopg.connect(database) as elsewhere:
            accept_json(elsewhere, matcher, {**told[0], "customer": "somebody-else", **other}, NOW)
        return found

    monkeypatch.setattr(recording, "_looking_ahead", overtaken)
    answers = list(tell_all(connection, matcher, told, _clock))
    assert [each.fate for each in answers] == [fate, *["accepted"] * (count - 1)]
    assert connection.execute("select count(*), count(distinct key) from events").fetchone() == (2 * count, 2 * count)
    assert connection.execute("select count(*) from orders").fetchone() == (2 * count,)


def test_events_that_share_something_keep_their_order_over_the_rounds():
    a, b, order = ("customer", "a"), ("customer", "b"), ("order", "o1")
    assert rounds(groups([[a], [b], [a], [order, b], [order]])) == [[0, 1], [2, 3], [4]]
    assert rounds(groups([[order], [order, a], [a], [b]])) == [[0, 3], [1], [2]]


class _Asked:
    """A statement that tells when it is sent and when its answer is taken up."""

    def __init__(self, name: str, heard: list[str]) -> None:
        self.name, self.heard = name, heard
        heard.append(f"{name} sends")

    def fetchall(self) -> list[tuple[int]]:
        self.heard.append(f"{self.name} takes up")
        return [(7,)]


def test_one_half_goes_on_while_what_the_other_has_sent_runs():
    heard: list[str] = []

    def half(name: str, waits: int):
        for _ in range(waits):
            heard.append(f"{name} goes on")
            found = yield from answers(lambda: [_Asked(name, heard)])
            assert found == [[(7,)]]
        heard.append(f"{name} goes on")
        yield from done(lambda: heard.append(f"{name} sends"))
        return name * waits

    assert in_turns(half("a", 2), half("b", 3)) == ("aa", "bbb")
    both = ["b goes on", "a takes up", "b sends", "a goes on", "b takes up", "a sends"]
    assert heard[:14] == ["a goes on", "a sends", *both, *both]
    assert at_once(half("c", 1)) == "c"


def test_halves_may_be_empty_and_one_that_fails_ends_both(connection):
    def empty():
        return ()
        yield

    def failing():
        yield from answers(lambda: [connection.execute("select 1 / 0")])

    assert in_turns(empty(), empty()) == ((), ())
    with pytest.raises(psycopg.errors.DivisionByZero):
        in_turns(empty(), failing())


def test_events_by_connections_of_their_own_are_planned_by_keys(connection, database, matcher):  # noqa: F811 -- a fixture
    connection.commit()
    told = _told([placed(f"m{number}", f"d{number}", at=NOW) for number in range(3)])
    with connect(database, by_keys=True) as own:
        assert own.execute("show plan_cache_mode").fetchone() == ("force_generic_plan",)
        assert own.execute("show jit").fetchone() == ("off",)
        own.commit()
        assert [each.fate for each in tell_all(own, matcher, told, _clock)] == ["accepted"] * 3
        assert tell(own, matcher, placed("m9", "d9", at=NOW).to_json(), NOW).fate == "accepted"
        plan = own.execute("explain select 1 from events where shop_id = 1 and key = 'k'").fetchall()
    assert not any("Seq Scan" in line for (line,) in plan)


def test_events_of_a_round_keep_to_their_own_orders(connection, matcher):  # noqa: F811 -- a fixture
    for number in range(4):
        accept_json(connection, matcher, placed(f"e{number}", f"d{number}", at=NOW - timedelta(days=4)).to_json(), NOW)
    connection.commit()
    visits = [Event("site.visit", f"v{number}", NOW, "main", f"d{number}") for number in (0, 1)]
    orders = [placed(f"m{number}", f"d{number}", at=NOW) for number in (2, 3)]
    assert [each.fate for each in tell_all(connection, matcher, _told([*visits, *orders]), _clock)] == ["accepted"] * 4
    found = connection.execute(
        "select e.kind, o.number from events e left join orders o on o.id = e.order_id where e.at = %s order by e.id",
        [NOW],
    ).fetchall()
    assert sorted(found, key=str) == [
        ("order.placed", "m2"), ("order.placed", "m3"), ("site.visit", None), ("site.visit", None),
    ]  # fmt: skip


def test_telling_and_judging_leave_the_settings_of_the_connection_alone(connection, matcher):  # noqa: F811 -- a fixture
    told = _told([placed(f"m{number}", f"d{number}", at=NOW) for number in range(3)])
    names = ("plan_cache_mode", "enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit")
    before = [connection.execute(f"show {name}").fetchone() for name in names]
    connection.commit()
    assert [each.fate for each in tell_all(connection, matcher, told, _clock)] == ["accepted"] * 3
    assert tell(connection, matcher, placed("m9", "d9", at=NOW).to_json(), NOW).fate == "accepted"
    assert [connection.execute(f"show {name}").fetchone() for name in names] == before
    connection.execute("update standings set next_flip = %s", [NOW])
    connection.commit()
    assert evaluate_due(connection, matcher, NOW) == 4
    assert [connection.execute(f"show {name}").fetchone() for name in names] == before
