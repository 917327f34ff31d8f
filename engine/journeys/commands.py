"""What a journey asks to be done, as data. The workflow and the simulator carry these out."""

from datetime import datetime
from typing import Literal, NamedTuple

from engine.conditions.ast import Condition
from engine.journeys.plan import Calling, TemplateBy, When


class Deliver(NamedTuple):
    """Send one message as of `at`. `ends`: if nothing comes after it, the journey's outcome.

    `caught`: if it fails, the journey goes on with other steps, so what it has left open must be settled first.
    """

    step: str
    at: datetime
    due: datetime
    iteration: int
    channels: tuple[str, ...]
    template: str | TemplateBy
    label: str
    ends: str | None
    caught: bool = False


class Ask(NamedTuple):
    """Decide a condition as of `at`."""

    step: str
    at: datetime
    condition: Condition
    label: str


class Choose(NamedTuple):
    """Say which of the cases an attribute's value is as of `at`."""

    step: str
    at: datetime
    on: str
    cases: tuple[str, ...]
    label: str


class LookUp(NamedTuple):
    """Say when a moment is, counted from `since` where it names no date; asked as of `at`."""

    step: str
    at: datetime
    since: datetime
    when: When
    label: str


class OpenTask(NamedTuple):
    """Open a task for a team; `due` is an instant. `ends`: if nothing comes after it, the journey's outcome.

    `business`: from `at` to `due` only the shop's working time is meant.
    """

    step: str
    at: datetime
    iteration: int
    task: str
    team: str
    title: str
    due: datetime | None
    label: str
    ends: str | None
    business: bool = False


class ChangeTags(NamedTuple):
    """Give the customer tags, or take them. `ends`: if nothing comes after it, the journey's outcome."""

    step: str
    at: datetime
    add: tuple[str, ...]
    remove: tuple[str, ...]
    expires: int | None
    label: str
    ends: str | None


class CallOut(NamedTuple):
    """Have one thing done, as an instruction says. `ends`: if nothing comes after it, the journey's outcome."""

    step: str
    at: datetime
    iteration: int
    calling: Calling
    label: str
    ends: str | None


class Hold(NamedTuple):
    """Wake the journey with `Due(wait)` at `due`, unless something happens before."""

    wait: str
    due: datetime
    label: str


class Finish(NamedTuple):
    """The journey is over. `recorded`: a transaction has written its outcome already."""

    at: datetime
    state: Literal["ended", "stopped", "failed", "cancelled"]
    outcome: str
    recorded: bool


Command = Deliver | Ask | Choose | LookUp | OpenTask | ChangeTags | CallOut | Hold | Finish
