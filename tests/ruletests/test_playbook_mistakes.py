"""What is wrong in a test of a playbook is a located error, and what a journey did otherwise is told side by side."""

import re

import pytest

from engine.language.rules import compile_rules
from engine.ruletests.coverage import coverage
from engine.ruletests.read import read_tests
from engine.ruletests.report import failures_text, ways_text
from engine.ruletests.run import run_all
from tests.simulation.scenes import HEAD, ORDER, files

STEPS = """
  - wait: 1d
  - send: {id: hello, channel: email, template: hello}
  - wait: 1d
  - coupon: {id: gift, pool: gifts}
    on_failure: [end]
  - if: {country: DE}
    then: [{send: {id: again, channel: email, template: again}}]
"""
STOPPED = f"{ORDER}stop: {{any: [{{event: order.paid}}, {{event: order.cancelled}}]}}\n"
SOUND = "  sound: {orders: [{placed: 0, paid: +1h}], expect: {journey: [{stopped: order.paid}]}}\n"


def suite(text):
    return read_tests(compile_rules({**files(STEPS, head=STOPPED), "tried.test.yaml": text}))


def outcomes(*tests):
    rules = compile_rules({**files(STEPS, head=STOPPED), "tried.test.yaml": "".join((HEAD, *tests))})
    read = read_tests(rules)
    assert read.issues == ()
    return rules, list(run_all(rules, read.cases))


