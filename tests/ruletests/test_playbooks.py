"""Tests of playbooks: the shipped ones take every way, a mistake is told at its place, a difference side by side."""

from dataclasses import replace

import pytest

from engine.conditions.ast import Not
from engine.journeys.plan import Branch, Send, Wait, WaitFor
from engine.language.files import SCHEMAS
from engine.language.rules import Rules, compile_rules, load_rules
from engine.ruletests.read import read_tests
from engine.ruletests.report import failures_text
from engine.ruletests.run import Runner
from engine.ruletests.ways import ways, ways_text

RULES = load_rules(SCHEMAS.parent / "rules")
PLAYED = tuple(case for case in read_tests(RULES).cases if case.story is not None)
BY_PLAYBOOK = {
    name: tuple(case for case in PLAYED if case.story and case.story.playbooks == (name,)) for name in RULES.plans
}


@pytest.fixture(scope="module")
def outcomes():
    runner = Runner(RULES)
    return [runner(case) for case in PLAYED]


def test_all_tests_of_shipped_playbooks_pass(outcomes):
    assert failures_text(outcomes) == ""


def test_every_step_way_timeout_and_stop_of_every_shipped_playbook_is_taken_by_a_test(outcomes):
    found = ways(RULES, outcomes)
    assert {way.playbook for way in found.ways} == set(RULES.plans)
    assert [f"{way.playbook} {way.step} {way.name}" for way in found.ways if not way.taken] == []
    assert "100.0 %" in ways_text(found)


def mutated(playbook: str, index: int, step: object) -> Rules:
    plan = RULES.plans[playbook]
    code = (*plan.code[:index], step, *plan.code[index + 1 :])
    return replace(RULES, plans={**RULES.plans, playbook: plan.model_copy(update={"code": code})})


EQUIVALENT = {("birthday", "wait-1")}
"""What follows counts from the journey's start: how long it waits before makes no difference."""


def mutations():
    """A wait that is longer, one that gives up earlier, a condition turned around, a channel that is not there."""
    for name, plan in RULES.plans.items():
        for index, step in enumerate(plan.code):
            match step:
                case Wait(seconds=seconds) if (name, step.id) not in EQUIVALENT:
                    yield name, index, step.model_copy(update={"seconds": seconds + 86400})
                case WaitFor(within=within, until=None) if plan.code[step.orelse] is not plan.code[step.got]:
                    yield name, index, step.model_copy(update={"within": within - 43200})
                case Branch(condition=condition):
                    yield name, index, step.model_copy(update={"condition": Not(part=condition)})
                case Send():
                    yield name, index, step.model_copy(update={"channels": ("letter",)})


@pytest.mark.parametrize(
    ("playbook", "index", "step"), [pytest.param(*each, id=f"{each[0]}-{each[2].id}") for each in mutations()]
)
def test_a_change_of_a_shipped_playbook_is_noticed_by_its_tests(playbook, index, step):
    runner = Runner(mutated(playbook, index, step), Runner(RULES))
    assert any(not runner(case).passed for case in BY_PLAYBOOK[playbook])


POLICY = """
policy:
  zone: UTC
  purposes: {service: {consent: opt_out}}
  channels: {email: {provider: mailbox}}
"""
PLAYBOOK = """
playbook: remind
title: Remind
for: order
start: {event: order.placed}
stop: {event: order.paid}
controls: {purpose: service}
steps:
  - wait: 1d
  - send: {id: first, channel: email, template: reminder}
"""
HEAD = "at: 2026-03-02T09:00:00Z\ntests:\n  an order:\n    customer: {has_email: true}\n"


def played(test: str, head: str = HEAD):
    files = {
        "policy.yaml": POLICY,
        "templates/reminder.en.txt": "Subject: A\n\nB\n",
        "playbooks/remind.yaml": PLAYBOOK,
        "playbooks/remind.test.yaml": head + test,
    }
    rules = compile_rules(files)
    suite = read_tests(rules)
    return suite, [Runner(rules)(case) for case in suite.cases]


