"""Playbooks compiled to flat code."""

import json

import pytest

from engine.journeys.plan import Branch, End, Jump, Plan, Send, Task, TemplateBy, Wait, WaitFor
from engine.language.files import SCHEMAS
from engine.language.rules import compile_rules, load_rules
from tests.language.shop import SHOP, playbook


def code(steps, *, hours=False):
    files = playbook(steps)
    if hours:
        policy = files["policy.yaml"] + '  business_hours: {monday: {from: "09:00", to: "17:00"}}\n'
        files = {**files, "policy.yaml": policy}
    rules = compile_rules(files)
    assert rules.issues == ()
    return rules.plans["tried"].code


def shape(steps):
    """Each instruction as its kind and where it leads."""
    told = []
    for step in code(steps):
        match step:
            case Branch(orelse=orelse):
                told.append(("branch", orelse))
            case WaitFor(got=got, orelse=orelse):
                told.append(("wait_for", got, orelse))
            case Jump(to=to):
                told.append(("jump", to))
            case _:
                told.append((step.op,))
    return told


def test_a_list_of_steps_ends_with_an_end():
    assert shape("  - wait: 1d\n  - wait: 2d\n") == [("wait",), ("wait",), ("end",)]


def test_an_if_goes_past_its_block_when_it_does_not_hold():
    assert shape("  - if: {country: DE}\n    then: [{wait: 1d}]\n  - wait: 2d\n") == [
        ("branch", 2),
        ("wait",),
        ("wait",),
        ("end",),
    ]


def test_an_else_is_jumped_over():
    steps = "  - if: {country: DE}\n    then: [{wait: 1d}]\n    else: [{wait: 2d}, {wait: 3d}]\n"
    assert shape(steps) == [("branch", 3), ("wait",), ("jump", 5), ("wait",), ("wait",), ("end",)]


def test_a_block_that_ends_needs_no_jump():
    steps = "  - if: {country: DE}\n    then: [end]\n    else: [{wait: 2d}]\n"
    assert shape(steps) == [("branch", 2), ("end",), ("wait",), ("end",)]


def test_where_both_ways_end_nothing_is_added():
    steps = "  - if: {country: DE}\n    then: [end]\n    else: [{end: {outcome: elsewhere}}]\n"
    assert shape(steps) == [("branch", 2), ("end",), ("end",)]
    assert code(steps)[2].outcome == "elsewhere"


def test_a_step_after_two_ways_that_end_is_unreachable():
    steps = "  - if: {country: DE}\n    then: [end]\n    else: [end]\n  - wait: 1d\n"
    assert [issue.code for issue in compile_rules(playbook(steps)).issues] == ["RG502"]


def test_a_wait_for_has_a_way_for_either_outcome():
    steps = "  - wait_for: {event: order.shipped, within: 14d}\n    got: [{wait: 1d}]\n    else: [{wait: 2d}]\n"
    assert shape(steps) == [("wait_for", 1, 3), ("wait",), ("jump", 4), ("wait",), ("end",)]


def test_a_wait_for_without_blocks_goes_on_either_way():
    assert shape("  - wait_for: {event: order.shipped, within: 14d}\n") == [("wait_for", 1, 1), ("end",)]


def test_a_wait_for_with_only_an_else_passes_it_when_the_event_comes():
    steps = "  - wait_for: {event: order.shipped, within: 14d}\n    else: [{wait: 2d}]\n"
    assert shape(steps) == [("wait_for", 1, 2), ("jump", 3), ("wait",), ("end",)]


def test_a_switch_leads_to_its_cases_which_meet_behind_it():
    steps = code(
        "  - switch: {on: country}\n    cases: {DE: [{wait: 1d}], FR: [end]}\n    else: [{wait: 2d}]\n  - wait: 3d\n"
    )

    assert [step.op for step in steps] == ["switch", "wait", "jump", "end", "wait", "wait", "end"]
    assert (steps[0].cases, steps[0].orelse, steps[2].to) == ({"DE": 1, "FR": 3}, 4, 5)


