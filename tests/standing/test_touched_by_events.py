"""An event judges what it has touched, and stores what a judgement of everything would."""

import random
import re
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engine.attributes.relations import RELATIONS
from engine.attributes.sources import sources
from engine.conditions.operands import microseconds
from engine.dispatch.accept import accept
from engine.dispatch.match import Matcher
from engine.dispatch.versions import StoredVersions, publish
from engine.evaluation.due import evaluate_due
from engine.facts.event_contracts import load_contracts
from engine.facts.events import Event, Recorded
from engine.facts.intake.written import written
from engine.facts.matching import EventMatcher
from engine.facts.situation import QUIET
from engine.facts.standing import read_standings
from engine.facts.tables import metadata
from engine.language.rules import load_rules
from engine.standing.judge import Judge
from tests.facts.intake.telling import eur, placed, progressed
from tests.facts.shop import put, utc

pytestmark = pytest.mark.timeout(400)  # some hundred events each, on a machine however busy

START = utc("2026-01-01T10:00")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shipped():
    return load_rules(ROOT / "rules")


@pytest.fixture
def matcher(connection, shipped) -> Matcher:
    publish(connection, shipped)
    return Matcher(shipped, StoredVersions({shipped.version: shipped}), EventMatcher(load_contracts(), "EUR"))


def _events(seed: int, number: int):
    """What a shop tells of two customers, in no good order, with all kinds that change facts."""
    chance, at = random.Random(seed), START
    orders: list[tuple[str, str]] = []
    for step in range(number):
        at += timedelta(seconds=chance.choice([0, 60, 3600, 86_400, 9 * 86_400]))
        when = at - timedelta(days=chance.choice([0, 0, 0, 0, 20]))
        who, key = chance.choice(["c1", "c2"]), f"k{step}"
        if not orders or chance.random() < 0.2:
            orders.append((f"n{step}", who))
            yield at, placed(f"n{step}", who, at=when, channel=chance.choice(["ad", "friend"]))
            continue
        order = chance.choice(orders)[0]
        of_order = [
            *(
                progressed(kind, order, key=key, at=when)
                for kind in ("paid", "packed", "shipped", "delivered", "cancelled")
            ),
            Event("shipment.shipped", key, when, "main", None, order, {"shipment": "s", "carrier": "dhl"}),
            Event("shipment.delivered", key, when, "main", None, order, {"shipment": "s"}),
            Event("review.created", key, when, "main", None, order, {"review": key, "score": 2, "body": "too small"}),
            Event("return.requested", key, when, "main", None, order, {"return": "r", "reason": "size"}),
            Event("return.refunded", key, when, "main", None, order, {"return": "r", "refund": eur("5.00")}),
        ]
        case = {"case": f"{who}-{step // 4}"}
        of_person = [
            *(Event(f"site.{kind}", key, when, "main", who, None, {}) for kind in ("visit", "log_in", "search")),
            Event("case.opened", key, when, "main", who, None, case | {"type": "complaint"}),
            Event("case.closed", key, when, "main", who, None, case | {"satisfaction": 5}),
            Event("case.reopened", key, when, "main", who, None, case),
            Event("consent.changed", key, when, "main", who, None, {"purpose": "marketing", "granted": True}),
            Event("suppression.added", key, when, "main", who, None, {"channel": "email", "reason": "manual"}),
            Event("suppression.lifted", key, when, "main", who, None, {"channel": "email"}),
            Event("customer.updated", key, when, "main", who, None, {"country": chance.choice(["DE", "BR"])}),
            Event("customer.updated", key, when, "main", who, None, {"zone": chance.choice(["UTC", "Asia/Tokyo"])}),
        ]
        yield at, chance.choice([*of_order, *of_person])


def _catch_up(connection, matcher, now: datetime) -> None:
    connection.commit()
    connection.autocommit = True
    while evaluate_due(connection, matcher, now):
        continue
    connection.autocommit = False


def _differences(connection, matcher, event: Event, now: datetime, seen: Counter) -> list[str]:
    """What an event stores and a whole judgement of the same facts does not."""
    standings = matcher.standings
    before = {row[0]: None for row in connection.execute("select id from customers").fetchall()}
    before |= read_standings(connection, list(before))
    outcome = accept(connection, matcher, event, now)
    connection.commit()
    if not isinstance(outcome, Recorded) or not outcome.fresh or before.get(outcome.customer_id) is None:
        return []
    customer, kept = outcome.customer_id, before[outcome.customer_id]
    seen[event.kind] += 1
    (read,) = standings.read(connection, [customer])
    last = max((outcome, *outcome.released), key=lambda each: each.at)
    at = max(microseconds(min(last.at, now)), kept.standing.at)
    whole = standings.judged(read, at, kept, standings.published(connection))
    stored = read_standings(connection, [customer])[customer]
    noted = connection.execute(
        'select kind, "from", "to", evidence -> \'values\' from standing_changes where event_id = %s order by id',
        (last.event_id,),
    ).fetchall()
    changes = [(each.kind, each.before, each.after, each.evidence or None) for each in whole.changes]
    told = {
        "standing": stored.standing == whole.standing,
        "next flip": stored.next_flip == whole.next_flip,
        "flips": stored.flips == whole.flips,
        "changes": noted == changes,
    }
    return [f"{event.kind} {event.key}: {name}" for name, same in told.items() if not same]