ORDER = "    orders: [{placed: 0}]\n"


def test_what_happens_otherwise_is_shown_beside_what_was_expected():
    _, (outcome,) = played(ORDER + "    expect: {happens: [{send: first, at: +2d}, {end: ended}]}\n")
    (difference,) = outcome.differences
    assert (difference.expected, difference.found) == (
        "send first at +2d",
        "send first at +1d, channel email, template reminder",
    )
    assert difference.at.line == 6
    assert difference.why == (
        "what happened:",
        "→ send first at +1d, channel email, template reminder",
        "  end ended at +1d",
    )


@pytest.mark.parametrize(
    ("happens", "expected", "found"),
    [
        ("[{send: first}]", "nothing more", "end ended at +1d"),
        ("[{send: first}, {end: ended}, {end: ended}]", "end ended", "nothing more"),
        ("[{send: first, template: hello}, {end: ended}]", "send first, template hello", None),
        ("[{send: first, skipped: no_consent}, {end: ended}]", "send first, skipped: no_consent", None),
        ("[{send: first, at: {from: +2d, to: +3d}}, {end: ended}]", "send first from +2d to +3d", None),
    ],
)
def test_each_kind_of_difference_is_one(happens, expected, found):
    _, (outcome,) = played(f"{ORDER}    expect: {{happens: {happens}}}\n")
    (difference,) = outcome.differences
    assert difference.expected == expected
    assert found in (None, difference.found)


@pytest.mark.parametrize(
    ("test", "code", "line"),
    [
        ("    expect: {happens: [{send: frist}]}\n", "RG308", 5),
        ("    expect: {happens: [{sent: first}]}\n", "RG201", 5),
        ("    expect: {happens: [{send: first, end: ended}]}\n", "RG210", 5),
        ("    expect: {happens: [{send: first, at: soon}]}\n", "RG401", 5),
        ("    expect: {happens: [{send: first, at: {from: +1d}}]}\n", "RG202", 5),
        ("    expect: {happens: [], tags: []}\n", "RG201", 5),
        ("    playbooks: [remnid]\n    expect: {happens: []}\n", "RG322", 5),
        ("    failing: {frist: no}\n    expect: {happens: []}\n", "RG308", 5),
        ("    responses: {first: {opend: 2h}}\n    expect: {happens: []}\n", "RG201", 5),
        ("    responses: {first: {opened: soon}}\n    expect: {happens: []}\n", "RG205", 5),
        ("    holdout: perhaps\n    expect: {happens: []}\n", "RG401", 5),
        ("    expect: {happens: []}\n    but: {a variant: {holdout: true}}\n", "RG202", 6),
    ],
)
def test_a_mistake_in_a_test_of_a_playbook_is_told_at_its_place(test, code, line):
    suite, _ = played(test)
    assert (code, line) in [(issue.code, issue.line) for issue in suite.issues]


def test_beside_no_playbook_a_test_must_say_whose_journeys_these_are():
    rules = compile_rules({"policy.yaml": POLICY, "other.test.yaml": f"{HEAD}    expect: {{happens: []}}\n"})
    (issue,) = read_tests(rules).issues
    assert (issue.code, issue.expected) == ("RG202", "the key playbooks: whose journeys these are")


def test_coverage_says_which_ways_no_test_takes():
    suite, outcomes_ = played(f"{ORDER}    until: +2h\n    expect: {{happens: []}}\n")
    assert suite.issues == ()
    files = {"policy.yaml": POLICY, "templates/reminder.en.txt": "Subject: A\n\nB\n", "playbooks/remind.yaml": PLAYBOOK}
    text = ways_text(ways(compile_rules(files), outcomes_))
    assert "  first: taken: no test" in text
    assert "  stop: stopped: no test" in text