def test_an_arm_without_steps_goes_on_at_once():
    steps = code("  - split: {id: x, shares: {a: 30%, none: 70%}}\n    arms: {a: [{wait: 1d}]}\n  - wait: 3d\n")

    assert [step.op for step in steps] == ["split", "wait", "jump", "wait", "end"]
    assert [(arm.name, arm.share, arm.to) for arm in steps[0].arms] == [("a", 3000, 1), ("none", 7000, 3)]


def test_a_race_leads_to_its_ways_and_to_else():
    ways = "    - {event: order.shipped, then: [{wait: 1d}]}\n    - {event: order.cancelled, then: [end]}\n"
    steps = code(f"  - first:\n{ways}    within: 14d\n    else: [{{wait: 2d}}]\n")

    assert [step.op for step in steps] == ["first", "wait", "jump", "end", "wait", "end"]
    assert ([way.to for way in steps[0].ways], steps[0].orelse, steps[0].within) == ([1, 3], 4, 14 * 86400)


def test_lists_of_steps_at_once_each_end_at_a_join():
    steps = code("  - parallel: {a: [{wait: 1d}], b: [{wait: 2d}, {wait: 3d}]}\n  - wait: 4d\n")

    assert [step.op for step in steps] == ["parallel", "wait", "join", "wait", "wait", "join", "wait", "end"]
    assert (steps[0].branches, steps[0].join) == ((1, 3), 6)


def test_nothing_follows_where_a_list_of_steps_at_once_ends_the_journey():
    rules = compile_rules(playbook("  - parallel: {a: [{wait: 1d}], b: [end]}\n  - wait: 4d\n"))

    assert [issue.code for issue in rules.issues] == ["RG502"]


def test_a_repetition_asks_first_and_leads_back_at_its_end():
    steps = code("  - repeat: {times: 3, every: 7d, until: {country: DE}}\n    steps: [{task: {team: care}}]\n")

    assert [step.op for step in steps] == ["repeat", "branch", "jump", "task", "again", "end"]
    assert (steps[0].last, steps[1].orelse, steps[2].to, steps[4].repeat) == (4, 3, 5, 0)


def test_a_wait_that_skips_the_next_step_leads_past_the_whole_of_it():
    wait = "  - wait: {until: {date: order.estimated_at, offset: -1d, if_past: skip}}\n"
    asked = "  - if: {country: DE}\n    then: [{wait: 1d}]\n    else: [{wait: 2d}]\n  - wait: 3d\n"
    steps = code(wait + asked)

    assert [step.op for step in steps] == ["wait_until", "branch", "wait", "jump", "wait", "wait", "end"]
    assert steps[0].skip_to == 5


def test_what_comes_after_a_skipped_end_is_reached():
    steps = code("  - wait: {until: {date: order.estimated_at, if_past: skip}}\n  - end\n  - wait: 1d\n")

    assert [step.op for step in steps] == ["wait_until", "end", "wait", "end"]
    assert steps[0].skip_to == 2


def test_a_followed_date_names_the_events_that_tell_it():
    (wait, _) = code("  - wait: {until: {date: order.estimated_at, follow: true}}\n")
    (delivered, _) = code("  - wait: {until: {date: order.delivered_at, offset: 1d, follow: true}}\n")

    assert [str(each) for each in wait.follow] == ["order.placed", "order.shipped"]
    assert [str(each) for each in delivered.follow] == ["order.delivered"]


@pytest.mark.parametrize(
    ("wait", "label"),
    [
        ("{for: 4h, hours: business}", "waiting 4 h of working time"),
        ("{for: product.settling_time}", "waiting the settling time of the products"),
        ("{until: {date: order.estimated_at, offset: -36h}}", "waiting until 36 h before order.estimated_at"),
        (
            '{until: {date: order.estimated_at, offset: 1d, at: "10:00"}, since: start}',
            "waiting until 10:00, 1 day after order.estimated_at since the start",
        ),
        ('{until: {weekday: monday, at: "09:00"}}', "waiting until Monday 09:00"),
    ],
)
def test_a_wait_for_a_moment_says_so_in_words(wait, label):
    (step, _) = code(f"  - wait: {wait}\n", hours=True)

    assert step.label == label


FAILING = "  - send: {id: first, channel: email, template: unpaid}\n    on_failure: "


