"""What an operator may say with each aggregation, and what is told where it cannot be."""

import pytest

from engine.language.rules import compile_rules


def declared(text):
    return compile_rules({"attributes.yaml": f"attributes:\n  x: {{title: X, {text}}}\n"})


@pytest.mark.parametrize(
    "text",
    [
        "type: integer, age: customer.birthday",
        "type: integer, age: customer.birthday, calendar: true",
        "type: decimal, scale: 2, share: orders, that: {late: true}, where: {paid: true}, within: 30d",
        "type: integer, streak: messages, that: {opened: false}",
        "type: decimal, scale: 1, mean: reviews.score",
        "type: integer, mean: reviews.score",
        "type: money, mean: lines.unit_price",
        "type: string, top: lines.category",
        "type: string, top: orders.category",
        "type: integer, top: orders.placed_hour",
        "type: integer, days_since_first: orders.placed_at",
        "type: integer, days_since: customer.known_since",
        "type: integer, interval: orders.placed_at",
        "type: decimal, scale: 1, median_interval: orders.placed_at",
        "type: integer, hour: site_events.at",
        "type: integer, weekday: orders.paid_at",
        "type: string, value: customer.zodiac",
    ],
)
def test_every_aggregation_can_be_declared(text):
    rules = declared(text)
    assert not rules.issues
    assert rules.catalogue["x"]


@pytest.mark.parametrize(
    ("text", "code", "found"),
    [
        ("type: decimal, scale: 2, share: orders", "RG202", "no key that"),
        ("type: decimal, share: orders, that: {late: true}", "RG202", "no key scale"),
        ("type: integer, share: orders, that: {late: true}", "RG403", "integer"),
        ("type: integer, count: orders, that: {late: true}", "RG201", "that beside count"),
        ("type: integer, streak: orders, that: {lat: true}", "RG303", "lat"),
        ("type: integer, age: customer.known_since", "RG404", "customer.known_since, of type instant"),
        ("type: integer, age: orders.placed_at", "RG404", "orders.placed_at"),
        ("type: integer, age: customer.birthday, where: {city: Berlin}", "RG201", "where beside age"),
        ("type: integer, days_since: customer.known_since, within: 30d", "RG201", "within beside days_since"),
        ("type: integer, days_since: customer.birthday", "RG404", "customer.birthday, of type date"),
        ("type: money, top: lines.unit_price", "RG404", "lines.unit_price, of type money"),
        ("type: set, top: orders.category", "RG403", "set"),
        ("type: decimal, scale: 1, mean: lines.unit_price", "RG403", "decimal"),
        ("type: decimal, mean: reviews.score", "RG202", "no key scale"),
        ("type: integer, median_interval: orders.placed_at", "RG403", "integer"),
        ("type: integer, hour: orders.total", "RG404", "orders.total, of type money"),
        ("type: integer, weekday: orders", "RG303", "orders"),
        ("type: integer, interval: customer.known_since", "RG404", "customer.known_since"),
        ("type: string, last: reviews.text", "RG303", "reviews.text"),
        ("type: integer, count: campaign_periods, where: {purchases: {gt: 1}}", "RG303", "purchases"),
    ],
)
def test_a_mistake_is_told_with_what_was_found(text, code, found):
    rules = declared(text)
    told = [(issue.code, issue.found) for issue in rules.issues if issue.severity == "error"]
    assert told == [(code, found)]
    assert not rules.catalogue
