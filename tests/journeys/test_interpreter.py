"""The interpreter, on its own: no server, no clock."""

from datetime import UTC, datetime, timedelta

from hypothesis import given

from engine.journeys.commands import Ask, Deliver, Finish, Hold, OpenTask
from engine.journeys.inputs import Answered, Began, Cancelled, Due, Told, order
from engine.journeys.interpreter import advance, begin, first_wait, waits_for
from engine.journeys.plan import End, EventTrigger, Plan, Send, Wait, WaitFor
from tests.journeys.plans import DAY, REMINDER, plan, plans

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


@given(plans())
def test_a_journey_whose_waits_all_come_due_ends(one: Plan) -> None:
    state, commands = begin(one, Began(T0))
    for _ in range(100):
        if state.finished:
            break
        command = commands[0]
        if isinstance(command, Hold):
            state, commands = advance(one, state, Due(command.due, command.wait))
        else:
            outcome = "true" if isinstance(command, Ask) else "sent"
            state, commands = advance(one, state, Answered(command.at, command.step, outcome))
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
