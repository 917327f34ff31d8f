"""Proofs over a small shop, held against golden texts; nothing later than the instant is known."""

import json
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest

from engine.explain import text
from engine.explain.customers import UnknownCustomerError, find_customer
from engine.explain.proof import Explained, Overview, to_json
from engine.explain.subject import UnknownRuleError
from tests.explain.conftest import AT
from tests.facts.shop import put, utc

GOLDEN = Path(__file__).parent / "golden"
_MARKUP = re.compile(r"\[/?(?:green|red|bold)?\]")


def told(answer: Explained | Overview, rules) -> str:
    clock = text.Clock(answer.decided.zone)
    words = text.overview(answer, clock) if isinstance(answer, Overview) else text.explained(answer, clock)
    return _MARKUP.sub("", words).replace(rules.version, "VERSION") + "\n"


def held(name: str, found: str) -> None:
    """Against the golden text; REGULARS_WRITE_GOLDEN=1 writes it."""
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("REGULARS_WRITE_GOLDEN") == "1":
        path.write_text(found)
    assert found == path.read_text()


@pytest.mark.parametrize(
    ("golden", "customer", "rule", "why_not"),
    [
        ("segment-inside", "main-ana", "quiet-and-good", False),
        ("segment-outside", "main-ben", "quiet-and-good", True),
        ("stage", "main-ana", "stage", False),
        ("tier", "main-ana", "tier/vip", False),
        ("tier-why-not", "main-ben", "tier/vip", True),
        ("tag-expiring", "main-ben", "welcome", False),
        ("attribute", "main-ana", "average_order", False),
        ("by-hand", "main-ana", "friends", True),
    ],
)
def test_a_proof_reads_as_written_down(explainer, case, rules, golden, customer, rule, why_not):
    held(golden, told(explainer.explain(case(customer), rule, why_not=why_not), rules))


def test_the_whole_standing_in_short_reads_as_written_down(explainer, case, rules):
    held("overview", told(explainer.overview(case()), rules))


def test_the_json_keeps_its_shape(explainer, case, rules):
    found = to_json(explainer.explain(case("main-ben"), "quiet-and-good", why_not=True))
    found["decided"]["rules_version"] = "VERSION"
    held("segment-outside.json", json.dumps(found, indent=2) + "\n")


def test_what_happens_later_changes_nothing_that_is_told_of_before(explainer, case, shop, connection):
    rules = ("quiet-and-good", "stage", "tier/vip", "welcome", "spend_365d")
    before = [to_json(explainer.explain(case(), rule, why_not=True)) for rule in rules]
    overview = to_json(explainer.overview(case()))
    order = shop.order("1003", "2026-06-01T00:01", paid_at="2026-06-02T10:00", total_minor=99_000)
    shop.payment(order, 99_000, "2026-06-02T10:00")
    shop.event("site.visit", "2026-06-03T10:00", "visit-1")
    connection.execute("update orders set cancelled_at = %s where number = '1002'", (utc("2026-06-04T00:00"),))
    put(connection, "hand_tags", customer_id=shop.customer, tag="friend", author="eve", at=utc("2026-06-05T00:00"))
    connection.commit()
    assert [to_json(explainer.explain(case(), rule, why_not=True)) for rule in rules] == before
    assert to_json(explainer.overview(case())) == overview


def test_a_rule_turns_at_the_instant_that_was_told_and_not_a_second_before(explainer, case):
    told_at = explainer.explain(case("main-ben"), "stage").turn.at
    assert told_at is not None
    at = AT + timedelta(microseconds=told_at.at) - timedelta(microseconds=case("main-ben").at)
    assert at == utc("2026-08-18T08:00")
    assert explainer.overview(case("main-ben", at - timedelta(seconds=1))).stage.name == "active"
    assert explainer.overview(case("main-ben", at)).stage.name == "sleeping"


def test_of_an_unknown_rule_or_customer_the_one_that_may_be_meant_is_named(explainer, case, connection):
    with pytest.raises(UnknownRuleError, match="did you mean quiet-and-good"):
        explainer.explain(case(), "quiet-and-god")
    with pytest.raises(UnknownRuleError, match="expected a kind of rule"):
        explainer.explain(case(), "segmnt/friends")
    with pytest.raises(UnknownCustomerError, match="did you mean main-ana"):
        find_customer(connection, "main-anna")
    number = find_customer(connection, "main-ana").id
    assert find_customer(connection, str(number)).key == "main-ana"
