"""What a backtest points out: each finding at its threshold and not below, with its numbers."""

from collections import Counter
from pathlib import Path

import pytest

from engine.language.files import read_directory
from engine.language.rules import Rules, compile_rules
from engine.simulation.findings import THRESHOLDS, findings
from engine.simulation.result import EVERYBODY_ELSE, Load, Result, Sent
from tests.workflows.rules import POLICY, make_rules

CAPACITY = "  capacities:\n    support: {per_day: 200}\n"
HEAD = """
playbook: win-back
title: Win back
for: customer
start: {event: site.visit}
goal: {event: order.paid, within: 7d}
controls: {purpose: marketing, holdout: 10%}
"""
STEPS = """
steps:
  - send: {id: offer, channel: email, template: hello}
  - wait: 1d
  - task: {id: call, team: care, title: Call}
"""
WEEK, OTHER_WEEK = "2026-03-02", "2026-03-09"


@pytest.fixture(scope="module")
def rules() -> Rules:
    return make_rules(STEPS, head=HEAD, policy=POLICY + CAPACITY)


def told(result: Result, rules: Rules, name: str) -> list[str]:
    return [each.text for each in findings(result, rules, ("win-back",)) if each.name == name]


def sent(playbook: str, many: int, week: str = WEEK, state: str = "sent", reason: str = "") -> dict[Sent, int]:
    return {Sent(playbook, "offer", "email", week, state, reason): many}


def test_a_peak_week_is_told_against_all_others(rules: Rules) -> None:
    result = Result(messages=Counter({**sent("win-back", 800), **sent("other", 60), **sent("third", 40)}))
    (text,) = told(result, rules, "peak")
    assert text == (
        "win-back would send 800 messages in its peak week, that of 2026-03-02: 8.0 times the 100 that all other "
        "playbooks send."
    )
    alike = Result(messages=Counter({**sent("win-back", 199), **sent("other", 100)}))
    assert told(alike, rules, "peak") == []
    alone = Result(messages=Counter(sent("win-back", 800)))
    assert told(alone, rules, "peak") == []


def test_a_week_in_which_a_tenth_of_all_customers_is_written_to_is_told(rules: Rules) -> None:
    written = Counter({("win-back", WEEK): 120, ("win-back", ""): 300, ("", WEEK): 400})
    (text,) = told(Result(customers=1_200, written=written), rules, "flood")
    assert text == "win-back would write to 10 % of all customers in one week: 120 in that of 2026-03-02."
    assert told(Result(customers=1_300, written=written), rules, "flood") == []


def test_messages_that_are_mostly_skipped_are_told_with_the_main_reason(rules: Rules) -> None:
    skipped = {
        **sent("win-back", 90, state="skipped", reason="no_consent"),
        **sent("win-back", 3, state="skipped", reason="no_address"),
    }
    (text,) = told(Result(messages=Counter({**sent("win-back", 7), **skipped})), rules, "skipped")
    assert text == "93 % of the 100 messages of win-back were skipped, 90 of them because of no_consent."
    assert told(Result(messages=Counter({**sent("win-back", 94), **skipped})), rules, "skipped") == []


def test_who_had_just_bought_is_told_of_playbooks_that_do_not_follow_an_order(rules: Rules) -> None:
    result = Result(messages=Counter(sent("win-back", 100)), recent=Counter({"win-back": 38}))
    (text,) = told(result, rules, "bought")
    assert text == "38 % of those written to by win-back had bought in the last 7 days anyway: 38 of 100 messages."
    follows = make_rules(STEPS, head=HEAD.replace("site.visit", "order.delivered"))
    assert told(result, follows, "bought") == []
    result.recent["win-back"] = 19
    assert told(result, rules, "bought") == []


def test_a_message_that_the_same_people_get_again_and_again_is_told(rules: Rules) -> None:
    times = Counter({("win-back", "offer", 1): 900, ("win-back", "offer", 3): 60, ("win-back", "offer", 7): 40})
    (text,) = told(Result(times=times), rules, "again")
    assert text == (
        "10 % of those who get the step offer of win-back get it 3 times or more: 100 customers of 1,000, at most 7 "
        "times."
    )
    times["win-back", "offer", 1] += 1
    assert told(Result(times=times), rules, "again") == []


def test_who_fills_the_cap_is_told_with_whom_it_holds_back(rules: Rules) -> None:
    held = Counter({("birthday", "win-back"): 70, ("welcome", "win-back"): 30, ("win-back", "birthday"): 99})
    (text,) = told(Result(held_back=held), rules, "crowding")
    assert text == (
        "The cap held back 100 messages of other playbooks because of win-back, whose messages had taken the places "
        "(birthday 70, welcome 30)."
    )


