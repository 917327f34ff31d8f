"""A replay in lanes by customer sends what a replay in one line sends."""

from pathlib import Path

import psycopg
import pytest

from engine.language.rules import load_rules
from engine.policy import Capacity, Channel, Limit, MassStart, Policy
from engine.replay.lanes import coupled
from tests.facts.shop import Shop
from tests.olist.test_replay import regulars
from tests.projects import write_project
from tests.replay.windows import customer
from tests.workflows.rules import POLICY, TEMPLATES

PLAYBOOK = """
playbook: thanks
title: Thanks
for: order
start: {event: order.placed}
stop: {event: order.shipped}
controls: {purpose: transactional}
steps:
  - send: {id: first, channel: email, template: hello}
  - wait: 3h
  - send: {id: second, channel: email, template: hello}
"""
MUCH_ROOM = "  capacities:\n    email: {per_hour: 1000000}\n"


@pytest.fixture
def shop(connection: psycopg.Connection) -> Shop:
    """Twenty people who order twice a day, some at the same instants."""
    shop = Shop(connection)
    for number in range(20):
        customer(shop, f"c{number}", f"2026-05-10T{number % 7:02}:00", f"2026-05-11T{number % 5:02}:30")
    connection.commit()
    return shop


def test_the_log_is_the_same_in_lanes_and_in_one_line(tmp_path: Path, database: str, shop: Shop) -> None:
    logs = {}
    for name, policy in (("lanes", POLICY), ("line", POLICY + MUCH_ROOM)):
        rules = {"playbooks/thanks.yaml": PLAYBOOK, "policy.yaml": policy, **TEMPLATES}
        project = write_project(tmp_path / name, rules)
        told = regulars(project, database, "replay", name, "--from", "2026-05-10", "--to", "2026-05-12")
        assert "40 facts let in, 40 waits ended" in " ".join(told.split())
        logs[name] = (project / ".regulars" / "replay" / name / "messages.csv").read_text()
    assert logs["lanes"] == logs["line"]
    assert len(logs["lanes"].splitlines()) == 1 + 2 * 40


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy(zone="UTC"), False),
        (Policy(zone="UTC", capacities={"email": Capacity(per_hour=10)}), True),
        (Policy(zone="UTC", channels={"email": Channel(provider="mailbox", limit=Limit(count=1, seconds=1))}), True),
        (Policy(zone="UTC", mass_start=MassStart(above=10)), False),
    ],
    ids=["nothing shared", "a capacity", "a channel's limit", "a threshold for mass starts, which events do not meet"],
)
def test_customers_are_coupled_by_what_they_share(policy: Policy, expected: bool) -> None:
    assert coupled(policy) is expected


def test_customers_who_draw_on_one_pool_of_coupons_are_coupled() -> None:
    plans = {name: load_rules(Path("rules")).plans[name] for name in ("win-back", "shipment-notice")}
    assert coupled(Policy(zone="UTC"), plans.values())
    assert not coupled(Policy(zone="UTC"), [plans["shipment-notice"]])
