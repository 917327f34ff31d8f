"""Conditions as written, and the trees they become."""

import pytest

from engine.conditions.ast import All, Any, Compare, Did, Not, StepIs
from engine.language.rules import compile_rules
from tests.language.shop import condition, playbook


def compiled(text):
    rules = compile_rules(condition(text))
    assert rules.issues == ()
    return rules.plans["tried"].code[0].condition


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{country: DE}", Compare(name="country", operator="eq", operand="DE")),
        ("{country: NO}", Compare(name="country", operator="eq", operand="NO")),
        ("{country: [DE, FR]}", Compare(name="country", operator="in", operands=("DE", "FR"))),
        ("{country: {in: [DE, FR, DE]}}", Compare(name="country", operator="in", operands=("DE", "FR"))),
        ("{country: {not_in: [DE]}}", Compare(name="country", operator="not_in", operands=("DE",))),
        ("{country: {known: true}}", Compare(name="country", operator="known")),
        ("{country: {known: false}}", Compare(name="country", operator="unknown")),
        ("{country: {unknown: true}}", Compare(name="country", operator="unknown")),
        ("{first_time_buyer: false}", Compare(name="first_time_buyer", operator="eq", operand=False)),
        ("{paid_orders: 010}", Compare(name="paid_orders", operator="eq", operand=10)),
        ("{paid_orders: [1, 2]}", Compare(name="paid_orders", operator="in", operands=(1, 2))),
        ("{average_score: {gte: 4}}", Compare(name="average_score", operator="gte", operand="4")),
        ("{average_score: {gte: 4.50}}", Compare(name="average_score", operator="gte", operand="4.50")),
        ("{birthday: {lt: 2000-01-01}}", Compare(name="birthday", operator="lt", operand="2000-01-01")),
        (
            '{last_order_at: {lt: "2026-03-01T12:00:00+02:00"}}',
            Compare(name="last_order_at", operator="lt", operand="2026-03-01T10:00:00Z"),
        ),
        ("{channels: mail}", Compare(name="channels", operator="has_any", operands=("mail",))),
        ("{channels: {has_none: [mail, ad]}}", Compare(name="channels", operator="has_none", operands=("mail", "ad"))),
        ("{spend_24mo: {gte: 12.50 EUR}}", Compare(name="spend_24mo", operator="gte", amounts=(("EUR", 1250),))),
        (
            "{spend_24mo: {gte: [500 EUR, 2500 BRL, 50000 JPY]}}",
            Compare(name="spend_24mo", operator="gte", amounts=(("EUR", 50000), ("BRL", 250000), ("JPY", 50000))),
        ),
        ("{order.total: {lt: 5 EUR}}", Compare(name="order.total", operator="lt", amounts=(("EUR", 500),))),
    ],
)
def test_a_comparison_becomes_one_clause(text, expected):
    assert compiled(text) == expected


GERMAN = Compare(name="country", operator="eq", operand="DE")
NEW = Compare(name="first_time_buyer", operator="eq", operand=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{country: DE, first_time_buyer: true}", All(parts=(GERMAN, NEW))),
        ("[{country: DE}, {first_time_buyer: true}]", All(parts=(GERMAN, NEW))),
        ("{all: [{country: DE}, {first_time_buyer: true}]}", All(parts=(GERMAN, NEW))),
        ("{any: [{country: DE}, {first_time_buyer: true}]}", Any(parts=(GERMAN, NEW))),
        ("{not: {country: DE, first_time_buyer: true}}", Not(part=All(parts=(GERMAN, NEW)))),
        (
            "{paid_orders: {gte: 2, lt: 5}}",
            All(
                parts=(
                    Compare(name="paid_orders", operator="gte", operand=2),
                    Compare(name="paid_orders", operator="lt", operand=5),
                )
            ),
        ),
        ("{did: {event: order.paid}}", Did(event="order.paid")),
        (
            "{did_not: {event: order.paid, where: {category: shoes}, within: 60d, times: 2}}",
            Not(
                part=Did(
                    event="order.paid",
                    where=Compare(name="category", operator="has_any", operands=("shoes",)),
                    within_seconds=60 * 86400,
                    times=2,
                )
            ),
        ),
    ],
)
def test_conditions_combine(text, expected):
    assert compiled(text) == expected


def test_what_became_of_an_earlier_message_can_be_asked():
    steps = """\
  - send: {id: first, channel: email, template: unpaid}
  - wait: 2d
  - if: {step: first, sent: true, opened: false}
    then: [end]
"""
    code = compile_rules(playbook(steps)).plans["tried"].code
    opened = StepIs.model_validate({"step": "first", "state": "opened", "is": False})
    assert code[2].condition == All(parts=(StepIs(step="first", state="sent"), opened))


def test_a_where_has_the_fields_of_its_event():
    rules = compile_rules(
        playbook("  - end\n", "for: order\nstart: {event: review.created, where: {score: {lte: 2}, channel: ad}}\n")
    )
    where = rules.plans["tried"].start.any[0].where
    assert where == All(
        parts=(
            Compare(name="score", operator="lte", operand=2),
            Compare(name="channel", operator="eq", operand="ad"),
        )
    )


def test_a_condition_on_a_faulty_attribute_disables_the_playbook_without_a_second_error():
    files = condition("{visits: {gte: 1}}")
    broken = "attributes: {visits: {title: Visits, type: integer, count: site_event}}"
    rules = compile_rules({**files, "attributes_more.yaml": broken})
    assert [(issue.code, issue.severity) for issue in rules.issues] == [("RG304", "error"), ("RG313", "warning")]
    assert rules.disabled == ("attribute visits", "playbook tried")
    assert list(rules.plans) == ["reminder"]


def test_an_unreadable_file_of_attributes_makes_no_flood_of_unknown_names():
    rules = compile_rules({**condition("{visits: {gte: 1}, spend: 5 EUR}"), "attributes_more.yaml": "attributes: ["})
    assert [(issue.code, issue.file) for issue in rules.issues] == [
        ("RG103", "attributes_more.yaml"),
        ("RG313", "playbooks/tried.yaml"),
        ("RG313", "playbooks/tried.yaml"),
    ]
    assert "tried" not in rules.plans