def test_a_customer_with_many_messages_is_told(rules: Rules) -> None:
    assert told(Result(touched=Counter({7: 10, 8: 9})), rules, "often") == [
        "One customer gets 10 messages or more, at most 10."
    ]
    assert told(Result(touched=Counter({8: 9})), rules, "often") == []


def test_a_capacity_that_is_full_is_told_with_its_peak(rules: Rules) -> None:
    load = Counter({Load("capacity", "support", "day", "2026-03-02"): 200, Load("channel", "email", "day", WEEK): 900})
    (text,) = told(Result(load=load), rules, "full")
    assert text == "The capacity support (200 a day) is full in 1 day; the peak is 200 messages, 2026-03-02."
    load[Load("capacity", "support", "day", "2026-03-02")] = 199
    assert told(Result(load=load), rules, "full") == []


def test_journeys_that_fail_are_told_with_the_outcome(rules: Rules) -> None:
    journeys = Counter({("win-back", "ended", "ended"): 99, ("win-back", "failed", "limit_reached"): 1})
    (text,) = told(Result(journeys=journeys), rules, "failing")
    assert text == "1 % of the journeys of win-back fail: 1 of 100, all with limit_reached."


def test_what_nobody_reached_and_what_never_started_are_told(rules: Rules) -> None:
    assert told(Result(), rules, "silent") == ["No journey was started of win-back (site.visit)."]
    result = Result(journeys=Counter({("win-back", "open", ""): 5}), steps=Counter({("win-back", "offer"): 5}))
    assert told(result, rules, "silent") == ["Nobody reached the step call of win-back, in 5 journeys."]
    result.steps["win-back", "call"] = 1
    assert told(result, rules, "silent") == []


def goals(rest: tuple[int, int], out: tuple[int, int], not_over: int = 0, who: str = "holdout") -> Result:
    found = Counter({("win-back", EVERYBODY_ELSE, "not_over"): not_over})
    for group, (reached, of) in ((EVERYBODY_ELSE, rest), (who, out)):
        found.update({("win-back", group, "journeys"): of, ("win-back", group, "reached"): reached})
    return Result(goals=found)


def test_a_goal_that_is_no_better_than_the_holdout_is_told_with_its_interval(rules: Rules) -> None:
    (text,) = told(goals((100, 1_000), (10, 100)), rules, "goal")
    assert "reached in 10.0 % of the journeys and in 10.0 % of the holdout's" in text
    assert "-7.6 to +4.9 points, is no more than chance" in text
    assert told(goals((200, 1_000), (10, 100)), rules, "goal") == []
    (worse,) = told(goals((10, 1_000), (20, 100)), rules, "goal")
    assert "is less than in the holdout" in worse
    (few,) = told(goals((100, 1_000), (9, 99), who="global_holdout"), rules, "goal")
    assert few == "Too few journeys in the holdout to tell what messages do: win-back 99."
    (early,) = told(goals((100, 1_000), (10, 100), not_over=550), rules, "goal")
    assert "a longer window tells more" in early


def test_a_playbook_that_sends_much_more_or_less_than_before_is_told(rules: Rules) -> None:
    result = Result(messages=Counter(sent("win-back", 300)), before=Result(messages=Counter(sent("win-back", 200))))
    assert told(result, rules, "different") == [
        "win-back sends 100 messages more than before (+50 %): 300 in place of 200."
    ]
    result.before = Result(messages=Counter(sent("win-back", 201)))
    assert told(result, rules, "different") == []


def test_every_finding_has_its_threshold_in_the_docs() -> None:
    page = " ".join((Path(__file__).parents[2] / "docs" / "simulation.md").read_text("utf-8").split())
    for name, text in THRESHOLDS.items():
        assert f"| `{name}` | {text} |" in page, name


def test_the_example_of_a_mistake_is_a_sound_playbook_among_those_that_ship() -> None:
    root = Path(__file__).parents[2]
    example = (root / "examples" / "backtest" / "win-back-weekly.yaml").read_text("utf-8")
    rules = compile_rules({**read_directory(root / "rules"), "playbooks/win-back-weekly.yaml": example})
    assert rules.sound, rules.issues
    assert "win-back-weekly" in rules.plans
    told = (root / "docs" / "simulation.md").read_text("utf-8")
    assert example[example.index("playbook:") :].replace("\n\n", "\n") in told
