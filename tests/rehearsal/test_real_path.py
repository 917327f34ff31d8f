"""Tests of playbooks on the real path: the same outcome as in the simulation, and what is broken there is noticed."""

from dataclasses import replace
from typing import get_args

import pytest

from activities.providers.provider import Accepted
from activities.rehearsal import ToldProvider
from engine.journeys.plan import CalendarTrigger, Step, Trigger
from engine.language.files import SCHEMAS
from engine.language.rules import load_rules
from engine.messages import record
from engine.rehearsal import play
from engine.ruletests.read import read_tests
from engine.ruletests.report import difference_lines, failures_text
from engine.ruletests.run import Runner
from tests.rehearsal import playbooks
from tests.rehearsal.conftest import Rehearse

pytestmark = pytest.mark.timeout(300)  # many journeys, each as fast as the machine has room

RULES = load_rules(SCHEMAS.parent / "rules")
CHOSEN = {
    "abandoned-cart": ("while somebody is busy with it nothing is said",),
    "bad-review-recovery": ("a call that nobody makes goes to the lead", "without a code left it is words alone"),
    "birthday": ("a greeting that the cap keeps back until the day is over is not sent",),
    "complaint-escalation": ("closed nobody is called",),
    "loyalty-points": ("of what is refunded a share does",),
    "member-day": ("who has had enough this week does not hear of it a day later",),
    "payment-reminder": ("paid at the very moment of the reminder too", "without an address nobody can be reminded"),
    "repurchase-due": ("somebody is told before it runs out",),
    "review-request": ("nor a second time while one is open",),
    "satisfaction-survey": ("opened again nobody asks",),
    "second-purchase": ("some are kept out to compare with",),
    "shipment-notice": ("late at night, and there by the morning",),
    "tier-upgrade": ("without a code left somebody sends the gift by hand",),
    "tier-warning": ("a vip is called as well, a week before the tier ends",),
    "win-back": ("a click is a visit too", "who has used it is not reminded", "who answers is read by a person"),
}
"""Tests of shipped playbooks by the end of their names."""
CASES = [
    case
    for case in read_tests(RULES).cases
    for named in CHOSEN.get(case.file.removeprefix("playbooks/").removesuffix(".test.yaml"), ())
    if case.name.rpartition(" / ")[2] == named
]
REMINDED = next(case for case in read_tests(RULES).cases if case.name == "a bank slip that is never paid")


def of_our_own(text=playbooks.TESTS):
    rules = playbooks.rules(text)
    return rules, list(read_tests(rules).cases)


def test_shipped_playbooks_do_on_the_real_path_what_their_tests_say(rehearse: Rehearse):
    assert len(CASES) == sum(map(len, CHOSEN.values()))
    assert failures_text(rehearse(RULES, CASES)) == ""


def test_calls_webhooks_races_and_started_playbooks_do_what_their_tests_say(rehearse: Rehearse):
    rules, cases = of_our_own()
    assert failures_text([Runner(rules)(case) for case in cases]) == ""
    assert failures_text(rehearse(rules, cases)) == ""


def test_those_chosen_take_each_kind_of_step_and_begin_in_each_way():
    rules, cases = of_our_own()
    outcomes = [(RULES, Runner(RULES)(case)) for case in CASES] + [(rules, Runner(rules)(case)) for case in cases]
    taken = {
        rules.plans[name].code[place].op
        for rules, each in outcomes
        for name, *edge in each.ways
        for place in edge
        if place >= 0
    }
    assert taken >= {model.model_fields["op"].default for model in get_args(get_args(Step)[0])} - {"join"}
    started = [rules.plans[name] for rules, each in outcomes for name, *_ in each.ways]
    begun = {type(trigger) for plan in started for trigger in plan.start.any}
    assert begun >= {*get_args(get_args(Trigger)[0]), *get_args(CalendarTrigger)}


def test_what_is_otherwise_is_told_as_in_the_simulation(rehearse: Rehearse):
    story = REMINDED.story
    wrong = replace(REMINDED, story=replace(story, happens=(story.happens[0], *story.happens[2:])))
    simulated, (real,) = Runner(RULES)(wrong), rehearse(RULES, [wrong])
    assert not real.passed
    assert told(real) == told(simulated)


def told(outcome):
    return [(each.at, *difference_lines(each)) for each in outcome.differences]


def test_a_send_that_the_worker_does_not_record_is_noticed(rehearse: Rehearse, monkeypatch):
    monkeypatch.setattr(record, "record_sent", lambda *_: None)
    (real,) = rehearse(RULES, [REMINDED])
    assert [each.expected for each in real.differences] == ["messages that left: none"]


def test_a_message_that_no_provider_has_taken_is_noticed(rehearse: Rehearse, monkeypatch):
    async def lost(*_):
        return Accepted("lost")

    monkeypatch.setattr(ToldProvider, "deliver", lost)
    (real,) = rehearse(RULES, [REMINDED])
    assert [each.found for each in real.differences] == ["none"]


def test_a_step_that_is_tried_in_vain_fails_the_journey_before_a_test_would_wait_for_a_day(
    rehearse: Rehearse, monkeypatch
):
    async def away(*_):
        raise OSError

    monkeypatch.setattr(ToldProvider, "deliver", away)
    monkeypatch.setattr("engine.rehearsal.terms.PATIENCE", 2)
    (real,) = rehearse(RULES, [REMINDED])
    assert real.differences[0].found.startswith("fail OSError at +1d")


def test_a_journey_that_is_stuck_is_told_as_such(rehearse: Rehearse, monkeypatch):
    monkeypatch.setattr(play, "LONGEST", 0.01)
    (real,) = rehearse(RULES, [REMINDED])
    assert [each.expected for each in real.differences] == ["an end"]


def test_what_cannot_be_had_on_the_real_path_is_said_at_its_place(rehearse: Rehearse):
    rules, cases = of_our_own(playbooks.CANNOT)
    found = [each for outcome in rehearse(rules, cases) for each in outcome.differences]
    assert [(each.expected, each.found) for each in found] == [
        ("answers: {reward: …}", "not on the real path: the activity declares an answer, and this is none"),
        ("failing: {tell: try_later}", "not on the real path: a webhook fails for good with webhook_refused alone"),
    ]
    assert found[1].at.line == 12
