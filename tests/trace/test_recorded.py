"""One customer's path: what a replay on real servers has recorded, and what a simulation has of the same facts."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.dispatch.versions import StoredVersions
from engine.explain.customers import Customer, find_customer
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.language.rules import Rules, load_rules
from engine.simulation.backtest import Window
from engine.simulation.compiled import Compiled
from engine.trace.recorded import NO_RULES, OTHERWISE, recorded_paths
from engine.trace.simulated import simulated_paths
from engine.trace.timeline import Moment
from engine.trace.timeline import Path as Journey
from tests.facts.shop import Shop, put, utc
from tests.olist.test_replay import regulars
from tests.projects import write_project
from tests.replay.windows import customer
from tests.workflows.rules import TEMPLATES

pytestmark = pytest.mark.timeout(600)

RULES = {
    "attributes.yaml": """
attributes:
  paid_orders: {title: Paid orders, type: integer, unit: orders, count: orders, where: {paid: true}}
  days_since_last_order: {title: Days, type: integer, days_since: orders.placed_at, where: {paid: true}}
""",
    "tags.yaml": "tags: {warm: {title: Warm, by_hand: true}}\n",
    "lifecycle.yaml": """
lifecycle:
  stages:
    prospect: {title: Prospect, when: {paid_orders: 0}}
    active: {title: Active, when: {days_since_last_order: {lt: 90}}}
    sleeping: {title: Sleeping, when: {days_since_last_order: {gte: 90}}}
""",
    "policy.yaml": """
policy:
  zone: Europe/Berlin
  locale: en
  quiet_hours: {start: "21:00", end: "08:00", spread: 30m}
  purposes: {service: {consent: opt_out}, marketing: {consent: opt_in}}
  channels: {email: {provider: mailbox, sender: "Shop <shop@example.com>"}}
""",
    "playbooks/unpaid.yaml": """
playbook: unpaid
title: Unpaid
for: order
start: {event: order.placed, where: {payment_method: bank_slip}, max_age: 24h}
stop: {event: order.paid}
goal: {event: order.paid, within: 7d}
controls: {purpose: service}
steps:
  - wait: 12h
  - send: {id: first, title: First, channel: email, template: {by: paid_orders, "0": hello, default: reminder}}
  - split: {id: wording, shares: {short: 50%, long: 50%}}
    arms: {short: [{wait: 1h}], long: [{wait: 2h}]}
  - if: {paid_orders: {gte: 1}}
    title: has she bought before
    then: [{task: {id: call, team: sales, title: Call, due: 4h}}]
    else: [{end: {outcome: new}}]
""",
    "playbooks/wake.yaml": """
playbook: wake
title: Wake
for: customer
start: {enters: {stage: sleeping}}
controls: {purpose: service}
steps:
  - parallel:
      writing:
        - send: {id: news, title: News, channel: email, template: hello}
        - if: {step: news, sent: true}
          then: [{wait: 6h}]
      watching:
        - wait_for: {event: site.visit, within: 1d}
          got: [{tag: {add: warm, expires: 30d}}]
  - repeat: {id: rounds, times: 2, every: 6h}
    steps: [{send: {id: again, title: Again, channel: email, template: hello}}]
""",
    **TEMPLATES,
}
START, TO = utc("2026-05-09T22:00"), utc("2026-05-12T22:00")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path, RULES)


@pytest.fixture
def shop(connection: psycopg.Connection[Any]) -> Shop:
    """People around a window of three days in May, in Berlin and in São Paulo."""
    shop = Shop(connection)
    customer(shop, "buys-again", "2026-05-01T10:00")
    unpaid(shop, "B-1", "2026-05-10T06:00")
    customer(shop, "is-new", zone="America/Sao_Paulo", country="BR")
    unpaid(shop, "N-1", "2026-05-10T06:00")
    customer(shop, "pays-in-time")
    unpaid(shop, "P-1", "2026-05-10T06:00", paid_at="2026-05-10T11:00")
    customer(shop, "pays-at-night")
    unpaid(shop, "P-2", "2026-05-10T08:00", paid_at="2026-05-10T23:00")
    customer(shop, "has-no-address")
    connection.execute("update customers set email = null where id = %s", (shop.customer,))
    unpaid(shop, "A-1", "2026-05-10T06:00")
    customer(shop, "falls-asleep", "2026-02-09T08:00")
    customer(shop, "comes-by", "2026-02-09T09:00")
    for number, at in enumerate(("2026-05-11T07:00", "2026-05-11T09:00")):
        put(connection, "site_events", customer_id=shop.customer, key=f"v{number}", kind="visit", at=utc(at), data={})
    connection.commit()
    return shop


def unpaid(shop: Shop, number: str, placed: str, **more: Any) -> None:
    shop.order(number, placed, payment_method="bank_slip", **more)


PEOPLE = {
    "buys-again": "unpaid", "is-new": "unpaid", "pays-in-time": "unpaid", "pays-at-night": "unpaid",
    "has-no-address": "unpaid", "falls-asleep": "wake", "comes-by": "wake",
}  # fmt: skip


def told(moments: Sequence[Moment]) -> list[str]:
    """Kind and words of what both sources have, with the minute; how a window ends is each source's own."""
    return [
        f"{each.at.astimezone(UTC):%m-%d %H:%M} {each.what}: {each.words}"
        + (f" until {each.until:%m-%d %H:%M}" if each.until and each.what in ("wait", "message") else "")
        + "".join(f" [{line}]" for line in each.because)
        for each in moments
        if each.what not in ("goal", "stands") and "replay" not in each.words
    ]