def test_steps_for_a_failure_stand_behind_the_step_and_are_jumped_over():
    steps = code(FAILING + "[{wait: 1d}]\n  - wait: 2d\n")

    assert [step.op for step in steps] == ["send", "jump", "wait", "wait", "end"]
    assert (steps[0].on_failure, steps[1].to) == (2, 3)


def test_steps_for_a_failure_that_end_leave_the_way_on_open():
    steps = code(FAILING + "[end]\n  - wait: 2d\n")

    assert [step.op for step in steps] == ["send", "jump", "end", "wait", "end"]


def test_steps_for_the_failure_of_a_question_are_not_for_what_is_in_its_blocks():
    steps = code("  - if: {country: DE}\n    then: [{task: {team: care}}]\n    on_failure: [{wait: 1d}]\n")

    assert [(step.op, step.on_failure) for step in steps] == [
        ("branch", 3),
        ("task", None),
        ("jump", None),
        ("wait", None),
        ("end", None),
    ]


def test_steps_for_the_failure_of_what_never_fails_are_warned_about_and_left_out():
    rules = compile_rules(playbook("  - wait: 1d\n    on_failure: [end]\n"))

    assert [(issue.code, issue.severity) for issue in rules.issues] == [("RG502", "warning")]
    assert [step.op for step in rules.plans["tried"].code] == ["wait", "end"]


def test_nested_blocks_lead_only_forward_and_inside_the_code():
    steps = """\
  - wait_for: {any: [{event: order.shipped}, {event: order.cancelled}], within: 14d}
    got:
      - if: {country: DE}
        then:
          - if: {first_time_buyer: true}
            then: [{wait: 1d}]
            else: [end]
        else: [{wait: 2d}]
    else:
      - wait_for: {event: order.delivered, within: 7d}
        got: [end]
  - task: {team: support}
"""
    compiled = code(steps)
    for index, step in enumerate(compiled):
        targets = [getattr(step, name) for name in ("to", "got", "orelse") if hasattr(step, name)]
        assert all(index < target < len(compiled) for target in targets)
    assert isinstance(compiled[-1], End)
    assert len({step.id for step in compiled}) == len(compiled)


def test_steps_without_a_name_are_numbered_by_kind_in_the_order_of_writing():
    steps = """\
  - wait: 1d
  - if: {country: DE}
    then:
      - wait: 2d
      - send: {channel: email, template: unpaid}
    else:
      - wait: 3d
  - wait: {id: wait-5, for: 4d}
  - wait: 5d
  - wait: 6d
"""
    named = [step.id for step in code(steps)]
    assert named == ["wait-1", "if-1", "wait-2", "send-1", "if-1/join", "wait-3", "wait-5", "wait-4", "wait-6", "end"]


def test_an_author_may_take_any_name():
    assert [step.id for step in code("  - wait: {id: end, for: 4d}\n")] == ["end", "end/last"]
    assert [
        step.id for step in code("  - if: {country: DE}\n    id: german\n    then: [{end: {id: stop-here}}]\n")
    ] == [
        "german",
        "stop-here",
        "end",
    ]


def test_labels_are_words_that_a_person_reads_in_the_temporal_ui():
    steps = """\
  - wait: 24h
  - wait: {for: 72h, since: start}
  - wait: {for: 1d, title: a day for the post}
  - send: {id: first-reminder, channel: [sms, email], template: unpaid}
  - send: {id: second, title: Last reminder, channel: email, template: unpaid}
  - wait_for: {any: [{event: order.shipped}, {event: order.cancelled}], within: 2w}
  - if: {spend_24mo: {gte: [500 EUR, 2500.50 BRL]}, country: [DE, FR]}
    then: [end]
  - task: {id: call-them, team: sales}
"""
    assert [step.label for step in code(steps)] == [
        "waiting 24 h",
        "waiting 72 h since the start",
        "a day for the post",
        "first reminder by sms or email",
        "Last reminder by email",
        "waiting for order.shipped or order.cancelled, at most 2 weeks",
        "asking whether spend_24mo is at least 500 EUR or 2500.50 BRL and country is DE or FR",
        "the end",
        "task for sales: Call them",
        "the end",
    ]


