"""Small playbooks and what becomes of one customer in them, told in lines."""

from datetime import datetime

from engine.language.rules import Rules, compile_rules
from engine.ruletests.playing import Playing
from engine.ruletests.read import read_tests
from engine.ruletests.report import failures_text
from engine.simulation.log import Entry
from engine.simulation.world import World

POLICY = """
policy:
  zone: UTC
  locale: en
  currency: EUR
  purposes:
    transactional: {consent: none}
    service: {consent: opt_out}
    marketing: {consent: opt_in}
  channels:
    email: {provider: mailbox, sender: "Shop <shop@example.com>", in_doubt: hold}
    push: {provider: http, address: customer, request: {body: {text: "{{ text }}"}}}
"""
ATTRIBUTES = """
attributes:
  country: {title: Country, type: string, value: customer.country}
  paid_orders: {title: Paid orders, type: integer, count: orders, where: {paid: true}}
  days: {title: Days, type: integer, unit: days, days_since: orders.placed_at, where: {paid: true}}
  locale: {title: Locale, type: string, value: customer.locale}
  last_visit: {title: Last visit, type: instant, last: site_events.at}
  points_balance: {title: Points, type: integer, sum: points.points, where: {available: true}}
"""
SEGMENTS = """
segments:
  quiet: {title: Quiet, when: {days: {gte: 30}}}
  loyal: {title: Loyal, when: {paid_orders: {gte: 2}}}
"""
TAGS = """
tags:
  noted: {title: Noted, by_hand: true}
"""
COUPONS = """
coupons:
  gifts: {title: Gifts, expires: 14d, per_customer: 1}
"""
ORDER = """
playbook: tried
title: Tried
for: order
start: {event: order.placed}
controls: {purpose: transactional}
"""
CUSTOMER = """
playbook: tried
title: Tried
for: customer
start: {enters: {segment: quiet}}
controls: {purpose: transactional}
"""
HEAD = """
at: 2026-03-02T10:00
playbook: tried
customer: {country: DE, has_email: true}
tests:
"""
TEMPLATES = {f"templates/{name}.en.txt": f"Subject: {name}\n\n{name}\n" for name in ("hello", "again", "bye")}


def files(steps: str, *, head: str = ORDER, policy: str = POLICY, **more: str) -> dict[str, str]:
    """The files of one playbook and what it needs; further playbooks by their name."""
    others = {f"playbooks/{name}.yaml": text for name, text in more.items()}
    return {
        "policy.yaml": policy,
        "attributes.yaml": ATTRIBUTES,
        "segments.yaml": SEGMENTS,
        "tags.yaml": TAGS,
        "coupons.yaml": COUPONS,
        "playbooks/tried.yaml": f"{head}steps:\n{steps}",
        **TEMPLATES,
        **others,
    }


def sound(given: dict[str, str]) -> Rules:
    """Compiled rules without an error."""
    rules = compile_rules(given)
    assert [issue for issue in rules.issues if issue.severity == "error"] == []
    return rules


def passes(steps: str, test: str, **told: str) -> None:
    """Runs one test of the playbook, written as the body of a test in YAML."""
    rules = sound({**files(steps, **told), "tried.test.yaml": f"{HEAD}  it is so: {test}\n"})
    suite = read_tests(rules)
    assert suite.issues == ()
    playing = Playing(rules)
    outcomes = [playing(case, case.scenario) for case in suite.cases if case.scenario is not None]
    assert outcomes
    assert failures_text(outcomes) == ""


def lines(world: World) -> list[str]:
    """What was done in a world: `1 sent hello 10:00`."""
    return [_line(entry) for entry in world.entries if entry.what not in ("begins", "waits")]


def _line(entry: Entry) -> str:
    until = entry.told.get("until")
    ends = f" until {_clock(until)}" if isinstance(until, datetime) else ""
    return f"{entry.journey} {entry.what} {entry.name} {_clock(entry.at)}{ends}"


def _clock(at: datetime) -> str:
    return f"{at:%d %H:%M}"
