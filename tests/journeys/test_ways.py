"""Steps with several ways out, and repetitions, on their own: no server, no clock."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from engine.journeys.commands import Choose, Deliver, Hold
from engine.journeys.experiment import arm_of
from engine.journeys.inputs import Answered, Began, Due, Told
from engine.journeys.interpreter import advance, begin, waits_for
from engine.journeys.plan import (
    Again,
    Arm,
    End,
    EventTrigger,
    First,
    Plan,
    Repeat,
    Send,
    Split,
    Switch,
    Wait,
    Way,
)
from tests.journeys.plans import DAY, plan

T0 = datetime(2018, 1, 8, 10, tzinfo=UTC)


def send(name: str) -> Send:
    return Send(id=name, channels=("email",), template="t")


def triggers(event: str) -> tuple[EventTrigger, ...]:
    return (EventTrigger(event=event),)


SWITCH = plan(
    Switch(id="where", on="country", cases={"DE": 1, "FR": 3}, orelse=5),
    send("german"),
    End(id="e1"),
    send("french"),
    End(id="e2"),
    send("other"),
    End(id="e3"),
)


@pytest.mark.parametrize(("case", "step"), [("DE", "german"), ("FR", "french"), (None, "other"), ("PT", "other")])
def test_a_switch_goes_on_at_the_case_that_is_chosen(case: str | None, step: str) -> None:
    state, (choose,) = begin(SWITCH, Began(T0))
    assert choose == Choose("where", T0, "country", ("DE", "FR"), "")

    _, (deliver,) = advance(SWITCH, state, Answered(T0, "where", "chosen", case))

    assert deliver.step == step


RACE = plan(
    First(
        id="race",
        ways=(Way(any=triggers("order.shipped"), to=1), Way(any=triggers("site.visit"), to=3)),
        within=DAY,
        orelse=5,
    ),
    send("shipped"),
    End(id="e1"),
    send("visited"),
    End(id="e2"),
    send("nothing"),
    End(id="e3"),
)


def test_the_first_trigger_that_comes_wins_the_race() -> None:
    state, _ = begin(RACE, Began(T0))

    _, (deliver,) = advance(RACE, state, Told(T0 + timedelta(hours=1), "site.visit", steps=("race/2",)))

    assert (deliver.step, deliver.at) == ("visited", T0 + timedelta(hours=1))


def test_of_two_ways_with_the_same_event_the_first_in_writing_wins() -> None:
    state, _ = begin(RACE, Began(T0))

    _, (deliver,) = advance(RACE, state, Told(T0, "site.visit", steps=("race/2", "race/1")))

    assert deliver.step == "shipped"


def test_a_race_that_nobody_wins_goes_on_with_else() -> None:
    state, (hold,) = begin(RACE, Began(T0))

    _, (deliver,) = advance(RACE, state, Due(hold.due, hold.wait))

    assert (deliver.step, deliver.at) == ("nothing", T0 + timedelta(days=1))


def test_an_event_from_before_the_race_does_not_win_it() -> None:
    state, _ = begin(RACE, Began(T0))

    assert advance(RACE, state, Told(T0 - timedelta(hours=1), "site.visit", steps=("race/2",))) == (state, ())


def test_a_plan_is_told_of_each_way_of_a_race() -> None:
    assert [step for step, _ in RACE.heard()] == ["race/1", "race/2"]
    assert RACE.listens_to() == {"order.shipped", "site.visit", "order.paid"}


SPLIT = plan(
    Split(id="wording", arms=(Arm(name="short", share=3000, to=1), Arm(name="long", share=7000, to=2))),
    send("short"),
    End(id="end"),
)


def test_each_subject_always_gets_the_same_arm_and_it_is_noted() -> None:
    found = [begin(SPLIT, Began(T0, f"customer-{number}"))[0] for number in range(50)]

    assert found == [begin(SPLIT, Began(T0, f"customer-{number}"))[0] for number in range(50)]
    assert {state.outcome("wording") for state in found} == {"short", "long"}
    assert all((state.finished) == (state.outcome("wording") == "long") for state in found)


def test_arms_are_as_often_as_their_shares_say_and_experiments_divide_independently() -> None:
    one = [arm_of(f"customer-{number}/one", [3000, 7000]) for number in range(20_000)]
    other = [arm_of(f"customer-{number}/other", [5000, 5000]) for number in range(20_000)]

    assert abs(one.count(0) - 6000) < 300
    assert abs(Counter(zip(one, other, strict=True))[(0, 0)] - 3000) < 250


def test_an_arm_that_grows_keeps_whom_it_had() -> None:
    before = {number for number in range(2000) if arm_of(f"customer-{number}/x", [1000, 9000]) == 0}
    after = {number for number in range(2000) if arm_of(f"customer-{number}/x", [2000, 8000]) == 0}

    assert before < after


def rounds(times: int, every: int | None = None) -> Plan:
    return plan(
        Repeat(id="r", times=times, last=3),
        send("again"),
        Wait(id="w", seconds=3600),
        Again(id="r/again", repeat=0, times=times, every=every),
        send("after"),
        End(id="end"),
    )


def play(one: Plan) -> list[tuple[str, int, timedelta]]:
    """Every message's step, iteration and instant, if all goes well."""
    state, commands = begin(one, Began(T0))
    sent = []
    while not state.finished:
        command = commands[0]
        if isinstance(command, Deliver):
            sent.append((command.step, command.iteration, command.at - T0))
            state, commands = advance(one, state, Answered(command.at, command.step, "sent"))
        else:
            assert isinstance(command, Hold)
            assert waits_for(one, state) == command
            state, commands = advance(one, state, Due(command.due, command.wait))
    return sent


def test_steps_are_repeated_so_often_each_time_under_a_key_of_its_own() -> None:
    hour = timedelta(hours=1)

    *repeated, after = play(rounds(3))

    assert repeated == [("again", 1, 0 * hour), ("again", 2, hour), ("again", 3, 2 * hour)]
    assert after == ("after", 1, 3 * hour)


def test_rounds_begin_so_long_after_each_other() -> None:
    day, hour = timedelta(days=1), timedelta(hours=1)

    assert play(rounds(2, DAY)) == [("again", 1, 0 * day), ("again", 2, day), ("after", 1, day + hour)]


def test_a_round_that_took_longer_is_followed_at_once() -> None:
    hour = timedelta(hours=1)

    assert [at for _, _, at in play(rounds(2, 60))] == [0 * hour, hour, 2 * hour]


def test_repetitions_within_repetitions_never_share_a_key() -> None:
    nested = plan(
        Repeat(id="outer", times=3, last=5),
        Repeat(id="inner", times=2, last=4),
        send("again"),
        Wait(id="w", seconds=3600),
        Again(id="inner/again", repeat=1, times=2),
        Again(id="outer/again", repeat=0, times=3),
        End(id="end"),
    )

    assert [iteration for _, iteration, _ in play(nested)] == [1, 2, 3, 4, 5, 6]