@pytest.mark.parametrize(
    ("test", "code", "found", "said"),
    [
        ("{playbook: §trid, expect: {journey: none}}", "RG322", "trid", "did you mean tried?"),
        ("{expect: §{}}", "RG202", "no key journey", "what it does, in order, or none"),
        ("{expect: {journey: none, §journeys: []}}", "RG210", "journey and journeys", "one of them"),
        ("{expect: {§jorney: none, journey: none}}", "RG201", "jorney", "did you mean journey?"),
        ("{expect: {§tags: [], journey: none}}", "RG201", "tags", "journey"),
        ("{expect: {journey: §nothing}}", "RG203", "nothing", "what the journey does"),
        ("{expect: {journey: [§{snt: hello}]}}", "RG201", "snt", "did you mean sent?"),
        ("{expect: {journey: [§{sent: hello, ends: ended}]}}", "RG201", "sent and ends", "one of begins"),
        ("{expect: {journey: [{sent: §helo}]}}", "RG308", "helo", "did you mean hello?"),
        ("{expect: {journey: [{sent: hello, §team: care}]}}", "RG201", "team", "beside sent: channel"),
        ("{expect: {journey: [{sent: hello, at: §soon}]}}", "RG401", "soon", "an offset"),
        ("{expect: {journey: [{waits: wait-1, until: §1}]}}", "RG401", "1", "did you mean -1d?"),
        ("{answers: {§helo: {clicked: +1d}}, expect: {journey: none}}", "RG308", "helo", "did you mean hello?"),
        ("{answers: {hello: {§clickd: +1d}}, expect: {journey: none}}", "RG201", "clickd", "did you mean clicked?"),
        ("{answers: {gift: {§clicked: +1d}}, expect: {journey: none}}", "RG201", "clicked", "failed or redeemed"),
        ("{answers: {gift: {failed: §[]}}, expect: {journey: none}}", "RG203", "an empty list", "retries_used_up"),
        ("{arms: {§wording: short}, expect: {journey: none}}", "RG308", "wording", "this playbook has none"),
        ("{holdout: §maybe, expect: {journey: none}}", "RG203", "maybe", "true or false"),
        ("{until: §later, expect: {journey: none}}", "RG401", "later", "an offset"),
        ("{events: [{event: §order.paid, at: 0}], expect: {journey: none}}", "RG302", "order.paid", "a row of orders"),
        ("{orders: [0], events: [{event: site.cart, at: 0, order: §x}], expect: {journey: none}}", "RG212", "x", ""),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_other_tests_run(test, code, found, said):
    read = suite(f"{HEAD}  x: {test.replace('§', '')}\n{SOUND}")
    line = f"  x: {test}"
    issue = read.issues[0]
    assert (issue.code, issue.column) == (code, line.index("§") + 1)
    assert found in issue.found
    assert said in f"{issue.expected} {issue.hint}"
    assert [case.name for case in read.cases] == ["sound"]


def test_a_variant_says_itself_what_it_expects():
    read = suite(f"{HEAD}  x: {{orders: [0], expect: {{journey: none}}, but: {{y: {{orders: []}}}}}}\n")
    assert [issue.code for issue in read.issues] == ["RG202"]


def test_what_only_a_playbook_can_be_asked_is_refused_elsewhere():
    read = suite("at: 2026-03-02\ntests:\n  x: {answers: {}, expect: {tags: []}}\n")
    assert [(issue.code, issue.found) for issue in read.issues] == [("RG201", "answers")]


def told(*tests):
    _, found = outcomes(*tests)
    return re.sub(r"\[/?(bold|red)\]", "", failures_text(found)).splitlines()


def test_a_difference_is_told_side_by_side():
    does = "[{sent: hello, at: +2d, template: again}, {task: gift}, {ends: ended}]"
    assert told(f"  x: {{orders: [{{placed: 0}}], expect: {{journey: {does}}}}}\n") == [
        "tried.test.yaml:6:49: failed x",
        "  the journey",
        "    expected                              found",
        "    sent hello, template again, at +2d  ✗ sent hello, template hello, at +1d",
        "    task gift                           ✗ coupon gift, pool gifts, until +16d 14h, at +2d",
        "                                        ✗ sent again, channel email, template again, at +2d",
        "    ends ended                            ends ended",
    ]


def test_a_journey_too_many_is_told():
    lines = told("  x: {orders: [{placed: 0, paid: +1h}], expect: {journey: none}}\n")
    assert lines[:4] == [
        "tried.test.yaml:6:41: failed x",
        "  journeys",
        "    expected      found",
        "    no journey  ✗ 1 journey",
    ]
    assert lines[-1] == "                ✗ stopped order.paid, at +1h"


def test_an_answer_that_nobody_asked_for_is_told():
    lines = told(
        "  x: {orders: [{placed: 0, paid: +2h}], answers: {hello: {clicked: +1h}}, "
        "expect: {journey: [{stopped: order.paid}]}}\n"
    )
    assert "  answers of hello" in lines


def test_ways_that_no_test_takes_are_told_with_their_lines():
    rules, found = outcomes(SOUND)
    measured = coverage(rules, found)
    untaken = [f"{each.line} {each.way}" for each in measured.ways if not each.taken]
    assert untaken == [
        "7 stop: order.cancelled",
        "11 hello",
        "12 wait-2",
        "13 gift",
        "13 gift: fails",
        "14 end-1",
        "15 if-1",
        "15 if-1: yes",
        "15 if-1: no",
        "16 again",
    ]
    assert (measured.taken, len(measured.ways)) == (2, 12)
    assert "tried.yaml:13 gift: fails (giving a coupon of gifts): no test goes this way" in ways_text(measured)
    assert not measured.reaches(17)
    assert measured.reaches(0)


def test_only_a_test_that_passes_covers_ways():
    rules, found = outcomes("  x: {orders: [{placed: 0, paid: +1h}], expect: {journey: none}}\n")
    assert coverage(rules, found).taken == 0


def test_all_ways_are_taken_by_tests_that_take_them():
    does = "[{sent: hello}, {coupon: gift}, {sent: again}, {ends: ended}]"
    rules, found = outcomes(
        SOUND,
        f"  a: {{orders: [{{placed: 0}}], expect: {{journey: {does}}}}}\n",
        "  b: {orders: [{placed: 0, cancelled: +1h}], expect: {journey: [{stopped: order.cancelled}]}}\n",
        "  c: {orders: [{placed: 0}], answers: {gift: {failed: pool_empty}}, "
        "expect: {journey: [{sent: hello}, {failed: gift}, {ends: ended}]}}\n",
        "  d: {customer: {country: FR}, orders: [{placed: 0}], "
        "expect: {journey: [{sent: hello}, {coupon: gift}, {ends: ended}]}}\n",
    )
    assert failures_text(found) == ""
    assert coverage(rules, found).hundredths_of_ways == 10_000
