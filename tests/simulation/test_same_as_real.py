"""The simulator and the real engine: the same facts, rules and window give the same messages and the same ends.

The real path is a replay: a real Temporal server, real activities and PostgreSQL, on the shop's clock.
"""

import csv
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.attributes.relations import RELATIONS
from engine.facts.read import read_customers
from engine.language.rules import load_rules
from engine.simulation.answers import Answer
from engine.simulation.bench import Bench
from engine.simulation.customer import Customer
from engine.simulation.history import History
from engine.simulation.journey import Journey
from engine.simulation.world import World
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
  capacities: {email: {per_hour: 6}}
  holds: [{while: {open_complaints: {gte: 1}}, purposes: [marketing]}]
  holdout: 10%
  channels: {email: {provider: mailbox, sender: "Shop <shop@example.com>", in_doubt: hold}}
"""
ZONES = ("Europe/Berlin", "America/Sao_Paulo", "Asia/Tokyo", None)
Line = tuple[str, str, str, str, str, str, datetime, str]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = with_playbooks(tmp_path, *PLAYBOOKS)
    (project / "rules" / "policy.yaml").write_text(POLICY)
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


def simulated(project: Path, connection: psycopg.Connection[Any], cut_offs: CutOffs) -> World:
    """The window over the same facts and by the same cut-offs, in memory."""
    rules = load_rules(project / "rules")
    bench = Bench(rules, "EUR")
    ids = [row[0] for row in connection.execute("select id from customers order by id")]
    empty = {"apology": Answer("pool_empty"), "gift": Answer("pool_empty")}
    relations = {name: frozenset(of.columns[2:]) for name, of in RELATIONS.items()}
    people = [
        Customer(facts.customer_id, History(bench, facts), cut_offs=cut_offs, answers=empty)
        for facts in read_customers(connection, ids, relations=relations, zone=rules.policy.zone)
    ]
    world = World(bench, people, START)
    world.run(END)
    world.end("replay-ended", END)
    return world


def messages(world: World) -> Iterator[Line]:
    for journey in world.journeys:
        for row in journey.messages:
            yield (
                row["playbook"], subject(journey), row["step"], row["channel"], row["state"], row["reason"] or "",
                row["at"], row["template"] or "",
            )  # fmt: skip


def read(line: dict[str, str]) -> Line:
    """A line of the replay's message log."""
    playbook, told_of, step, channel, state, reason, at, template = line.values()
    return playbook, told_of, step, channel, state, reason, datetime.fromisoformat(at), template


def subject(journey: Journey) -> str:
    history = journey.customer.history
    match journey.plan.subject:
        case "shipment":
            return f"{history.order(history.order_of_shipment(journey.subject_id))['number']}/a"
        case "case":
            return f"{history.person('key')}-k"
        case _:
            return str(journey.row["subject_key"])


@pytest.mark.timeout(600)
def test_ten_days_of_sixty_people_are_the_same(
    project: Path, database: str, connection: psycopg.Connection[Any], shop: Shop
) -> None:
    regulars(project, database, "replay", "same", "--from", START.isoformat(), "--to", END.isoformat())
    log = (project / ".regulars" / "replay" / "same" / "messages.csv").read_text().splitlines()
    real = set(map(read, csv.DictReader(log)))
    with psycopg.connect(database, options="-c search_path=replay_same -c timezone=UTC") as replayed:
        journeys = sorted(started(replayed))
        published = replayed.execute('select "values" from cut_offs').fetchall()
    world = simulated(project, connection, CutOffs.from_json(published[0][0]))
    ours = set(messages(world))
    assert sorted(ours ^ real, key=lambda line: (line[6], line)) == []
    assert len(real) > 80
    ends = sorted(
        (each.row["customer_key"], each.plan.playbook, each.started_at, each.row["outcome"]) for each in world.journeys
    )
    assert ends == journeys
    reasons = {line[5] for line in real}
    assert reasons >= {"", "stopped", "no_consent", "holdout", "replay-ended", "global_holdout"}, reasons
    assert {"held", "quiet_hours", "weekday", "cap_reached", "capacity_reached"} <= held(world), held(world)


def held(world: World) -> set[object]:
    """Why messages had to wait in it."""
    return {entry.told["reason"] for entry in world.entries if entry.what == "held"}
