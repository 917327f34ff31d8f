"""What can happen to a journey, as data. Every input carries its logical instant, `at` (aware, UTC)."""

from datetime import datetime
from typing import Literal, NamedTuple

StepOutcome = Literal["sent", "skipped", "in_doubt", "failed", "done", "true", "false", "due", "unknown", "chosen"]


class Began(NamedTuple):
    """The journey's first input, at the instant of the event that started it.

    `subject` names the journey's subject, such as `order-1001`: what experiments divide by.
    """

    at: datetime
    subject: str = ""


class Due(NamedTuple):
    """A wait has come due. `at` is when it was due, not when that was heard.

    `skipped`: somebody has ended it early; then it is not looked up once more whether its date has moved.
    """

    at: datetime
    wait: str
    skipped: bool = False


class Told(NamedTuple):
    """An event of the journey's subject that the plan names.

    `stop`: it matches the stop trigger. `steps`: ids of the `wait_for` steps it matches.
    """

    at: datetime
    event: str
    stop: bool = False
    steps: tuple[str, ...] = ()


class Cancelled(NamedTuple):
    """An operator cancels the journey."""

    at: datetime
    reason: str = "cancelled"


class Answered(NamedTuple):
    """What the world answered to a command: a send's or task's outcome, the truth of a condition, or a moment.

    `until`: a send may not leave before that instant, or a wait is over then. `stopped`: the answer found that the
    journey had been stopped by this event. `reason`: of anything but success; of a choice the case,
    none where there is no such case.
    """

    at: datetime
    step: str
    outcome: StepOutcome | Literal["deferred"]
    reason: str | None = None
    until: datetime | None = None
    stopped: str | None = None


Input = Began | Due | Told | Cancelled | Answered
External = Due | Told | Cancelled

_ORDER: dict[type[External], int] = {Told: 0, Cancelled: 1, Due: 2}


def order(input_: External) -> tuple[datetime, int]:
    """Inputs are taken by instant; at one instant a fact precedes a timer."""
    return input_.at, _ORDER[type(input_)]