def recorded(connection: psycopg.Connection[Any], rules: Rules, key: str, playbook: str) -> list[Journey]:
    whose = find_customer(connection, key)
    matcher = EventMatcher(load_contracts(), "EUR")
    versions = StoredVersions({rules.version: rules})
    zone = "America/Sao_Paulo" if key == "is-new" else "Europe/Berlin"
    return list(recorded_paths(connection, versions, matcher, whose.id, playbook, zone, datetime.now(UTC)))


def test_what_was_recorded_is_what_a_simulation_has_with_the_same_facts_behind_it(project, shop, database, tmp_path):
    regulars(project, database, "replay", "may", "--from", "2026-05-10", "--to", "2026-05-13")
    rules = load_rules(project / "rules")
    paths: dict[str, list[Journey]] = {}
    with (
        psycopg.connect(database, options="-c search_path=replay_may -c timezone=UTC") as replay,
        psycopg.connect(database, options="-c timezone=UTC") as own,
    ):
        for key, playbook in PEOPLE.items():
            whose = find_customer(own, key)
            compiled = Compiled(rules, (playbook,), "EUR")
            window = Window(database, rules, (playbook,), START, TO, "EUR")
            paths[key] = recorded(replay, rules, key, playbook)
            in_memory = simulated_paths(own, compiled, window, rules.plans[playbook], Customer(whose.id, key))
            assert [told(each.moments) for each in paths[key]] == [told(each.moments) for each in in_memory], key
        _check_paths(paths)
        _check_what_is_only_recorded(replay, rules)
    _check_commands(project, database)


def _check_paths(paths: dict[str, list[Journey]]) -> None:
    (again,) = paths["buys-again"]
    assert (again.state, again.outcome, again.about) == ("ended", "ended", "order B-1")
    arm = "short" if "arm short" in " ".join(told(again.moments)) else "long"
    hour = 19 if arm == "short" else 20
    assert told(again.moments) == [
        "05-10 06:00 start: Begins with order.placed",
        "05-10 06:00 wait: Waiting 12 h until 05-10 18:00",
        "05-10 18:00 message: First by email: sent by email, wording reminder",
        f"05-10 18:00 question: Experiment wording: short or long: the arm {arm}",
        f"05-10 18:00 wait: Waiting {1 if arm == 'short' else 2} h until 05-10 {hour}:00",
        f"05-10 {hour}:00 question: Has she bought before? yes [yes paid_orders is at least 1 order; found 1 order]",
        f"05-10 {hour}:00 task: Task for sales: Call",
        f"05-10 {hour}:00 end: Ends",
    ]
    (new,) = paths["is-new"]
    assert (new.state, new.outcome) == ("ended", "new")
    assert told(new.moments)[-1].endswith("end: Ends: new")
    assert "[no  paid_orders is at least 1 order; found 0 orders]" in " ".join(told(new.moments))
    (paid,) = paths["pays-in-time"]
    assert told(paid.moments)[-1] == "05-10 11:00 end: Is stopped: order.paid"
    assert [each.words for each in paid.moments if each.what == "goal"] == ["The goal is reached: order.paid"]
    (night,) = paths["pays-at-night"]
    held = [line for line in told(night.moments) if "held back" in line]
    assert len(held) == 1
    assert held[0].startswith("05-10 20:00 message: First by email: held back: it was night where the customer lives")
    assert "not sent: what the journey was about had happened already" in " ".join(told(night.moments))
    (nobody,) = paths["has-no-address"]
    assert "not sent: the shop knows no address of the customer for the channel (no_address)" in " ".join(
        told(nobody.moments)
    )
    (asleep,) = paths["falls-asleep"]
    words = told(asleep.moments)
    assert words[0] == "05-10 08:00 start: Begins: stage active -> sleeping"
    assert "05-10 08:00 question: News was sent? yes [yes news was sent]" in words
    assert "05-11 08:00 came: Nothing came: Waiting for site.visit, at most 1 day" in words
    (visitor,) = paths["comes-by"]
    assert "05-11 07:00 came: site.visit came" in told(visitor.moments)
    assert "05-11 07:00 tag: Gets the tag warm" in told(visitor.moments)
    assert sum("Again by email: sent" in line for line in told(visitor.moments)) == 2
    assert any("the next round" in line for line in told(visitor.moments))


