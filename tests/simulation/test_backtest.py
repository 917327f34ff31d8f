"""`regulars simulate` over a shop's own facts: what would have been sent, and what is said when it cannot be."""

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.facts.history import eventful
from engine.facts.pool import connect
from engine.messages.holdout import kept_out
from engine.simulation.backtest import Window, backtest, simulate
from engine.simulation.result import EVERYBODY_ELSE, Load, Sent
from tests.projects import write_project
from tests.workflows.fixtures import open_shop
from tests.workflows.rules import HEAD, POLICY, make_rules
from tests.workflows.shop import ZENOBIA, Shop

__all__ = ["open_shop"]

STEPS = """
steps:
  - wait: 1d
  - send: {id: first, channel: email, template: reminder}
  - wait: 2d
  - send: {id: second, channel: email, template: reminder}
"""
RULES = make_rules(STEPS)
START = datetime(2026, 3, 2, tzinfo=UTC)
TO = START + timedelta(days=3)


WINDOW = ("--from", "2026-03-02", "--to", "2026-03-05")


def day(days: float) -> datetime:
    return START + timedelta(days=days)


@pytest.fixture
def shop(open_shop, tmp_path: Path) -> Shop:
    """Five orders: before the window, paid in time, paid late, without an address, never paid."""
    shop = open_shop(RULES)
    write_project(tmp_path, RULES.files)
    shop.place("N-0", "c0", at=day(-1))
    for number, person in enumerate([ZENOBIA, ZENOBIA, {**ZENOBIA, "email": ""}, ZENOBIA], 1):
        known = {name: value for name, value in person.items() if value}
        shop.place(f"N-{number}", f"c{number}", at=day(0.5), person={**known, **_own(known, number)})
    shop.pay("N-1", at=day(1))
    shop.pay("N-2", at=day(2))
    # What the shop has really done is no part of it.
    shop.execute("delete from outbox")
    shop.execute("delete from journeys")
    return shop


def _own(person: dict[str, str], number: int) -> dict[str, str]:
    return {"email": f"c{number}@example.net"} if "email" in person else {}


def test_everybody_is_simulated_by_several_processes_and_nothing_is_written(shop: Shop) -> None:
    told: list[tuple[int, int]] = []
    window = Window(shop.url, RULES, ("payment-reminder",), START, TO, "EUR")
    result = backtest(window, lambda done, total: told.append((done, total)), processes=2)
    assert result.customers == 5
    assert told[-1] == (5, 5)
    assert dict(result.journeys) == {
        ("payment-reminder", "stopped", "order.paid"): 2,
        ("payment-reminder", "open", ""): 2,
    }
    common = ("payment-reminder", "first", "email", "2026-03-02")
    assert dict(result.messages) == {Sent(*common, "sent", ""): 2, Sent(*common, "skipped", "no_address"): 1}
    assert sorted(result.touched.values()) == [1, 1]
    assert {shop.row("select key from customers where id = %s", number)["key"] for number in result.touched} == {
        "c2",
        "c4",
    }
    assert backtest(window, processes=1) == result
    with connect(shop.url, "public") as connection:
        happened = eventful(connection, START, TO)
        everybody = [row[0] for row in connection.execute("select id from customers")]
        assert set(happened) < set(everybody)  # whom nothing happens to is counted all the same
        assert simulate(connection, window.compiled(), window, everybody) == result
    assert shop.rows("select from journeys") == []
    assert shop.rows("select from messages") == []


