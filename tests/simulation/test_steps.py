"""Every kind of step, done in the simulator."""

import pytest

from tests.simulation.scenes import CUSTOMER, ORDER, passes

VISITOR = CUSTOMER.replace("{enters: {segment: quiet}}", "{event: site.visit}")
SEND = "  - send: {id: hello, channel: email, template: hello}\n"
# By what is shown: the steps, facts and answers, and what the journey must do.
SCENES = {
    "a message": (SEND, "", "[{sent: hello, at: 0, channel: email, template: hello}, {ends: ended}]"),
    "a template chosen by an attribute": (
        "  - send: {id: hello, channel: email, template: {by: country, DE: again, default: hello}}\n",
        "",
        "[{sent: hello, template: again}, {ends: ended}]",
    ),
    "waits": (
        f"  - wait: 2d\n  - wait: {{for: 96h, since: start}}\n{SEND}",
        "",
        "[{waits: wait-1, until: +2d}, {waits: wait-2, until: +4d}, {sent: hello, at: +4d}, {ends: ended}]",
    ),
    "a wait for a weekday": (
        f'  - wait: {{until: {{weekday: friday, at: "09:00"}}}}\n{SEND}',
        "",
        "[{sent: hello, at: 2026-03-06T09:00}, {ends: ended}]",
    ),
    "a race that nobody wins": (
        f"""
  - first:
      - {{event: site.cart, then: [end]}}
      - {{event: order.paid, then: [{{wait: 1d}}]}}
    within: 5d
    else: [{{wait: 2d}}]
{SEND}""",
        "",
        "[{sent: hello, at: +7d}, {ends: ended}]",
    ),
    "a race that the second wins": (
        f"""
  - first:
      - {{event: site.cart, then: [end]}}
      - {{event: order.paid, then: [{{wait: 1d}}]}}
    within: 5d
{SEND}""",
        "orders: [{placed: +1d, paid: +2d}], ",
        "[{sent: hello, at: +3d}, {ends: ended}]",
    ),
    "rounds": (
        f"""
  - repeat: {{times: 3, every: 2d}}
    steps:
    {SEND}""",
        "",
        "[{sent: hello, at: 0}, {sent: hello, at: +2d}, {sent: hello, at: +4d}, {ends: ended, at: +4d}]",
    ),
    "a moment that is past already": (
        f"  - wait: {{until: {{date: last_visit, offset: -1d, if_past: skip}}}}\n{SEND}",
        "",
        "[{ends: ended, at: 0}]",
    ),
    "a moment of a date": (
        f"  - wait: {{until: {{date: last_visit, offset: 2d, if_past: end}}}}\n{SEND}",
        "",
        "[{sent: hello, at: +2d}, {ends: ended}]",
    ),
    "branches that go on at once": (
        """
  - parallel:
      mail: [{send: {id: hello, channel: email, template: hello}}, {wait: 3d}]
      call: [{wait: 1d}, {task: {id: call, team: care, due: 4h}}]
  - wait: 1d
""",
        "",
        "[{sent: hello, at: 0}, {task: call, team: care, at: +1d, due: +1d 4h}, {ends: ended, at: +4d}]",
    ),
    "a webhook": ("  - webhook: {id: tell, to: crm}\n", "", "[{webhook: tell, at: 0}, {ends: ended}]"),
    "a webhook that fails": (
        "  - webhook: {id: tell, to: crm}\n    on_failure: [{task: {id: told, team: care}}]\n",
        "answers: {tell: {failed: retries_used_up}}, ",
        "[{failed: tell, reason: retries_used_up}, {task: told}, {ends: ended}]",
    ),
    "a failure that nobody sees to": (
        "  - webhook: {id: tell, to: crm}\n",
        "answers: {tell: {failed: gone}}, ",
        "[{failed: tell, reason: gone}, {fails: gone}]",
    ),
    "a changed record": (
        """
  - update: {id: set, set: {locale: de-DE}}
  - if: {locale: de-DE}
    then: [{send: {id: hello, channel: email, template: hello}}]
""",
        "",
        "[{update: set, set: locale de-DE}, {sent: hello}, {ends: ended}]",
    ),
    "a tag until it expires": (
        f"  - tag: {{add: noted, expires: 2d}}\n  - wait: 2d\n  - if: {{tags: noted}}\n    then: [end]\n{SEND}",
        "",
        "[{tag: noted, until: +2d}, {sent: hello, at: +2d}, {ends: ended}]",
    ),
    "a tag while it holds": (
        f"  - tag: {{add: noted, expires: 2d}}\n  - wait: 47h\n  - if: {{tags: noted}}\n    then: [end]\n{SEND}",
        "",
        "[{tag: noted, until: +2d}, {ends: ended, at: +47h}]",
    ),
    "a tag that is taken away": (
        f"  - tag: {{add: noted}}\n  - tag: {{remove: noted}}\n  - if: {{tags: noted}}\n    then: [end]\n{SEND}",
        "",
        "[{tag: noted}, {untag: noted}, {sent: hello}, {ends: ended}]",
    ),
    "points": (
        """
  - points: {id: pay, take: 10}
    on_failure: [{points: {id: gift, add: 10}}]
  - points: {id: again, take: 10}
""",
        "",
        "[{failed: pay, reason: not_enough_points}, {points: gift}, {points: again, amount: -10}, {ends: ended}]",
    ),
    "points that have expired": (
        f"""
  - points: {{id: gift, add: 10, expires: 1d}}
  - wait: 2d
  - if: {{points_balance: 0}}
    then: [{{wait: 1d}}]
{SEND}""",
        "",
        "[{points: gift, until: +1d}, {sent: hello, at: +3d}, {ends: ended}]",
    ),
    "coupons, as many as the pool allows": (
        "  - coupon: {id: one, pool: gifts}\n  - coupon: {id: two, pool: gifts}\n    on_failure: [end]\n",
        "",
        "[{coupon: one, pool: gifts, until: 2026-03-17}, {failed: two, reason: limit_reached}, {ends: ended}]",
    ),
    "a task that moves while it is open": (
        """
  - task: {id: call, team: care}
  - wait: 1d
  - task: {id: up, move: call, to: lead}
  - wait: 1d
  - task: {id: more, move: call, to: top}
""",
        "answers: {call: {closed: +36h}}, ",
        "[{task: call}, {move: up, of: call, to: lead, at: +1d}, {skipped: more, reason: task_closed}, {ends: ended}]",
    ),
    "a click that is waited for": (
        f"{SEND}  - wait_for: {{event: message.clicked, within: 5d}}\n    got: [{{task: {{id: call, team: care}}}}]\n",
        "answers: {hello: {opened: +1d, clicked: +2d}}, ",
        "[{sent: hello}, {task: call, at: +2d}, {ends: ended}]",
    ),
    "a click that does not come": (
        f"{SEND}  - wait_for: {{event: message.clicked, within: 5d}}\n    got: [{{task: {{id: call, team: care}}}}]\n",
        "answers: {hello: {opened: +1d}}, ",
        "[{sent: hello}, {ends: ended, at: +5d}]",
    ),
    "a message that was opened": (
        f"{SEND}  - wait: 3d\n  - if: {{step: hello, opened: true}}\n    then: [{{wait: 1d}}]\n",
        "answers: {hello: {opened: +2d}}, ",
        "[{sent: hello}, {ends: ended, at: +4d}]",
    ),
    "a message that went another way": (
        "  - send: {id: hello, channel: [email, push], template: hello}\n",
        "answers: {hello: {failed: recipient_refused}}, ",
        "[{failed: hello, channel: email}, {failed: hello, channel: push}, {fails: recipient_refused}]",
    ),
    "a channel that is not configured is passed over": (
        "  - send: {id: hello, channel: [sms, push], template: hello}\n",
        "",
        "[{sent: hello, channel: push}, {ends: ended}]",
    ),
    "an arm by the subject's hash": (
        """
  - split: {id: wording, shares: {short: 100%, long: 0%}}
    arms:
      short: [{send: {id: hello, channel: email, template: hello}}]
      long: [{send: {id: again, channel: email, template: again}}]
""",
        "",
        "[{sent: hello}, {ends: ended}]",
    ),
}


