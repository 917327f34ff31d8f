"""What goes on at once, on its own: no server, no clock."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.journeys.commands import Command, Deliver, Finish, Hold, OpenTask
from engine.journeys.inputs import Answered, Began, Cancelled, Due, Input, Told
from engine.journeys.interpreter import advance, begin, waits_for
from engine.journeys.plan import End, EventTrigger, Join, Parallel, Plan, Send, Task, Wait, WaitFor
from engine.journeys.state import State
from tests.journeys.plans import DAY, parallel_plans, plan
from tests.journeys.world import answers

T0 = datetime(2018, 1, 8, 10, tzinfo=UTC)
VISIT = (EventTrigger(event="site.visit"),)
BOTH = plan(
    Parallel(id="both", branches=(1, 4), join=6),
    Send(id="mail", channels=("email",), template="t"),
    WaitFor(id="visit", any=VISIT, within=DAY, got=3, orelse=3),
    Join(id="both/mail"),
    Wait(id="patience", seconds=3600),
    Join(id="both/call"),
    Task(id="call", task="call", team="sales", title="Call"),
    End(id="end"),
)


def begun(one: Plan = BOTH) -> tuple[State, tuple[Command, ...]]:
    return begin(one, Began(T0))


def test_branches_begin_at_once_in_the_order_of_writing() -> None:
    state, commands = begun()

    assert [type(each) for each in commands] == [Deliver, Hold]
    assert waits_for(BOTH, state) == commands[1]


def test_a_branch_goes_on_while_the_command_of_another_is_out() -> None:
    state, (_, hold) = begun()

    state, commands = advance(BOTH, state, Due(hold.due, hold.wait))

    assert commands == ()
    assert [each.joined for each in state.branches] == [False, True]


def test_when_all_branches_have_joined_the_journey_goes_on_at_the_latest_of_their_instants() -> None:
    state, (_, hold) = begun()
    state, _ = advance(BOTH, state, Due(hold.due, hold.wait))
    state, (visit,) = advance(BOTH, state, Answered(T0, "mail", "sent"))

    state, (task,) = advance(BOTH, state, Due(visit.due, visit.wait))

    assert isinstance(task, OpenTask)
    assert (task.at, state.branches) == (T0 + timedelta(days=1), ())
    assert state.outcome("mail") == "sent"


def test_a_branch_looks_at_what_it_was_told_while_its_command_was_out_when_it_waits() -> None:
    state, _ = begun()
    state, _ = advance(BOTH, state, Told(T0 + timedelta(minutes=1), "site.visit", steps=("visit",)))

    state, commands = advance(BOTH, state, Answered(T0, "mail", "sent"))

    assert [each.joined for each in state.branches] == [True, False]
    assert commands == ()


@pytest.mark.parametrize(
    ("happened", "how"),
    [
        (Told(T0, "order.paid", stop=True), "stopped"),
        (Cancelled(T0), "cancelled"),
        (Answered(T0, "mail", "failed", "refused"), "failed"),
        (Answered(T0, "mail", "skipped", stopped="order.paid"), "stopped"),
    ],
)
def test_what_ends_the_journey_ends_all_its_branches(happened: Input, how: str) -> None:
    state, _ = begun()

    state, (finish,) = advance(BOTH, state, happened)

    assert isinstance(finish, Finish)
    assert finish.state == how
    assert (state.finished, state.branches, state.position) == (True, (), None)
    assert waits_for(BOTH, state) is None


def test_an_end_in_a_branch_is_the_end_of_the_journey() -> None:
    one = plan(
        Parallel(id="both", branches=(1, 2), join=4),
        End(id="over", outcome="enough"),
        Wait(id="w", seconds=60),
        Join(id="both/w"),
        End(id="end"),
    )

    state, commands = begun(one)

    assert commands == (Finish(T0, "ended", "enough", recorded=False),)
    assert state.finished


def _out(commands: tuple[Command, ...]) -> dict[str, Command]:
    return {each.step: each for each in commands if not isinstance(each, Hold | Finish)}


@given(parallel_plans(), st.data())
def test_any_branches_in_any_order_of_inputs_wait_or_end_and_never_send_twice(one: Plan, data: st.DataObject) -> None:
    state, commands = begun(one)
    out, sent = _out(commands), []
    for _ in range(60):
        if state.finished:
            break
        hold = waits_for(one, state)
        at = T0 + timedelta(seconds=data.draw(st.integers(-DAY, 20 * DAY)))
        told = Told(at, "site.visit", steps=tuple(step for step, _ in one.heard()))
        possible: list[object] = [told, *out, *([Due(hold.due, hold.wait)] if hold else [])]
        chosen = data.draw(st.sampled_from(possible))
        if isinstance(chosen, str):
            command = out.pop(chosen)
            happened: Input = data.draw(answers(command))
            if isinstance(command, Deliver) and happened.outcome == "sent":
                sent.append(f"{command.step}/{command.iteration}")
        else:
            assert isinstance(chosen, Told | Due)
            happened = chosen
        before = state.now
        state, commands = advance(one, state, happened)
        assert not out.keys() & _out(commands).keys()
        out.update(_out(commands))
        assert state.now >= before
        assert state.finished == (state.position is None)
        assert state.finished or out or waits_for(one, state)
    assert len(sent) == len(set(sent))


@given(parallel_plans())
def test_branches_whose_commands_are_all_answered_and_waits_come_due_end(one: Plan) -> None:
    state, commands = begun(one)
    out = _out(commands)
    for _ in range(20_000):
        if state.finished:
            break
        if out:
            step, _ = out.popitem()
            happened: Input = Answered(state.now, step, "sent", until=T0)
        else:
            hold = waits_for(one, state)
            assert hold is not None
            happened = Due(hold.due, hold.wait)
        state, commands = advance(one, state, happened)
        out.update(_out(commands))
    assert state.finished