def regulars(shop: Shop, project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "engine.cli", "simulate", *arguments, "--project", str(project)],
        env={**os.environ, "REGULARS_DATABASE_URL": shop.url},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_tables_and_writes_them_whole(shop: Shop, tmp_path: Path) -> None:
    output = tmp_path / "result"
    done = regulars(shop, tmp_path, "--from", "2026-03-02", "--to", "2026-03-05", "--output", str(output))
    assert done.returncode == 0, done.stderr
    assert "payment-reminder │ first │ 2    │ 1       │ 0" in done.stdout
    assert "history is replayed as it was" in done.stdout
    told = json.loads((output / "summary.json").read_text())
    assert told["customers"] == 5
    assert told["assumptions"]
    rows = list(csv.DictReader((output / "messages.csv").open()))
    assert {(row["step"], row["state"], row["messages"]) for row in rows} == {
        ("first", "sent", "2"),
        ("first", "skipped", "1"),
    }
    again = regulars(shop, tmp_path, "--from", "2026-03-02", "--to", "2026-03-05", "--output", str(output))
    assert again.returncode == 1
    assert "does not exist yet" in " ".join(again.stderr.replace("│", " ").split())
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".result")] == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--from", "2026-03-05", "--to", "2026-03-02"), "does not lie before --to"),
        (("--from", "2020-03-02", "--to", "2020-03-05"), "found no facts"),
        (
            ("--from", "2026-03-02", "--to", "2026-03-05", "--playbook", "payment-remind"),
            "did you mean payment-reminder?",
        ),
        (("--from", "soon", "--to", "2026-03-05"), "--from: found"),
        ((*WINDOW, "--against", "main"), "found no Git repository around"),
        ((*WINDOW, "--output", "/dev/null/result"), "which cannot be written to"),
    ],
)
def test_what_cannot_be_simulated_is_refused(shop: Shop, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    done = regulars(shop, tmp_path, *arguments)
    assert done.returncode == 1
    assert told in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr


def test_rules_with_mistakes_are_refused_with_their_places_and_never_half_simulated(shop: Shop, tmp_path: Path) -> None:
    sound = (tmp_path / "rules" / "playbooks" / "playbook.yaml").read_text()
    (tmp_path / "rules" / "playbooks" / "other.yaml").write_text(
        sound.replace("playbook: payment-reminder", "playbook: other").replace(
            "template: reminder", "template: remindr"
        )
    )
    done = regulars(shop, tmp_path, *WINDOW, "--output", str(tmp_path / "result"))
    assert done.returncode == 1
    assert "rules/playbooks/other.yaml:" in done.stderr
    assert "did you mean reminder?" in done.stderr
    assert not (tmp_path / "result").exists()
    named = regulars(shop, tmp_path, *WINDOW, "--playbook", "other")
    assert named.returncode == 1
    assert "rules/playbooks/other.yaml:" in named.stderr
    # A mistake elsewhere does not keep a sound playbook that is named from being tried, and is told.
    sound_one = regulars(shop, tmp_path, *WINDOW, "--playbook", "payment-reminder")
    assert sound_one.returncode == 0, sound_one.stderr
    assert "left out of the project's rules because of mistakes: playbook other" in sound_one.stdout


def test_a_template_that_is_missing_in_a_language_is_told_with_its_messages(shop: Shop, tmp_path: Path) -> None:
    shop.execute("update customers set locale = 'fr'")
    shop.execute(
        """insert into customers (key, email, locale) select 'f' || n, 'f' || n || '@example.net', 'fr'
             from generate_series(1, 120) n"""
    )
    shop.execute(
        """insert into orders (shop_id, number, customer_id, payment_method, placed_at, currency, total_minor)
           select 1, 'F-' || id, id, 'bank_slip', %s, 'EUR', 100 from customers where key like 'f%%'""",
        day(0.5),
    )
    done = regulars(shop, tmp_path, *WINDOW)
    assert done.returncode == 0, done.stderr
    assert (
        "! The template reminder is missing in fr: 100 % of the 122 messages to customers who read it go out in en"
        in done.stdout
    )


def test_whoever_is_erased_is_shown_as_that_and_an_address_as_a_key_is_not_shown(shop: Shop, tmp_path: Path) -> None:
    shop.execute("update customers set key = 'zenobia.q@example.net' where key = 'c2'")
    output = tmp_path / "result"
    done = regulars(shop, tmp_path, *WINDOW, "--output", str(output))
    assert done.returncode == 0, done.stderr
    number = shop.row("select id from customers where key like 'zenobia%%'")["id"]
    files = {path.name: path.read_text() for path in output.iterdir()}
    assert f"{number} (our number),1" in files["touched.csv"]
    for name, text in {**files, "terminal": done.stdout}.items():
        for personal in ("example.net", "Zenobia", "Quastenflosser", "4915112345678"):
            assert personal not in text, (name, personal)


def test_orders_in_the_goals_time_are_counted_for_each_group_with_their_revenue(shop: Shop) -> None:
    head = HEAD.replace("controls: {purpose: service}", "controls: {purpose: service, holdout: 50%}")
    goal = "goal: {event: order.paid, within: 1d}\n"
    policy = POLICY.replace("  zone: UTC", "  zone: UTC\n  holdout: 30%")
    rules = make_rules(STEPS, head=head + goal, policy=policy)
    controls = rules.plans["payment-reminder"].controls
    own = {number: kept_out(rules.policy, controls, f"c{number}", "payment-reminder") for number in range(1, 5)}
    result = backtest(Window(shop.url, rules, ("payment-reminder",), START, TO, "EUR"), processes=1)
    # c1 pays half a day after the order, c2 a day and a half after: too late for the goal.
    who = own[1] or EVERYBODY_ELSE
    found = {key: many for key, many in result.goals.items() if many}
    assert {key: many for key, many in found.items() if key[2] in ("reached", "orders", "revenue")} == {
        ("payment-reminder", who, "reached"): 1,
        ("payment-reminder", who, "orders"): 1,
        ("payment-reminder", who, "revenue"): 4990,
    }
    journeys = Counter(each or EVERYBODY_ELSE for each in own.values())
    assert {key[1]: many for key, many in found.items() if key[2] == "journeys"} == journeys
    assert "global_holdout" in journeys  # else this would not tell it from everybody else


MARKETING = POLICY.replace("marketing: {consent: opt_in}", "marketing: {consent: opt_out}").replace(
    "  channels:",
    "  caps: [{at_most: 1, per: 7d, purposes: [marketing]}]\n"
    "  capacities: {replies: {per_day: 100, playbooks: [offer]}}\n"
    "  channels:",
)
OFFER = """
playbook: offer
title: Offer
for: customer
start: {event: order.placed}
controls: {purpose: marketing}
steps:
  - coupon: {id: gift, pool: comeback}
  - send: {id: first, channel: email, template: hello}
"""
LATER = """
playbook: later
title: Later
for: customer
start: {enters: {stage: active}}
controls: {purpose: marketing}
steps:
  - wait: 1h
  - send: {id: second, channel: email, template: hello}
"""
STAGES = """
lifecycle:
  stages:
    prospect: {title: Prospect, when: {orders: 0}, to: [active]}
    active: {title: Active, when: {orders: {gte: 1}}, to: [prospect]}
"""
ORDERS = """
attributes:
  orders:
    title: Orders in the last day
    type: integer
    count: orders
    within: 1d
"""


def test_what_a_team_wants_to_know_is_counted_for_each_customer(shop: Shop) -> None:
    rules = make_rules(
        "",
        head=OFFER,
        policy=MARKETING,
        attributes=ORDERS,
        more={
            "playbooks/later.yaml": LATER,
            "lifecycle.yaml": STAGES,
            "coupons.yaml": "coupons: {comeback: {title: Come back}}\n",
        },
    )
    # c1 and c2 have bought three days before; c2 orders again, when the cap is full for the rest of the window.
    shop.place("B-1", "c1", at=day(-3))
    shop.place("B-2", "c2", at=day(-3))
    shop.pay("B-1", at=day(-2.5))
    shop.pay("B-2", at=day(-2.5))
    shop.execute("delete from outbox")
    result = backtest(Window(shop.url, rules, ("offer", "later"), START, TO, "EUR"), processes=1)
    assert {(each.playbook, each.state, each.reason): many for each, many in result.messages.items()} == {
        ("offer", "sent", ""): 3,
        ("offer", "skipped", "no_address"): 1,
        ("later", "skipped", "no_address"): 1,
        ("later", "skipped", "replay-ended"): 3,
    }
    assert dict(result.held_back) == {("later", "offer"): 3}
    assert result.recent == {"offer": 2}
    assert dict(result.coupons) == {("offer", "comeback"): 4}
    assert result.times == {("offer", "first", 1): 3}
    assert result.written["offer", ""] == 3
    assert result.written["", "2026-03-02"] == 3
    assert result.load[Load("capacity", "replies", "day", "2026-03-02")] == 3
    assert result.load[Load("channel", "email", "hour", "2026-03-02T12:00Z")] == 3
    assert result.hours == {("email", 1, 12): 3}
    # c1 and c2 are known before, c3 and c4 come to be known by their order; a day later nobody has one any more,
    # nor has c0, whose order is a day old when the window begins.
    assert {each[1:]: many for each, many in result.flows.items()} == {
        ("prospect", "active"): 2,
        ("", "active"): 2,
        ("active", "prospect"): 5,
    }
    assert result.standing["stage", "end", "prospect"] == 5
    assert result.steps == {("offer", "gift"): 4, ("offer", "first"): 4, ("later", "second"): 4}
