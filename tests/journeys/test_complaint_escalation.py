"""The shipped escalation of complaints, decided by the interpreter alone, in the shop's working hours."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.calendar.business import BusinessHours
from engine.journeys.commands import Ask, Command, Finish, LookUp, OpenTask
from engine.journeys.due import due
from engine.journeys.inputs import Answered, Began, Due, Input, Told
from engine.journeys.interpreter import advance, begin, waits_for
from engine.language.files import read_directory
from engine.language.rules import compile_rules, is_test

RULES = compile_rules(
    {path: text for path, text in read_directory(Path(__file__).parents[2] / "rules").items() if not is_test(path)}
)
PLAN = RULES.plans["complaint-escalation"]
HOURS = BusinessHours(RULES.policy.business_hours, RULES.policy.zone, frozenset())
MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)  # ten o'clock in Berlin


def journey(opened: datetime, *, answered: bool = False, closed: datetime | None = None) -> tuple[list[str], str]:
    """The tasks with day and hour in UTC, and how it ended."""
    took: list[str] = []
    state, commands = begin(PLAN, Began(opened, "case-1"))
    while not (ends := [command for command in commands if isinstance(command, Finish)]):
        happened: Input | None = next(filter(None, (answer(each, took, answered=answered) for each in commands)), None)
        if happened is None:
            hold = waits_for(PLAN, state)
            assert hold is not None
            over = closed is not None and closed <= hold.due
            happened = Told(closed, "case.closed", stop=True) if over and closed else Due(hold.due, hold.wait)
        state, commands = advance(PLAN, state, happened)
    return took, f"{ends[0].state} {ends[0].outcome}"


def answer(command: Command, took: list[str], *, answered: bool) -> Answered | None:
    match command:
        case Ask(step=step, at=at):
            return Answered(at, step, "false" if answered else "true")
        case LookUp(step=step, at=at, since=since, when=when):
            return Answered(at, step, "due", until=due(when, since, "Europe/Berlin", HOURS))
        case OpenTask(step=step, at=at, team=team):
            took.append(f"{step} by {team}, {at:%a %H:%M}")
            return Answered(at, step, "done")
        case _:
            return None


def test_a_complaint_nobody_answers_goes_to_the_team_the_lead_and_the_manager():
    took, end = journey(MONDAY)
    assert took == [
        "answer by support, Mon 13:00",
        "lead by support-lead, Thu 09:00",
        "manager by support-manager, Tue 09:00",
    ]
    assert end == "ended ended"


def test_nights_and_weekends_do_not_count():
    friday = datetime(2026, 3, 6, 15, tzinfo=UTC)  # an hour before closing
    assert journey(friday)[0][0] == "answer by support, Mon 11:00"


def test_an_answered_complaint_that_stays_open_goes_to_the_lead_only_later():
    assert journey(MONDAY, answered=True)[0][0] == "lead by support-lead, Thu 09:00"


@pytest.mark.parametrize(
    ("hour", "tasks"), [(10, []), (14, ["answer by support, Mon 13:00"])], ids=["in time", "after the first task"]
)
def test_the_closing_of_the_case_ends_it_wherever_it_is(hour, tasks):
    assert journey(MONDAY, closed=MONDAY.replace(hour=hour)) == (tasks, "stopped case.closed")
