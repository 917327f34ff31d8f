"""Rules of a small shop, and a crowd of whom everything is known beforehand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from engine.language.files import read_directory
from engine.language.rules import Rules, compile_rules, is_test
from tests.facts.shop import put

NOW = datetime.now(UTC).replace(microsecond=0)
"""Commands know no other now, so the crowd lives in the days before it."""
PEOPLE = 40

OWN: Mapping[str, str] = {
    "tags.yaml": """
tags:
  regular: {title: Regular, when: {paid_orders: {gte: 2}}}
""",
    "segments.yaml": """
segments:
  quiet: {title: Gone quiet, when: {days_since_last_order: {gte: 90}}}
  quiet-regulars: {title: Regulars gone quiet, when: [{segments: quiet}, {tags: regular}]}
  untouched: {title: Spent something, when: {spend_ever: {gt: 0 EUR}}}
""",
    "lifecycle.yaml": """
lifecycle:
  stages:
    prospect: {title: Prospect, when: {paid_orders: 0}}
    active: {title: Active, when: {days_since_last_order: {lt: 120}}}
    lost: {title: Lost, when: {days_since_last_order: {gte: 120}}}
""",
    "tiers.yaml": """
tiers:
  rank_by: spend_ever
  base: {spend_ever: {gt: 0 EUR}}
  grace: 30d
  review: {month: 1, day: 15}
  levels:
    vip: {title: VIP, share: 10%}
    ordinary: {title: Ordinary}
""",
    "policy.yaml": """
policy:
  zone: Europe/Berlin
  locale: en
  purposes:
    marketing: {consent: opt_in}
  caps:
    - {at_most: 3, per: 7d, purposes: [marketing]}
  channels:
    email: {provider: mailbox, sender: "Shop <shop@example.com>"}
  apply: {confirm_above: 20%}
""",
    "playbooks/call-back.yaml": """
playbook: call-back
title: Call back
for: customer
status: live
start:
  enters: {segment: quiet}
  only_if: {paid_orders: {gte: 2}}
  once_per: 60d
stop: {event: order.paid}
controls: {purpose: marketing, holdout: 20%}
steps:
  - send: {id: first, channel: email, template: hello}
  - wait: 3d
  - send: {id: second, channel: email, template: hello}
  - wait: 20d
  - send: {id: third, channel: email, template: hello}
""",
    "templates/hello.en.txt": "Subject: Hello\n\nHello.\n",
}


def compiled(**edits: str) -> Rules:
    """The shop's rules; each edit replaces a whole file, named with `_` for what no keyword can have."""
    files = {**_shipped(), **OWN, **{path: text for path, text in edits.items() if text}}
    rules = compile_rules({path: text for path, text in files.items() if edits.get(path) != ""})
    errors = [issue for issue in rules.issues if issue.severity == "error"]
    assert not errors, errors
    return rules


def edited(path: str, *changes: tuple[str, str]) -> Rules:
    """The shop's rules with parts of one file written otherwise."""
    return compiled(**{path: rewritten(path, *changes)})


def rewritten(path: str, *changes: tuple[str, str]) -> str:
    """One file of the shop's, with parts written otherwise."""
    text = OWN[path]
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return text


def _shipped() -> dict[str, str]:
    """The shipped attributes and word lists."""
    files = read_directory(Path("rules"))
    return {
        path: text
        for path, text in files.items()
        if (path.startswith("attributes/") or path == "words.yaml") and not is_test(path)
    }


@dataclass(frozen=True)
class Person:
    """What is known of one of the crowd: our number, orders, days since the last, and what she paid in cents."""

    id: int
    key: str
    orders: int
    days: int | None
    cents: int


def crowd(connection: psycopg.Connection, people: int = PEOPLE) -> list[Person]:
    """Person number n has n modulo 4 orders, the last of them 7 n days and an hour ago, each of n euros."""
    shop = put(connection, "shops", key="main", name="Main", zone="Europe/Berlin", currency="EUR")
    found = []
    for number in range(people):
        key = f"p{number:03}"
        customer = put(connection, "customers", key=key, country="DE", locale="en", zone="Europe/Berlin")
        put_identity(connection, shop, customer, key)
        orders = number % 4
        for each in range(orders):
            at = NOW - timedelta(days=7 * number + 30 * each, hours=1)
            order = put(
                connection, "orders", shop_id=shop, customer_id=customer, number=f"{number}-{each}", currency="EUR",
                placed_at=at, paid_at=at,
            )  # fmt: skip
            put(
                connection, "payments", order_id=order, sequence=1, method="card", amount_minor=100 * number,
                currency="EUR", paid_at=at,
            )  # fmt: skip
        found.append(Person(customer, key, orders, 7 * number if orders else None, 100 * number * orders))
    connection.commit()
    return found


def put_identity(connection: psycopg.Connection, shop: int, customer: int, key: str) -> None:
    """The shop's own name for a customer."""
    connection.execute(
        "insert into customer_identities (customer_id, shop_id, key) values (%s, %s, %s)", (customer, shop, key)
    )
