"""The simulator and the real engine: the same facts, rules and window give the same messages and the same ends.

The real path is a replay: a real Temporal server, real activities and PostgreSQL, on the shop's clock.
"""

import csv
import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from engine.attributes.relations import RELATIONS
from engine.facts.read import read_customers
from engine.language.rules import load_rules
from engine.simulation.compiled import Compiled
from engine.simulation.history import Subject
from engine.simulation.journey import Assumed
from engine.simulation.room import Room
from engine.simulation.together import live_together
from engine.simulation.world import Person, World
from engine.standing.cut_offs import CutOffs
from tests.facts.shop import Shop, put
from tests.olist.test_replay import regulars, with_playbooks
from tests.replay.windows import customer, started

START, END = datetime(2026, 5, 10, tzinfo=UTC), datetime(2026, 5, 20, tzinfo=UTC)
PLAYBOOKS = (
    "abandoned-cart", "bad-review-recovery", "complaint-escalation", "loyalty-points", "payment-reminder",
    "quarterly-event", "repurchase-due", "review-request", "satisfaction-survey", "second-purchase",
    "shipment-notice", "win-back",
)  # fmt: skip
POLICY = """
policy:
  zone: Europe/Berlin
  locale: en
  quiet_hours: {start: "21:00", end: "08:00", spread: 30m}
  weekdays: [monday, tuesday, wednesday, thursday, friday, saturday]
  business_hours:
    monday: {from: "09:00", to: "17:00"}
    wednesday: {from: "09:00", to: "17:00"}
  purposes: {transactional: {consent: none}, service: {consent: opt_out}, marketing: {consent: opt_in}}
  priorities: [transactional, service, marketing]
  caps: [{at_most: 2, per: 3d, purposes: [marketing, service]}]
  holds: [{while: {open_complaints: {gte: 1}}, purposes: [marketing]}]
  holdout: 10%
  channels: {email: {provider: mailbox, sender: "Shop <shop@example.com>", in_doubt: hold}}
"""
SHORT = (
    POLICY.replace("in_doubt: hold}", "in_doubt: hold, limit: {count: 1, per: 30m}}")
    + """
  capacities:
    email: {per_hour: 2, per_day: 12}
    campaigns: {per_day: 3, purposes: [marketing]}
"""
)
ZONES = ("Europe/Berlin", "America/Sao_Paulo", "Asia/Tokyo", None)
Line = tuple[str, str, str, str, str, str, datetime]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = with_playbooks(tmp_path, *PLAYBOOKS)
    (project / "rules" / "policy.yaml").write_text(SHORT)
    return project


@pytest.fixture
def shop(connection: psycopg.Connection[Any]) -> Shop:
    """Sixty people with anything that may happen to people, around the window."""
    shop, chance = Shop(connection), random.Random(11)
    for number in range(60):
        person(shop, chance, f"p{number:02}")
    connection.commit()
    return shop


def person(shop: Shop, chance: random.Random, key: str) -> None:
    zone, country = chance.choice(ZONES), chance.choice(("DE", "BR", None))
    customer(shop, key, zone=zone, country=country, known_since=START - timedelta(days=chance.randint(1, 500)))
    connection, who = shop.connection, shop.customer
    for purpose in ("marketing", "service"):
        if chance.random() < 0.7:
            at = START + timedelta(hours=chance.randint(-900, 120))
            granted = chance.random() < 0.8
            put(connection, "consents", customer_id=who, purpose=purpose, channel="email", granted=granted, at=at)
    for number in range(chance.randint(0, 4)):
        order(shop, chance, f"{key}-{number}")
    for number in range(chance.randint(0, 3)):
        at, kind = near(chance), chance.choice(("visit", "cart"))
        put(connection, "site_events", customer_id=who, key=f"{key}-s{number}", kind=kind, at=at, data={})
    if chance.random() < 0.4:
        opened = near(chance)
        closed = opened + timedelta(hours=chance.randint(2, 200)) if chance.random() < 0.7 else None
        kind = chance.choice(("complaint", "inquiry"))
        put(connection, "cases", customer_id=who, key=f"{key}-k", kind=kind, opened_at=opened, closed_at=closed)


def near(chance: random.Random) -> datetime:
    """An instant in the window, or some days before."""
    return START + timedelta(minutes=chance.randint(-5 * 1440, 9 * 1440))


