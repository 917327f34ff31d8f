"""Playbooks that start on days of the calendar, in a replay on real servers: the shop's clock reaches them."""

from pathlib import Path

import psycopg
import pytest

from tests.facts.shop import Shop, utc
from tests.olist.test_replay import regulars
from tests.projects import write_project
from tests.replay.windows import customer, started
from tests.workflows.rules import POLICY, TEMPLATES

RULES = {
    "attributes.yaml": """
attributes:
  birthday: {title: Birthday, type: date, value: customer.birthday}
  paid_orders: {title: Paid orders, type: integer, count: orders, where: {paid: true}}
  last_order_at: {title: Last order, type: instant, last: orders.placed_at}
""",
    "playbooks/birthday.yaml": """
playbook: birthday
title: Birthday
for: customer
start: {date: birthday, offset: -7d, at: "10:00"}
controls: {purpose: transactional}
steps:
  - wait: 1h
  - send: {channel: email, template: hello}
""",
    "playbooks/member-day.yaml": """
playbook: member-day
title: Member day
for: customer
start: {every: day, at: "09:00", only_if: {paid_orders: {gte: 1}}}
controls: {purpose: transactional}
steps:
  - send: {channel: email, template: hello}
""",
    "playbooks/again.yaml": """
playbook: again
title: Again
for: customer
start: {date: last_order_at, offset: 6h}
controls: {purpose: transactional}
steps:
  - send: {channel: email, template: hello}
""",
    "policy.yaml": POLICY,
    **TEMPLATES,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose playbooks start on days of the calendar."""
    return write_project(tmp_path, RULES)


@pytest.fixture
def shop(connection: psycopg.Connection) -> Shop:
    """People around a window from the tenth of May to the twelfth, in the zone of Berlin."""
    shop = Shop(connection)
    customer(shop, "week-before", "2026-01-01T10:00", birthday="1990-05-18")
    customer(shop, "too-late", birthday="1990-05-19", zone="America/Sao_Paulo", known_since="2026-01-01T00:00Z")
    customer(shop, "orders-twice", "2026-05-10T08:00", "2026-05-10T12:00")
    connection.commit()
    return shop


def test_moments_of_the_calendar_come_in_a_replay_and_the_same_in_two_runs(
    project: Path, database: str, shop: Shop
) -> None:
    logs = []
    for _ in range(2):
        regulars(project, database, "replay", "birthdays", "--from", "2026-05-10", "--to", "2026-05-12")
        logs.append((project / ".regulars" / "replay" / "birthdays" / "messages.csv").read_bytes())
        with psycopg.connect(database, options="-c search_path=replay_birthdays -c timezone=UTC") as connection:
            journeys = started(connection)
        assert journeys == [
            ("week-before", "member-day", utc("2026-05-10T07:00"), "ended"),
            ("orders-twice", "again", utc("2026-05-10T18:00"), "ended"),
            ("week-before", "member-day", utc("2026-05-11T07:00"), "ended"),
            ("orders-twice", "member-day", utc("2026-05-11T07:00"), "ended"),
            ("week-before", "birthday", utc("2026-05-11T08:00"), "ended"),
        ]
    assert logs[0] == logs[1]
