"""The most that one journey can do, against plans worked out by hand."""

import pytest

from engine.conditions.ast import StepIs
from engine.journeys.bound import DAY, Pace, Worst, worst
from engine.journeys.plan import (
    Again,
    Branch,
    End,
    EventTrigger,
    Join,
    Jump,
    Parallel,
    Repeat,
    Send,
    Split,
    Task,
    Wait,
    WaitFor,
    WaitUntil,
    When,
)
from tests.journeys.plans import HIGH_SPENDER, REMINDER, plan
from tests.journeys.walk import SHIPPED

HOUR = 3600
WEEK = 7 * DAY
VISIT = (EventTrigger(event="site.visit"),)


def send(name, **more):
    return Send(id=name, channels=("email",), template="t", **more)


def wait(name, seconds, since="previous"):
    return Wait(id=name, seconds=seconds, since=since)


def sends(step):
    return isinstance(step, Send)


def most(*code, span=WEEK, pace=Pace()):  # noqa: B008 - it never changes
    return worst(plan(*code, End(id="end")), sends, span, pace)


def test_messages_in_a_row_count_while_they_are_within_the_span():
    assert worst(REMINDER, sends, WEEK) == Worst(2, (("first", DAY), ("second", 3 * DAY)), DAY, 3 * DAY)
    assert worst(REMINDER, sends, 2 * DAY).most == 1, "the end of the span is exclusive"
    assert worst(REMINDER, sends, 2 * DAY + 1).most == 2


def test_the_span_may_begin_anywhere():
    found = most(send("a"), wait("w1", WEEK), send("b"), wait("w2", DAY), send("c"))
    assert found.steps == (("b", WEEK), ("c", WEEK + DAY))
    assert (found.first, found.last) == (0, WEEK + DAY)


def test_the_worst_arm_counts():
    branch = Branch(id="if", condition=HIGH_SPENDER, orelse=4)
    assert most(branch, send("a"), send("b"), Jump(id="j", to=5), send("c"), send("d")).steps == (
        ("a", 0), ("b", 0), ("d", 0),
    )  # fmt: skip


def test_an_arm_that_nobody_takes_does_not_count():
    arms = tuple({"name": name, "share": share, "to": to} for name, share, to in (("a", 0, 1), ("b", 10_000, 3)))
    split = Split.model_validate({"op": "split", "id": "split", "arms": arms})
    assert most(split, send("a"), send("b"), send("c")).steps == (("c", 0),)


def test_a_wait_for_an_event_may_end_at_once_but_its_else_comes_when_its_time_is_over():
    def waiting(got, orelse):
        return most(send("a"), WaitFor(id="w", any=VISIT, within=WEEK, got=got, orelse=orelse), send("b"), End(id="e"))

    assert waiting(2, 3).steps == (("a", 0), ("b", 0))
    assert waiting(3, 2).most == 1


def test_a_wait_since_the_start_is_as_short_as_what_came_before_was_long():
    since = wait("since", 5 * DAY, "start")
    assert most(send("a"), since, send("b"), span=5 * DAY).most == 1
    late = WaitFor(id="w", any=VISIT, within=2 * DAY, got=1, orelse=1)
    found = most(late, send("a"), since, send("b"), span=4 * DAY)
    assert found.steps == (("a", 0), ("b", 5 * DAY)), "a may leave two days after the start, three before b"
    assert most(late, send("a"), since, send("b"), span=3 * DAY).most == 1


def test_a_message_that_is_held_back_comes_nearer_to_what_waits_since_the_start():
    code = (send("a"), wait("since", 5 * DAY, "start"), send("b"))
    assert most(*code, span=5 * DAY - 11 * HOUR, pace=Pace(delay=11 * HOUR)).most == 1
    assert most(*code, span=5 * DAY, pace=Pace(delay=11 * HOUR)).most == 2


def rounds(*body, times=4, every=None):
    last = 1 + len(body)
    return (
        Repeat(id="r", times=times, last=last),
        *body,
        Again(id="again", repeat=0, times=times, every=every),
    )


def test_rounds_come_so_far_apart_and_no_more_than_so_often():
    found = most(*rounds(send("a"), every=2 * DAY))
    assert found.steps == (("a", 0), ("a", 2 * DAY), ("a", 4 * DAY), ("a", 6 * DAY))
    assert most(*rounds(send("a"), every=2 * DAY, times=9)).most == 4
    assert most(*rounds(send("a"), every=2 * DAY, times=3)).most == 3