def test_steps_carry_what_they_were_given():
    steps = """\
  - wait: {for: 72h, since: start}
  - send: {channel: [sms, email], template: {by: first_time_buyer, "true": welcome, default: unpaid}}
  - task: {id: call, team: sales, title: Call, due: 4h}
"""
    wait, send, task, _ = code(steps)
    assert isinstance(wait, Wait)
    assert (wait.seconds, wait.since) == (72 * 3600, "start")
    assert isinstance(send, Send)
    assert send.channels == ("sms", "email")
    assert send.template == TemplateBy(by="first_time_buyer", cases={"true": "welcome"}, default="unpaid")
    assert isinstance(task, Task)
    assert (task.task, task.team, task.title, task.due) == ("call", "sales", "Call", 4 * 3600)


def test_the_head_of_a_playbook_is_in_its_plan():
    head = """\
for: order
status: paused
start:
  any: [{event: order.placed, where: {payment_method: bank_slip}}, {event: order.shipped}]
  only_if: {first_time_buyer: true}
  max_age: 24h
  once_per: 30d
stop: {any: [{event: order.paid}, {event: order.cancelled}]}
goal: {event: order.paid, within: 7d}
controls: {purpose: service, holdout: 0%, edits: pin}
"""
    plan = compile_rules(playbook("  - wait: 1d\n", head)).plans["tried"]
    assert plan.status == "paused"
    assert plan.subject == "order"
    assert [trigger.event for trigger in plan.start.any] == ["order.placed", "order.shipped"]
    assert (plan.start.max_age, plan.start.once_per) == (86400, 30 * 86400)
    assert plan.start.only_if is not None
    assert [trigger.event for trigger in plan.stop] == ["order.paid", "order.cancelled"]
    assert plan.goal is not None
    assert plan.goal.within == 7 * 86400
    assert plan.controls.purpose == "service"


def test_a_plan_survives_the_journey_through_json():
    for plan in load_rules(SCHEMAS.parent / "rules").plans.values():
        assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_the_shipped_playbook_is_small_enough_for_every_workflow_input():
    plans = load_rules(SCHEMAS.parent / "rules").plans
    assert len(json.dumps(plans["payment-reminder"].to_json()).encode()) <= 4096
    written = {name: len(json.dumps(plan.to_json(), separators=(",", ":")).encode()) for name, plan in plans.items()}
    assert {name: size for name, size in written.items() if size > 4096} == {}


def test_the_shipped_playbook_does_what_a_shop_wants():
    plan = load_rules(SCHEMAS.parent / "rules").plans["payment-reminder"]
    assert [step.op for step in plan.code] == ["wait", "send", "wait", "send", "wait", "branch", "task", "end"]
    assert [trigger.event for trigger in plan.stop] == ["order.paid", "order.cancelled"]
    assert plan.start.max_age == 86400
    assert [step.seconds // 3600 for step in plan.code if isinstance(step, Wait)] == [24, 48, 24]


def test_a_channel_that_is_not_configured_yet_may_lead_the_list_but_not_end_it():
    ahead = compile_rules(playbook("  - send: {channel: [sms, email], template: unpaid}\n"))
    behind = compile_rules(playbook("  - send: {channel: [email, sms], template: unpaid}\n"))
    assert ahead.issues == ()
    assert [(issue.code, issue.found) for issue in behind.issues] == [("RG305", "sms, not configured")]


def test_a_template_in_the_language_of_the_default_locale_is_enough():
    policy = SHOP["policy.yaml"].replace("zone: Europe/Berlin", "zone: Europe/Berlin\n  locale: de-AT")
    files = {**SHOP, "policy.yaml": policy, "templates/unpaid.de.txt": "Bitte zahlen."}
    assert compile_rules(files).issues == ()


@pytest.mark.parametrize("name", ["campaign", "replay", "temporal-sys", "regulars-report"])
def test_a_playbook_cannot_take_the_name_of_a_workflow_of_the_engine(name):
    files = {**SHOP, "playbooks/reminder.yaml": SHOP["playbooks/reminder.yaml"].replace("reminder", name, 1)}
    assert "RG310" in [issue.code for issue in compile_rules(files).issues]
