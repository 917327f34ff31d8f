"""Playbooks that start by changes of standing, in a replay on real servers: by an event, and by time alone."""

import csv
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from engine.conditions.ast import Compare
from engine.journeys.plan import End, Send, TemplateBy
from engine.language.rules import compile_rules, load_rules
from engine.language.uses import used_parts, with_used_standing
from engine.policy import Hold
from engine.replay.standing import decides
from tests.facts.shop import Shop, put, utc
from tests.olist.test_replay import regulars
from tests.projects import write_project
from tests.replay.windows import customer, started
from tests.workflows.rules import POLICY, TEMPLATES

RULES = {
    "attributes.yaml": """
attributes:
  paid_orders: {title: Paid orders, type: integer, count: orders, where: {paid: true}}
  days_since_last_order: {title: Days since, type: integer, days_since: orders.placed_at, where: {paid: true}}
  visits: {title: Visits, type: integer, count: site_events}
""",
    "segments.yaml": """
segments:
  regulars: {title: Regulars, when: {paid_orders: {gte: 2}}}
  looking-around: {title: Looking around, when: {visits: {gte: 2}}}
""",
    "lifecycle.yaml": """
lifecycle:
  stages:
    prospect: {title: Prospect, when: {paid_orders: 0}}
    active: {title: Active, when: {days_since_last_order: {lt: 90}}}
    sleeping: {title: Sleeping, when: {days_since_last_order: {gte: 90}}}
""",
    "playbooks/wake.yaml": """
playbook: wake
title: Wake
for: customer
start: {enters: {stage: sleeping}}
stop: {leaves: {stage: sleeping}}
controls: {purpose: transactional}
steps:
  - wait: 12h
  - send: {id: first, channel: email, template: hello}
  - wait: 24h
  - send: {id: second, channel: email, template: hello}
""",
    "playbooks/thank.yaml": """
playbook: thank
title: Thank
for: customer
start: {any: [{enters: {segment: regulars}}, {enters: {segment: looking-around}}]}
controls: {purpose: transactional}
steps:
  - if: {stage: active}
    then: [{send: {id: active, channel: email, template: hello}}]
    else: [{send: {id: other, channel: email, template: hello}}]
""",
    "playbooks/once.yaml": """
playbook: once
title: What is let in is counted once
for: customer
start: {any: [{event: review.created}, {event: site.visit}]}
controls: {purpose: transactional}
steps:
  - if: {any: [{did: {event: review.created, times: 2}}, {did: {event: site.visit, times: 3}}]}
    then: [{end: {outcome: twice}}]
  - end: {outcome: once}
""",
    "policy.yaml": POLICY,
    **TEMPLATES,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose playbooks start by changes of standing."""
    return write_project(tmp_path, RULES)


@pytest.fixture
def shop(connection: psycopg.Connection) -> Shop:
    """People around a window from the tenth of May to the twelfth, in the zone of Berlin."""
    shop = Shop(connection)
    customer(shop, "slept-before", "2026-01-01T10:00")
    customer(
        shop, "falls-asleep", "2026-02-08T22:30"
    )  # ninety days later it is half past midnight: the window has begun
    customer(shop, "wakes-up", "2026-02-09T05:00", "2026-05-10T16:00")
    customer(shop, "too-late", "2026-02-10T22:00")  # at the window's end
    customer(shop, "comes-back", "2026-05-01T10:00", "2026-05-10T12:00")
    customer(shop, "a-regular-before", "2026-05-01T10:00", "2026-05-02T10:00")
    customer(shop, "new-and-eager", "2026-05-10T13:00", "2026-05-11T13:00")
    customer(shop, "visitor")
    for number, day in enumerate(("05-09", "05-10")):
        at = utc(f"2026-{day}T20:00")
        put(connection, "site_events", customer_id=shop.customer, key=f"v{number}", kind="visit", at=at, data={})
    customer(shop, "reviewer")
    order = shop.order("reviewed", "2026-05-10T08:00", paid_at="2026-05-10T08:00")
    put(connection, "reviews", order_id=order, key="r1", score=5, created_at=utc("2026-05-11T21:00"))
    connection.commit()
    return shop


def test_journeys_that_changes_of_standing_start_in_a_window_are_the_same_in_two_runs(
    project: Path, database: str, shop: Shop
) -> None:
    logs = []
    for _ in range(2):
        told = regulars(project, database, "replay", "may", "--from", "2026-05-10", "--to", "2026-05-12")
        logs.append((project / ".regulars" / "replay" / "may" / "messages.csv").read_bytes())
        with psycopg.connect(database, options="-c search_path=replay_may -c timezone=UTC") as connection:
            journeys = started(connection)
            causes = connection.execute(
                "select cause, count(*) from standing_changes where kind = 'stage' group by 1"
            ).fetchall()
        assert journeys == [
            ("falls-asleep", "wake", utc("2026-05-09T22:30"), "ended"),
            ("wakes-up", "wake", utc("2026-05-10T05:00"), "stage sleeping -> active"),
            ("comes-back", "thank", utc("2026-05-10T12:00"), "ended"),
            ("wakes-up", "thank", utc("2026-05-10T16:00"), "ended"),
            ("visitor", "once", utc("2026-05-10T20:00"), "once"),
            ("visitor", "thank", utc("2026-05-10T20:00"), "ended"),
            ("new-and-eager", "thank", utc("2026-05-11T13:00"), "ended"),
            ("reviewer", "once", utc("2026-05-11T21:00"), "once"),
        ]
        # Seven were known before and are judged at once; two fall asleep; one wakes up, two come to be known.
        assert dict(causes) == {"baseline": 7, "flip": 2, "event": 3}
        assert "7 customers judged as of the window's beginning" in told
    assert logs[0] == logs[1]
    sent = [(line["subject"], line["step"], line["at"][:16]) for line in csv.DictReader(logs[0].decode().splitlines())]
    assert sent == [
        ("falls-asleep", "first", "2026-05-10T10:30"),
        ("comes-back", "active", "2026-05-10T12:00"),
        ("wakes-up", "active", "2026-05-10T16:00"),
        ("visitor", "other", "2026-05-10T20:00"),
        ("falls-asleep", "second", "2026-05-11T10:30"),
        ("new-and-eager", "active", "2026-05-11T13:00"),
    ]


def test_only_what_a_live_playbook_uses_is_decided_with_all_it_depends_on() -> None:
    rules = compile_rules(RULES)
    assert used_parts(rules) == {"stage", "segment regulars", "segment looking-around"}
    idle = {name: text + "status: draft\n" if name.startswith("playbooks/") else text for name, text in RULES.items()}
    assert not used_parts(compile_rules(idle))
    assert not decides(compile_rules(idle))
    shipped = load_rules(Path("rules"))
    only = shipped.plans["payment-reminder"]
    group = TemplateBy(by="rfm_group", cases={}, default="x")
    asking = only.model_copy(update={"code": (Send(id="send", channels=("email",), template=group), End(id="end"))})
    used = with_used_standing(replace(shipped, plans={only.playbook: asking})).standing
    assert (used.rfm is not None, used.order) == (True, ("rfm",))


def test_a_hold_of_the_policy_uses_standing_too() -> None:
    rules = load_rules(Path("rules"))
    condition = Compare(name="tags", operator="has_any", operands=("returning",)).model_dump(mode="json")
    policy = rules.policy.model_copy(update={"holds": (Hold(condition=condition),)})
    assert used_parts(replace(rules, plans={}, policy=policy)) == {"tag returning"}