def test_a_round_that_took_long_is_followed_at_once():
    body = (send("a"), WaitFor(id="w", any=VISIT, within=2 * DAY, got=3, orelse=3))
    assert most(*rounds(*body, every=2 * DAY, times=9), span=DAY).most == 9
    assert most(*rounds(send("a"), wait("w", DAY), every=2 * DAY, times=9), span=2 * DAY + 1).most == 2


def test_more_rounds_than_can_be_looked_at_are_counted_as_if_at_once():
    inner = (Repeat(id="in", times=100, last=3), send("a"), Again(id="more", repeat=1, times=100, every=DAY))
    found = most(Repeat(id="out", times=100, last=4), *inner, Again(id="again", repeat=0, times=100))
    assert (found.most, found.steps, found.first) == (10_000, (), 0)
    assert found.last >= 9_900 * DAY


def test_what_goes_on_at_once_adds_up():
    first = Parallel(id="both", branches=(1, 5), join=8)
    one = (send("a"), wait("w1", 3 * DAY), send("b"), Join(id="j1"))
    two = (wait("w2", DAY), send("c"), Join(id="j2"))
    found = most(first, *one, *two, send("d"))
    assert found.steps == (("a", 0), ("c", DAY), ("b", 3 * DAY), ("d", 3 * DAY))
    assert most(first, *one, *two, wait("w3", WEEK), send("d")).most == 3


def test_nothing_follows_branches_that_all_end_the_journey():
    first = Parallel(id="both", branches=(1, 3), join=5)
    found = worst(plan(first, send("a"), End(id="e1"), wait("w", DAY), End(id="e2")), sends, WEEK)
    assert (found.most, found.steps) == (1, (("a", 0),))


def test_a_message_that_failed_does_not_count_and_what_follows_its_failure_does():
    code = (send("a", on_failure=2), Jump(id="j", to=3), send("b"))
    assert most(*code).most == 1


def test_a_condition_on_what_failed_is_believed():
    task = Task(id="t", task="t", team="sales", title="T", on_failure=3)
    done = Branch(id="if", condition=StepIs(step="t", state="done"), orelse=5)
    code = (task, wait("w", DAY), Jump(id="j", to=4), send("a"), done, send("b"))
    done = done.model_copy(update={"orelse": 6})
    assert most(*code[:4], done, send("b")).most == 1
    other = done.model_copy(update={"condition": StepIs(step="t", state="failed")})
    assert most(*code[:4], other, send("b")).most == 2


@pytest.mark.parametrize(
    ("when", "least", "last"),
    [
        (When(offset=DAY), DAY, DAY),
        (When(offset=8 * HOUR, business=True), 8 * HOUR, WEEK + 2 * HOUR),
        (When(at="10:00"), 0, DAY + 2 * HOUR),
        (When(weekday="monday"), 0, 8 * DAY),
        (When(date="order.estimated_at"), 0, 90 * DAY),
    ],
)
def test_a_moment_comes_between_its_earliest_and_its_latest(when, least, last):
    found = most(WaitUntil(id="w", when=when), send("a"), pace=Pace(working=40 * HOUR))
    assert (found.first, found.last) == (least, last)


def shipped(name, span=WEEK):
    return worst(SHIPPED.plans[name], sends, span).steps


def test_shipped_playbooks_as_worked_out_by_hand():
    assert shipped("payment-reminder") == (("first", DAY), ("second", 3 * DAY))
    # The coupon failed and its words were sent; the message about the coupon is not for whoever has none. The question
    # whether all is well comes more than a week later.
    assert shipped("bad-review-recovery") == (("words", 0),)
    assert len(shipped("bad-review-recovery", span=9 * DAY)) == 2
    # A parcel that is late eight times, late once more, out for delivery and there.
    assert [step for step, _ in shipped("shipment-notice")] == [
        "shipped", *["delayed"] * 8, "late", "arriving", "delivered",
    ]  # fmt: skip
    # A greeting a little less than a week after the gift.
    assert shipped("birthday") == (("with-gift", 0), ("greeting", 156 * HOUR))
    assert shipped("birthday", span=6 * DAY) == (("with-gift", 0),)
