"""A wrong expectation is found, and told with what was found and why."""

from dataclasses import replace

import pytest

from engine.ruletests.read import read_tests
from engine.ruletests.run import run_all
from engine.standing.definition import Lifecycle
from tests.ruletests.shop import HEAD, outcomes, rules

STANDING = rules().standing

GOOD = "orders: [{paid: -10d, total: 100 EUR, lines: [{category: shoes}]}], customer: {country: DE}"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("tags: {includes: [good]}", "tags: {excludes: [good]}"),
        ("tags: {excludes: [clicked]}", "tags: {includes: [clicked]}"),
        ("tags: [good, gift]", "tags: [good]"),
        ("tags: [gift, good]", "tags: [good, gift, clicked]"),
        ("segments: []", "segments: [quiet]"),
        ("stage: customer", "stage: prospect"),
        ("stage: customer", "stage: none"),
        ("tier: top", "tier: rest"),
        ("rfm_group: none", "rfm_recency: 5"),
        ("attributes: {spend: 100 EUR}", "attributes: {spend: 99.99 EUR}"),
        ("attributes: {paid_orders: 1}", "attributes: {paid_orders: 2}"),
        ("attributes: {days: 10}", "attributes: {days: {unknown: true}}"),
        ("attributes: {country: DE}", "attributes: {country: FR}"),
        ("attributes: {categories: [shoes]}", "attributes: {categories: [shoes, bags]}"),
        ("attributes: {categories: {includes: [shoes]}}", "attributes: {categories: {excludes: [shoes]}}"),
    ],
)
def test_a_right_expectation_passes_and_a_wrong_one_does_not(right, wrong):
    body = "  {}: {{{}, cut_offs: {{tiers: {{top: 100 EUR}}}}, expect: {{{}}}}}\n"
    passed, failed = outcomes(body.format("right", GOOD, right) + body.format("wrong", GOOD, wrong))
    assert passed.differences == ()
    assert len(failed.differences) == 1


def test_a_difference_says_what_was_found_and_which_clauses_decided():
    (outcome,) = outcomes(
        "  poor:\n    customer: {country: DE}\n    orders: [{paid: -10d, total: 99.5 EUR}]\n"
        "    expect: {tags: {includes: [good]}}\n"
    )
    (difference,) = outcome.differences
    assert (difference.what, difference.expected, difference.found) == ("tags", "includes good", "none")
    assert difference.why == ("tag good does not hold:", "  ✗ spend >= 100 EUR (found 99.50 EUR)")
    assert (difference.at.line, difference.at.column) == (6, 14)


def test_a_tag_that_is_there_and_should_not_be_is_told_with_what_gives_it():
    (outcome,) = outcomes(f"  rich: {{{GOOD}, expect: {{tags: [gift]}}}}\n")
    assert outcome.differences[0].why == (
        "tag good holds:",
        "  ✓ spend >= 100 EUR (found 100 EUR)",
        "  ✓ country in DE, FR (found DE)",
    )


def test_a_wrong_stage_is_told_with_the_clauses_of_both():
    (outcome,) = outcomes("  somebody: {orders: [-3d], expect: {stage: prospect}}\n")
    (difference,) = outcome.differences
    assert (difference.expected, difference.found) == ("prospect", "customer")
    assert difference.why == (
        "stage prospect does not hold:",
        "  ✗ paid_orders is 0 (found 1)",
        "stage customer holds:",
        "  ✓ paid_orders >= 1 (found 1)",
    )


def test_stages_that_overlap_are_a_difference_although_the_first_is_the_expected_one():
    prospect, customer = STANDING.lifecycle.stages
    both = customer.model_copy(update={"when": prospect.when})
    standing = STANDING.model_copy(update={"lifecycle": Lifecycle(stages=(prospect, both))})
    compiled = replace(rules(HEAD + "  nobody: {expect: {stage: prospect}}\n"), standing=standing)
    (outcome,) = run_all(compiled, read_tests(compiled).cases)
    (difference,) = outcome.differences
    assert difference.found == "prospect and customer"
    assert difference.why[-1] == "a customer is in one stage: prospect and customer overlap"


def test_a_tier_without_cut_offs_says_that_they_are_missing():
    (outcome,) = outcomes(f"  rich: {{{GOOD}, expect: {{tier: top}}}}\n")
    assert outcome.differences[0].why == ("the test gives no cut_offs of tiers",)


def test_what_changes_under_but_turns_the_expectation_around():
    found = outcomes(
        f"  good: {{{GOOD}, expect: {{tags: {{includes: [good], excludes: [clicked]}}}}, but:\n"
        "      {elsewhere: {customer: {country: US}, events: [{event: message.clicked, at: -2d}]},\n"
        "       still: {orders: [{paid: -3d, total: 500 EUR}]}}}\n"
    )
    assert [each.case.name for each in found] == ["good", "good / elsewhere", "good / still"]
    assert [each.passed for each in found] == [True, True, False]


def test_events_that_no_fact_tells_are_seen_within_their_window():
    passed, failed = outcomes(
        "  now: {events: [{event: message.clicked, at: -30d +1s}], expect: {tags: {includes: [clicked]}}}\n"
        "  then: {events: [{event: message.clicked, at: -30d}], expect: {tags: {includes: [clicked]}}}\n"
    )
    assert passed.passed
    assert failed.differences[0].why == (
        "tag clicked does not hold:",
        "  ✗ did message.clicked within 30d (found never)",
    )


def test_a_tag_expires_after_what_the_customer_was_before():
    found = outcomes(
        f"  fresh: {{{GOOD}, before: {{at: -10d +1s, tags: [gift]}}, expect: {{tags: {{includes: [gift]}}}}}}\n"
        f"  stale: {{{GOOD}, before: {{at: -10d, tags: [gift]}}, expect: {{tags: {{excludes: [gift]}}}}}}\n"
    )
    assert [each.differences for each in found] == [(), ()]


def test_tags_by_hand_hold_until_they_end():
    found = outcomes(
        "  given: {hand_tags: [noted], expect: {tags: [noted]}}\n"
        "  over: {hand_tags: [{tag: noted, at: -9d, expires: -1s}], expect: {tags: []}}\n"
        "  to come: {hand_tags: [{tag: noted, at: +1s}], expect: {tags: []}}\n"
        "  missed: {expect: {tags: [noted]}}\n"
    )
    assert [each.passed for each in found] == [True, True, True, False]
    assert found[3].differences[0].why == ("tag noted is given by hand only",)