def order(shop: Shop, chance: random.Random, number: str) -> None:
    placed = near(chance) if chance.random() < 0.6 else START - timedelta(days=chance.choice((88, 89, 178, 360, 40)))
    if chance.random() < 0.2:
        placed = placed.replace(hour=21, minute=30)  # what falls due in the night is paid in the night, too
    paid = placed + timedelta(minutes=chance.choice((0, 40, 1440, 1600, 1700, 5000))) if chance.random() < 0.8 else None
    cancelled = placed + timedelta(hours=chance.randint(1, 90)) if chance.random() < 0.15 else None
    sent = paid and paid + timedelta(hours=chance.randint(2, 40))
    arrived = sent + timedelta(hours=chance.randint(10, 90)) if sent and chance.random() < 0.8 else None
    row = put(
        shop.connection,
        "orders",
        shop_id=shop.id,
        customer_id=shop.customer,
        number=number,
        currency="EUR",
        placed_at=placed,
        paid_at=paid,
        cancelled_at=cancelled,
        shipped_at=sent,
        delivered_at=arrived,
        payment_method=chance.choice(("bank_slip", "card")),
        total_minor=chance.choice((1990, 9900, 60000)),
    )
    if sent:
        promise = sent + timedelta(hours=chance.choice((24, 60, 120)))
        out = arrived - timedelta(hours=4) if arrived and chance.random() < 0.6 else None
        put(
            shop.connection, "shipments", order_id=row, key="a", shipped_at=sent, estimated_at=promise,
            out_for_delivery_at=out, delivered_at=arrived,
        )  # fmt: skip
    if arrived and chance.random() < 0.6:
        written = arrived + timedelta(hours=chance.randint(1, 150))
        put(shop.connection, "reviews", order_id=row, key="r", score=chance.randint(1, 5), created_at=written)


def simulated(project: Path, connection: psycopg.Connection[Any], cut_offs: CutOffs) -> list[World]:
    """The window over the same facts and by the same cut-offs, in memory; no pool has a code."""
    rules = load_rules(project / "rules")
    compiled = Compiled(rules, PLAYBOOKS, "EUR")
    ids = [row[0] for row in connection.execute("select id from customers order by id")]
    relations = {name: frozenset(of.columns[2:]) for name, of in RELATIONS.items()}
    assumed = Assumed(failing={"apology": "pool_empty", "gift": "pool_empty"}, holdout=None)
    room = Room(rules.policy)  # of which there is not enough for all
    found = read_customers(connection, ids, relations=relations, zone=rules.policy.zone)
    worlds = [World(compiled, Person(facts, cut_offs=cut_offs), START, assumed, room) for facts in found]
    live_together(worlds, END)
    for world in worlds:
        world.close(END)
    return worlds


def messages(worlds: Iterable[World]) -> Iterator[Line]:
    for world in worlds:
        for each in world.messages:
            whose = subject(world, world.journeys[each.journey - 1].subject)
            yield each.playbook, whose, each.step, each.channel, each.state, each.reason or "", each.at


def subject(world: World, of: Subject) -> str:
    """As the replay's log names it."""
    match of.kind:
        case "shipment":
            return f"{of.name}/a"
        case "case":
            return f"{world.history.person('key')}-k"
        case "order":
            return of.name
        case _:
            return str(world.history.person("key"))


def read(line: dict[str, str]) -> Line:
    """A line of the replay's message log."""
    playbook, told_of, step, channel, state, reason, at, _ = line.values()
    return playbook, told_of, step, channel, state, reason, datetime.fromisoformat(at)


def ends(worlds: Iterable[World]) -> list[tuple[str, str, datetime, str]]:
    return sorted(
        (
            str(world.history.person("key")),
            each.plan.playbook,
            each.started_at,
            "replay-ended" if each.ended is None else each.ended.outcome,
        )
        for world in worlds
        for each in world.journeys
    )


@pytest.mark.timeout(600)
def test_ten_days_of_sixty_people_are_the_same(
    project: Path, database: str, connection: psycopg.Connection[Any], shop: Shop
) -> None:
    name = f"same{uuid4().hex[:6]}"
    regulars(project, database, "replay", name, "--from", START.isoformat(), "--to", END.isoformat())
    log = (project / ".regulars" / "replay" / name / "messages.csv").read_text().splitlines()
    real = set(map(read, csv.DictReader(log)))
    with psycopg.connect(database, options=f"-c search_path=replay_{name} -c timezone=UTC") as replayed:
        journeys = sorted(started(replayed))
        published = replayed.execute('select "values" from cut_offs').fetchall()
    worlds = simulated(project, connection, CutOffs.from_json(published[0][0]))
    ours = set(messages(worlds))
    assert sorted(ours ^ real, key=lambda line: (line[6], line)) == []
    assert len(real) > 80
    assert ends(worlds) == journeys
    reasons = {line[5] for line in real}
    assert any(message.places for world in worlds for message in world.messages)
    assert reasons >= {"", "stopped", "no_consent", "holdout", "replay-ended", "global_holdout"}, reasons