@pytest.mark.parametrize("name", SCENES)
def test_a_step_does_what_it_says(name):
    steps, more, does = SCENES[name]
    passes(steps, f"{{site_events: [0], {more}expect: {{journey: {does}}}}}", head=VISITOR)


def test_a_started_playbook_runs_beside_the_one_that_started_it():
    other = ORDER.replace("tried", "other").replace("order.placed", "order.paid")
    passes(
        "  - start: {id: on, playbook: other}\n  - wait: 1d\n",
        "{orders: [{placed: 0}], expect: {journey: [{start: on}, {ends: ended, at: +1d}]}}",
        other=f"{other}steps:\n{SEND}",
    )


def test_a_playbook_that_is_not_live_is_not_started():
    other = f"{ORDER.replace('tried', 'other')}status: paused\n"
    passes(
        "  - start: {id: on, playbook: other}\n",
        "{orders: [{placed: 0}], expect: {journey: [{skipped: on, reason: not_live}, {ends: ended}]}}",
        other=f"{other}steps:\n{SEND}",
    )


def test_time_alone_starts_a_journey():
    does = "[{begins: tried, at: +1d}, {sent: hello, at: +1d}, {ends: ended}]"
    passes(SEND, f"{{orders: [{{paid: -29d}}], expect: {{journey: {does}}}}}", head=CUSTOMER)


def test_who_was_quiet_before_starts_nothing():
    passes(SEND, "{orders: [{paid: -31d}], expect: {journey: none}}", head=CUSTOMER)


@pytest.mark.parametrize(("arm", "sent"), [("short", "hello"), ("long", "again"), ("none", "")])
def test_a_test_may_say_which_arm_somebody_gets(arm, sent):
    split = """
  - split: {id: wording, shares: {short: 40%, long: 40%, none: 20%}}
    arms:
      short: [{send: {id: hello, channel: email, template: hello}}]
      long: [{send: {id: again, channel: email, template: again}}]
"""
    does = f"{{sent: {sent}}}, " if sent else ""
    passes(
        split, f"{{orders: [{{placed: 0}}], arms: {{wording: {arm}}}, expect: {{journey: [{does}{{ends: ended}}]}}}}"
    )
