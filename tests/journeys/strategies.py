"""Answers that the world may give to a command."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from engine.journeys.commands import Ask, Choose, LookUp
from engine.journeys.inputs import Answered
from tests.journeys.plans import DAY

T0 = datetime(2018, 1, 8, 10, tzinfo=UTC)
_SECONDS = st.integers(-DAY, 20 * DAY)


@st.composite
def answers(draw: st.DrawFn, command: object) -> Answered:
    step, at = command.step, command.at
    if isinstance(command, Ask):
        return Answered(at, step, draw(st.sampled_from(["true", "false", "failed"])))
    if isinstance(command, Choose):
        return Answered(at, step, "chosen", draw(st.sampled_from([None, *command.cases])))
    if isinstance(command, LookUp):
        due = draw(st.one_of(st.none(), _SECONDS.map(lambda seconds: T0 + timedelta(seconds=seconds))))
        return Answered(at, step, draw(st.sampled_from(["failed", "due"])) if due else "unknown", until=due)
    outcome = draw(st.sampled_from(["sent", "sent", "sent", "skipped", "deferred", "in_doubt", "failed"]))
    until = at + timedelta(seconds=draw(st.integers(1, DAY))) if outcome == "deferred" else None
    return Answered(at, step, outcome, until=until)