def _run(connection, matcher, seed: int, number: int = 60) -> tuple[list[str], Counter]:
    put(connection, "shops", key="main", name="Main", zone="Europe/Berlin", currency="EUR", country="DE")
    found: list[str] = []
    seen: Counter = Counter()
    for now, event in _events(seed, number):
        _catch_up(connection, matcher, now)
        found += _differences(connection, matcher, event, now, seen)
    return found, seen


@pytest.fixture
def partly(monkeypatch):
    """How often a judgement was of a part only."""
    parts: list[int] = []
    judged = Judge.touched

    def counted(self, focus, *arguments, **named):
        parts.append(len(focus.scope.parts))
        return judged(self, focus, *arguments, **named)

    monkeypatch.setattr(Judge, "touched", counted)
    return parts


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_told_is_judged_as_if_everything_were(connection, matcher, partly, seed):
    found, seen = _run(connection, matcher, seed)
    assert found == []
    assert len(seen) > 8
    assert len(partly) > sum(seen.values()) / 2  # most of them by what they touched
    assert max(partly) < len(matcher.standings.judge.rules.order)


@pytest.mark.parametrize("relation", ["orders", "site_events", "cases", "consents", "reviews", "returns", "customer"])
def test_a_relation_that_no_event_is_known_to_touch_shows(connection, matcher, monkeypatch, relation):
    forgotten = sources(relation, matcher.standings.judge.reads[relation])
    monkeypatch.setattr("engine.dispatch.standing.sources", _without(relation))
    assert forgotten
    found: list[str] = []
    put(connection, "shops", key="main", name="Main", zone="Europe/Berlin", currency="EUR", country="DE")
    for seed in range(8):
        for now, event in _events(seed, 60):
            later, other = now + timedelta(days=900 * seed), f"{seed}-{event.key}"
            told = Event(
                event.kind,
                other,
                event.at + timedelta(days=900 * seed),
                "main",
                event.customer,
                event.order,
                event.data,
            )
            _catch_up(connection, matcher, later)
            found += _differences(connection, matcher, told, later, Counter())
            if found:
                return
    raise AssertionError(f"nobody notices that {relation} is left out")


def _without(relation: str):
    return lambda name, fields: frozenset() if name == relation else sources(name, fields)


def test_every_column_that_a_relation_reads_is_one_of_its_tables():
    for name, relation in RELATIONS.items():
        for table, column in sources(name, frozenset(relation.columns[2:])):
            assert column in metadata.tables[table.partition(":")[0]].columns, (name, table, column)


@pytest.mark.parametrize(
    ("statement", "cells"),
    [
        ("insert into orders (id) values (1) on conflict (id) do update set id = 2", {("orders", "*")}),
        ("update orders set paid_at = case when a then b end, closed = coalesce(closed, 'x') where id = 1",
         {("orders", "paid_at"), ("orders", "closed")}),
        ("with a as (update customers set fact_version = fact_version + 1 where id = 1) delete from coupons",
         {("customers", "fact_version"), ("coupons", "*")}),
        ("update orders o set total_minor = x.total from (select 1 as total) x", {("orders", "total_minor")}),
        ("update orders as o set number = (select max(a), max(b) from c where d), status = 'x' returning id",
         {("orders", "number"), ("orders", "status")}),
        ("select * from orders for update", set()),
    ],
)  # fmt: skip
def test_what_a_statement_writes_is_found_in_it(statement, cells):
    assert written(statement) == cells


def test_tables_of_facts_that_others_write_are_known_to_be_quiet():
    """Outside intake and imports, which raise the version of the customer's facts, and what fills test databases."""
    read = {
        table.partition(":")[0]
        for name in RELATIONS
        for table, _ in sources(name, frozenset(RELATIONS[name].columns[2:]))
    }
    apart = (
        "engine/facts/intake/",
        "engine/facts/importing/",
        "engine/facts/migrations/",
        "engine/replay/",
        "engine/sample/",
    )
    found: dict[str, str] = {}
    for path in (each for folder in ("engine", "activities", "workflows") for each in (ROOT / folder).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(apart):
            for text in re.findall(
                r'"""(.*?)"""|"((?:insert into|update|delete from) [^"]*)"', path.read_text(), re.DOTALL
            ):
                found |= {table: name for table, _ in written(text[0] or text[1]) if table in read}
    assert found.keys() <= QUIET, found