def _check_what_is_only_recorded(replay: psycopg.Connection[Any], rules: Rules) -> None:
    """Responses, closed tasks, what people did, and rows that the facts of today do not lead to."""
    task = replay.execute("select id from tasks limit 1").fetchone()
    assert task is not None
    replay.execute("update tasks set closed_at = opened_at + interval '1 hour', closed_by = 'eve'")
    journey = replay.execute("select id from journeys where playbook = 'unpaid' and outcome = 'ended'").fetchone()
    assert journey is not None
    message = replay.execute("select id, at from messages where journey_id = %s", journey).fetchone()
    assert message is not None
    put(replay, "message_events", message_id=message[0], kind="opened", key="o", at=message[1] + timedelta(minutes=5))
    put(
        replay, "actions", action="pause", journey_id=journey[0], playbook="unpaid", author="eve",
        reason="looking into it", at=message[1] + timedelta(minutes=10),
    )  # fmt: skip
    (path,) = recorded(replay, rules, "buys-again", "unpaid")
    words = told(path.moments)
    assert "05-10 18:05 response: First by email: opened" in words
    assert "05-10 18:10 people: Paused by eve: looking into it" in words
    assert any(line.endswith("task: Task Call: closed by eve") for line in words)
    assert [each.until - each.at for each in path.moments if each.what == "task" and each.until] == [timedelta(hours=4)]
    replay.execute("update orders set paid_at = null where number = 'buys-again-1'")
    (otherwise,) = recorded(replay, rules, "buys-again", "unpaid")
    assert OTHERWISE in [each.words for each in otherwise.moments]
    assert "Task for sales: Call" in [each.words for each in otherwise.moments]
    replay.execute("update rule_versions set files = '{}' where version = %s", (rules.version,))
    empty = Rules("x", {}, {}, rules.policy, {}, {}, ())
    (bare,) = recorded(replay, empty, "buys-again", "unpaid")
    assert NO_RULES in [each.words for each in bare.moments]
    assert "First: sent by email, wording reminder" in [each.words for each in bare.moments]
    replay.rollback()


def _check_commands(project: Path, database: str) -> None:
    text = regulars(project, database, "trace", "is-new", "unpaid", "--replay", "may")
    assert "Times are by her clock (America/Sao_Paulo), beside it by the shop's (Europe/Berlin)." in text
    assert "  2026-05-10 15:00:00  20:00:00" in text
    found = json.loads(regulars(project, database, "trace", "is-new", "unpaid", "--replay", "may", "--format", "json"))
    assert found["source"] == "recorded"
    assert found["paths"][0]["moments"][0]["at"] == "2026-05-10T06:00:00Z"
    window = ("--simulated", "--from", "2026-05-10", "--to", "2026-05-13")
    in_memory = json.loads(regulars(project, database, "trace", "is-new", "unpaid", *window, "--format", "json"))
    assert in_memory["source"] == "simulated"
    assert [each["words"] for each in in_memory["paths"][0]["moments"]] == [
        each["words"] for each in found["paths"][0]["moments"]
    ]
    assert "There is no journey of wake for this customer." in regulars(project, database, "trace", "is-new", "wake")
    nothing = regulars(project, database, "trace", "is-new", "wake", *window)
    assert "Nothing starts it for this customer between 2026-05-10 and 2026-05-13." in nothing
    assert "Assumed: history is replayed as it was" in nothing
