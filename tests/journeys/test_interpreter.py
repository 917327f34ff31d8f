"""The interpreter, on its own: no server, no clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given

from engine.journeys.commands import Ask, ChangeTags, Choose, Deliver, Finish, Hold, LookUp, OpenTask
from engine.journeys.inputs import Answered, Began, Cancelled, Due, Told, order
from engine.journeys.interpreter import advance, begin, first_wait, waits_for
from engine.journeys.plan import Branch, End, EventTrigger, Jump, Plan, Send, Tag, Task, Wait, WaitFor, WaitUntil, When
from tests.journeys.plans import DAY, HIGH_SPENDER, REMINDER, plan, plans

T0 = datetime(2018, 1, 8, 10, tzinfo=UTC)


def test_a_journey_waits_first_until_its_logical_due() -> None:
    _, commands = begin(REMINDER, Began(T0))

    assert [(type(one), one.due) for one in commands] == [(Hold, T0 + timedelta(days=1))]


def test_a_wait_heard_late_still_counts_from_when_it_was_due() -> None:
    state, (hold,) = begin(REMINDER, Began(T0))

    state, (deliver,) = advance(REMINDER, state, Due(hold.due, hold.wait))

    assert isinstance(deliver, Deliver)
    assert (deliver.step, deliver.at) == ("first", T0 + timedelta(days=1))


def test_a_held_back_send_is_asked_again_at_its_release_and_the_next_wait_counts_from_there() -> None:
    state, (hold,) = begin(REMINDER, Began(T0))
    state, _ = advance(REMINDER, state, Due(hold.due, hold.wait))
    release = T0 + timedelta(days=1, hours=9)

    state, (hold,) = advance(REMINDER, state, Answered(T0 + timedelta(days=1), "first", "deferred", until=release))
    state, (deliver,) = advance(REMINDER, state, Due(release, hold.wait))
    state, (second,) = advance(REMINDER, state, Answered(release, "first", "sent"))

    assert (deliver.at, deliver.due) == (release, T0 + timedelta(days=1))
    assert second.due == release + timedelta(days=2)


def test_a_payment_ends_the_journey_while_it_waits() -> None:
    state, _ = begin(REMINDER, Began(T0))

    state, (finish,) = advance(REMINDER, state, Told(T0 + timedelta(hours=3), "order.paid", stop=True))

    assert finish == Finish(T0 + timedelta(hours=3), "stopped", "order.paid", recorded=True)
    assert state.finished


def test_an_input_other_than_the_answer_changes_nothing_while_a_command_is_out() -> None:
    state, (hold,) = begin(REMINDER, Began(T0))
    state, _ = advance(REMINDER, state, Due(hold.due, hold.wait))

    assert advance(REMINDER, state, Told(T0, "order.paid", stop=True)) == (state, ())


def test_a_due_of_a_wait_that_was_left_changes_nothing() -> None:
    state, (hold,) = begin(REMINDER, Began(T0))
    state, _ = advance(REMINDER, state, Due(hold.due, hold.wait))
    state, _ = advance(REMINDER, state, Answered(hold.due, "first", "sent"))

    assert advance(REMINDER, state, Due(hold.due, hold.wait)) == (state, ())


def test_a_high_spender_gets_a_task_due_in_logical_time_and_the_journey_ends_with_it() -> None:
    state, commands = begin(REMINDER, Began(T0))
    for _ in range(2):
        hold = commands[0]
        state, commands = advance(REMINDER, state, Due(hold.due, hold.wait))
        state, commands = advance(REMINDER, state, Answered(commands[0].at, commands[0].step, "sent"))
    at = commands[0].at
    assert isinstance(commands[0], Ask)

    state, (task,) = advance(REMINDER, state, Answered(at, "if-1", "true"))
    state, (finish,) = advance(REMINDER, state, Answered(at, "call", "done"))

    assert isinstance(task, OpenTask)
    assert (task.team, task.due, task.ends) == ("sales", at + timedelta(hours=4), "ended")
    assert finish == Finish(at, "ended", "ended", recorded=True)


def test_a_send_found_stopped_at_reserve_ends_the_journey() -> None:
    state, (hold,) = begin(REMINDER, Began(T0))
    state, _ = advance(REMINDER, state, Due(hold.due, hold.wait))

    _, (finish,) = advance(REMINDER, state, Answered(hold.due, "first", "skipped", "stopped", stopped="order.paid"))

    assert finish == Finish(hold.due, "stopped", "order.paid", recorded=True)


def test_a_skipped_send_goes_on_to_the_next_step() -> None:
    state, (hold,) = begin(REMINDER, Began(T0))
    state, _ = advance(REMINDER, state, Due(hold.due, hold.wait))

    state, (wait,) = advance(REMINDER, state, Answered(hold.due, "first", "skipped", "no_consent"))

    assert state.outcome("first") == "skipped"
    assert wait.due == hold.due + timedelta(days=2)


def test_a_send_whose_retries_are_used_up_fails_the_journey() -> None:
    state, (hold,) = begin(REMINDER, Began(T0))
    state, _ = advance(REMINDER, state, Due(hold.due, hold.wait))

    _, (finish,) = advance(REMINDER, state, Answered(hold.due, "first", "failed", "connection_refused"))

    assert finish == Finish(hold.due, "failed", "connection_refused", recorded=False)


def _caught(*, last: bool = False) -> Plan:
    code = (
        Send(id="first", channels=("email",), template="t", on_failure=2),
        Jump(id="first/done", to=3),
        Task(id="call", task="call", team="sales", title="Call"),
        Wait(id="wait-1", seconds=DAY),
        End(id="end"),
    )
    return plan(*(each for each in code if not last or each.id != "wait-1"))


def test_a_failure_with_steps_of_its_own_takes_them_and_then_goes_on() -> None:
    state, (deliver,) = begin(_caught(), Began(T0))
    assert deliver.caught

    state, (task,) = advance(_caught(), state, Answered(T0, "first", "failed", "mailbox_full"))
    state, (hold,) = advance(_caught(), state, Answered(T0, "call", "done"))

    assert isinstance(task, OpenTask)
    assert (state.outcome("first"), state.reasons) == ("failed", (("first", "mailbox_full"),))
    assert isinstance(hold, Hold)


def test_tags_are_changed_as_of_the_logical_instant_and_end_the_journey_where_nothing_follows() -> None:
    tagging = plan(Wait(id="w", seconds=60), Tag(id="t", add=("warm",), remove=("cold",), expires=DAY), End(id="end"))
    state, (hold,) = begin(tagging, Began(T0))

    state, (change,) = advance(tagging, state, Due(hold.due, hold.wait))
    _, (finish,) = advance(tagging, state, Answered(hold.due, "t", "done"))

    assert change == ChangeTags("t", T0 + timedelta(seconds=60), ("warm",), ("cold",), DAY, "", "ended")
    assert finish == Finish(hold.due, "ended", "ended", recorded=True)


def test_steps_for_a_failure_are_passed_by_when_there_is_none() -> None:
    state, _ = begin(_caught(), Began(T0))

    _, (hold,) = advance(_caught(), state, Answered(T0, "first", "sent"))

    assert hold == Hold(hold.wait, T0 + timedelta(days=1), "")


def test_a_failure_among_the_steps_for_a_failure_fails_the_journey() -> None:
    state, _ = begin(_caught(), Began(T0))
    state, _ = advance(_caught(), state, Answered(T0, "first", "failed", "mailbox_full"))

    _, (finish,) = advance(_caught(), state, Answered(T0, "call", "failed", "retries_used_up"))

    assert finish == Finish(T0, "failed", "retries_used_up", recorded=False)


def test_a_last_send_tells_its_outcome_also_where_a_failure_has_steps() -> None:
    _, (deliver,) = begin(_caught(last=True), Began(T0))

    assert deliver.ends == "ended"


@pytest.mark.parametrize(("on_failure", "expected"), [(None, Finish), (2, Hold)])
def test_a_question_that_cannot_be_answered_is_no_answer(on_failure: int | None, expected: type) -> None:
    asking = plan(
        Branch(id="if-1", condition=HIGH_SPENDER, orelse=3, on_failure=on_failure),
        End(id="yes"),
        Wait(id="later", seconds=DAY),
        End(id="no"),
    )
    state, _ = begin(asking, Began(T0))

    state, (command,) = advance(asking, state, Answered(T0, "if-1", "failed", "retries_used_up"))

    assert isinstance(command, expected)
    assert state.finished == (on_failure is None)


def test_an_operators_cancellation_ends_the_journey_and_must_be_recorded() -> None:
    state, _ = begin(REMINDER, Began(T0))

    _, (finish,) = advance(REMINDER, state, Cancelled(T0 + timedelta(hours=1), "wrong customer"))

    assert finish == Finish(T0 + timedelta(hours=1), "cancelled", "wrong customer", recorded=False)


def _visit_plan() -> Plan:
    return plan(
        WaitFor(id="visit", any=(EventTrigger(event="site.visit"),), within=DAY, got=1, orelse=3),
        Send(id="warm", channels=("email",), template="warm"),
        End(id="warm-end", outcome="warm"),
        Send(id="cold", channels=("email",), template="cold"),
        End(id="cold-end", outcome="cold"),
    )


def test_a_wait_for_an_event_takes_the_event_that_comes() -> None:
    state, _ = begin(_visit_plan(), Began(T0))

    _, (deliver,) = advance(_visit_plan(), state, Told(T0 + timedelta(hours=5), "site.visit", steps=("visit",)))

    assert (deliver.step, deliver.at) == ("warm", T0 + timedelta(hours=5))


def test_a_wait_for_an_event_goes_the_other_way_when_its_time_is_up() -> None:
    state, (hold,) = begin(_visit_plan(), Began(T0))

    _, (deliver,) = advance(_visit_plan(), state, Due(hold.due, hold.wait))

    assert (deliver.step, deliver.at) == ("cold", T0 + timedelta(days=1))


def _promise_plan() -> Plan:
    return plan(
        WaitFor(
            id="there",
            any=(EventTrigger(event="order.delivered"),),
            within=7 * DAY,
            until=When(date="order.estimated_at"),
            got=1,
            orelse=2,
        ),
        End(id="got", outcome="there"),
        End(id="late", outcome="late"),
    )


@pytest.mark.parametrize(
    ("promised", "due"), [(2 * DAY, 2 * DAY), (9 * DAY, 7 * DAY), (None, 7 * DAY)], ids=["near", "far", "unknown"]
)
def test_a_wait_for_an_event_is_over_at_the_moment_and_at_the_latest_when_its_time_is_up(
    promised: int | None, due: int
) -> None:
    state, (asked,) = begin(_promise_plan(), Began(T0))
    assert asked == LookUp("there", T0, T0, When(date="order.estimated_at"), "")

    until = None if promised is None else T0 + timedelta(seconds=promised)
    answer = Answered(T0, "there", "unknown" if until is None else "due", until=until)
    state, (hold,) = advance(_promise_plan(), state, answer)

    assert isinstance(hold, Hold)
    assert hold.due == T0 + timedelta(seconds=due)
    _, (late,) = advance(_promise_plan(), state, Due(hold.due, hold.wait))
    assert (late.outcome, late.at) == ("late", hold.due)
    _, (there,) = advance(_promise_plan(), state, Told(T0 + timedelta(hours=1), "order.delivered", steps=("there",)))
    assert there.outcome == "there"


def test_a_wait_for_an_event_until_a_moment_that_is_past_goes_the_other_way_at_once() -> None:
    state, _ = begin(_promise_plan(), Began(T0))

    _, (late,) = advance(_promise_plan(), state, Answered(T0, "there", "due", until=T0 - timedelta(seconds=1)))

    assert late == Finish(T0, "ended", "late", recorded=False)


def test_an_event_from_before_the_wait_began_does_not_count() -> None:
    state, _ = begin(_visit_plan(), Began(T0))

    assert advance(_visit_plan(), state, Told(T0 - timedelta(seconds=1), "site.visit", steps=("visit",))) == (state, ())


def test_a_fact_precedes_a_timer_at_one_instant() -> None:
    assert min([Due(T0, "w"), Told(T0, "order.paid", stop=True)], key=order) == Told(T0, "order.paid", stop=True)


def test_a_plan_that_begins_with_a_wait_tells_its_first_due() -> None:
    hold = first_wait(REMINDER, T0)
    state, (held,) = begin(REMINDER, Began(T0))

    assert hold == held == waits_for(REMINDER, state)
    assert first_wait(_visit_plan(), T0) is None


def test_a_wait_since_the_start_that_is_over_already_is_passed() -> None:
    both = plan(
        Wait(id="a", seconds=3 * DAY),
        Wait(id="b", seconds=DAY, since="start"),
        Send(id="s", channels=("email",), template="t"),
        End(id="e"),
    )
    state, (hold,) = begin(both, Began(T0))

    _, (deliver,) = advance(both, state, Due(hold.due, hold.wait))

    assert (deliver.step, deliver.at) == ("s", T0 + timedelta(days=3))


def _day_before(*, if_past: str = "go", follow: bool = False) -> Plan:
    trigger = (EventTrigger(event="order.shipped"),) if follow else ()
    return plan(
        WaitUntil(id="w", when=When(date="order.estimated_at"), if_past=if_past, skip_to=2, follow=trigger),
        Send(id="arriving", channels=("email",), template="t"),
        Task(id="call", task="call", team="sales", title="Call"),
        End(id="end"),
    )


def test_a_moment_is_looked_up_and_waited_for() -> None:
    state, (look_up,) = begin(_day_before(), Began(T0))
    assert (look_up.at, look_up.since, look_up.when.date) == (T0, T0, "order.estimated_at")

    state, (hold,) = advance(_day_before(), state, Answered(T0, "w", "due", until=T0 + timedelta(days=5)))
    _, (deliver,) = advance(_day_before(), state, Due(hold.due, hold.wait))

    assert (deliver.step, deliver.at) == ("arriving", T0 + timedelta(days=5))


@pytest.mark.parametrize("due", [T0 - timedelta(seconds=1), None])
@pytest.mark.parametrize(("if_past", "expected"), [("go", "arriving"), ("skip", "call")])
def test_a_moment_that_is_past_or_unknown_is_passed_as_the_rules_say(
    due: datetime | None, if_past: str, expected: str
) -> None:
    one = _day_before(if_past=if_past)
    state, _ = begin(one, Began(T0))

    _, (command,) = advance(one, state, Answered(T0, "w", "due" if due else "unknown", until=due))

    assert command.step == expected


def test_a_moment_that_is_past_can_end_the_journey() -> None:
    one = _day_before(if_past="end")
    state, _ = begin(one, Began(T0))

    _, (finish,) = advance(one, state, Answered(T0, "w", "due", until=T0 - timedelta(days=1)))

    assert finish == Finish(T0, "ended", "past", recorded=False)


def test_a_moment_that_is_now_has_come_and_is_not_past() -> None:
    one = _day_before(if_past="end")
    state, _ = begin(one, Began(T0))

    _, (deliver,) = advance(one, state, Answered(T0, "w", "due", until=T0))

    assert deliver.step == "arriving"


def test_a_followed_date_that_moves_moves_the_wait_and_is_looked_up_once_more_when_it_is_over() -> None:
    one = _day_before(follow=True)
    state, _ = begin(one, Began(T0))
    state, _ = advance(one, state, Answered(T0, "w", "due", until=T0 + timedelta(days=2)))
    moved = T0 + timedelta(days=1)

    state, (again,) = advance(one, state, Told(moved, "order.shipped", steps=("w",)))
    state, (hold,) = advance(one, state, Answered(moved, "w", "due", until=T0 + timedelta(days=4)))
    state, (last,) = advance(one, state, Due(hold.due, hold.wait))
    _, (deliver,) = advance(one, state, Answered(hold.due, "w", "due", until=hold.due))

    assert (again.at, again.since, last.at) == (moved, T0, T0 + timedelta(days=4))
    assert (deliver.step, deliver.at) == ("arriving", T0 + timedelta(days=4))


def test_a_followed_date_that_moves_into_the_time_already_waited_has_come() -> None:
    one = _day_before(follow=True, if_past="end")
    state, _ = begin(one, Began(T0))
    state, _ = advance(one, state, Answered(T0, "w", "due", until=T0 + timedelta(days=9)))
    now = T0 + timedelta(days=5)
    state, _ = advance(one, state, Told(now, "order.shipped", steps=("w",)))

    _, (deliver,) = advance(one, state, Answered(now, "w", "due", until=T0 + timedelta(days=4)))

    assert (deliver.step, deliver.at) == ("arriving", now)


@given(plans())
def test_a_journey_whose_waits_all_come_due_ends(one: Plan) -> None:
    state, commands = begin(one, Began(T0))
    for _ in range(10_000):
        if state.finished:
            break
        command = commands[0]
        if isinstance(command, Hold):
            state, commands = advance(one, state, Due(command.due, command.wait))
        else:
            outcome = "true" if isinstance(command, Ask) else "chosen" if isinstance(command, Choose) else "sent"
            due = T0 + timedelta(days=3) if isinstance(command, LookUp) else None
            state, commands = advance(one, state, Answered(command.at, command.step, outcome, until=due))
    assert state.finished


def test_a_wait_that_would_be_over_after_the_end_of_time_is_due_then() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    one = plan(
        WaitFor(id="visit", any=(EventTrigger(event="site.visit"),), within=DAY, got=1, orelse=1),
        Wait(id="w", seconds=DAY),
        End(id="end"),
    )
    state, _ = begin(one, Began(T0))

    _, (hold,) = advance(one, state, Told(last - timedelta(hours=1), "site.visit", steps=("visit",)))

    assert hold.due == last
