"""A few small rules, and tests of them given as text."""

from engine.language.rules import compile_rules
from engine.ruletests.read import read_tests
from engine.ruletests.run import run_all

ATTRIBUTES = """
attributes:
  paid_orders: {title: Paid orders, type: integer, count: orders, where: {paid: true}}
  spend: {title: Spend, type: money, sum: payments.amount, where: {paid: true}}
  days: {title: Days, type: integer, unit: days, days_since: orders.placed_at, where: {paid: true}}
  country: {title: Country, type: string, value: customer.country}
  categories: {title: Categories, type: set, distinct: lines.category}
"""
TAGS = """
tags:
  good:
    title: Good
    when:
      spend: {gte: 100 EUR}
      country: [DE, FR]
  clicked: {title: Clicked, when: {did: {event: message.clicked, within: 30d}}}
  gift: {title: Gift, when: {tags: [good]}, expires: 10d}
  noted: {title: Noted, by_hand: true}
"""
SEGMENTS = """
used_by: reports
segments:
  quiet: {title: Quiet, when: {any: [{days: {gte: 90}}, {not: {paid_orders: {gte: 1}}}]}}
"""
LIFECYCLE = """
lifecycle:
  stages:
    prospect: {title: Prospect, when: {paid_orders: 0}}
    customer: {title: Customer, when: {paid_orders: {gte: 1}}}
"""
TIERS = """
tiers:
  rank_by: spend
  base: {spend: {gt: 0}}
  levels:
    top: {title: Top, share: 10%}
    rest: {title: Rest}
"""
FILES = {
    "attributes.yaml": ATTRIBUTES,
    "tags.yaml": TAGS,
    "segments.yaml": SEGMENTS,
    "lifecycle.yaml": LIFECYCLE,
    "tiers.yaml": TIERS,
}
HEAD = "at: 2026-06-01T12:00:00Z\ntests:\n"


def rules(tests="", **more):
    return compile_rules({**FILES, **({"x.test.yaml": tests} if tests else {}), **more})


def suite(tests):
    return read_tests(rules(tests))


def outcomes(body):
    """Of tests that follow the usual head, all sound."""
    compiled = rules(HEAD + body)
    assert [issue for issue in compiled.issues if issue.severity == "error"] == []
    found = read_tests(compiled)
    assert found.issues == ()
    return list(run_all(compiled, found.cases))
