"""A world that gives a journey any input at any time, and holds the interpreter to its promises after each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from engine.journeys.commands import (
    Ask,
    CallOut,
    ChangeTags,
    Choose,
    Command,
    Deliver,
    Finish,
    Hold,
    LookUp,
    OpenTask,
)
from engine.journeys.describe import describe
from engine.journeys.inputs import Answered, Began, Cancelled, Due, Input, Told
from engine.journeys.interpreter import advance, begin, waits_for
from engine.journeys.plan import Plan
from engine.journeys.state import State

T0 = datetime(2018, 1, 8, 10, tzinfo=UTC)
DAY = 86400

_NEAR = st.integers(-DAY, 20 * DAY).map(lambda seconds: T0 + timedelta(seconds=seconds))
_FAR = st.sampled_from([datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
INSTANTS = st.one_of(_NEAR, _NEAR, _NEAR, _FAR)

OUTCOMES = {
    Ask: st.sampled_from(["true", "false", "failed"]),
    Choose: st.sampled_from(["chosen", "chosen", "failed"]),
    LookUp: st.sampled_from(["due", "due", "unknown", "failed"]),
    OpenTask: st.sampled_from(["done", "done", "skipped", "failed"]),
    CallOut: st.sampled_from(["done", "done", "skipped", "deferred", "failed"]),
    ChangeTags: st.sampled_from(["done", "done", "skipped", "failed"]),
    Deliver: st.sampled_from(["sent", "sent", "sent", "skipped", "deferred", "in_doubt", "failed"]),
}
"""What each command that goes out can be answered with: a new kind of command is added here."""
GOOD = {
    Ask: "true",
    Choose: "chosen",
    LookUp: "due",
    OpenTask: "done",
    ChangeTags: "done",
    CallOut: "done",
    Deliver: "sent",
}
Sent = Ask | CallOut | Choose | LookUp | OpenTask | ChangeTags | Deliver


@st.composite
def answers(draw: st.DrawFn, command: Sent) -> Answered:
    """An answer to the command that is out."""
    outcome = draw(OUTCOMES[type(command)])
    until = draw(INSTANTS) if outcome in ("deferred", "due") else None
    stopped = draw(st.sampled_from([None, None, None, "order.paid"])) if outcome == "skipped" else None
    case = draw(st.sampled_from([None, *command.cases])) if isinstance(command, Choose) else None
    return Answered(draw(INSTANTS), command.step, outcome, case, until=until, stopped=stopped)


def holds(plan: Plan, state: State) -> list[Hold]:
    """Every wait that a journey stands at: one, or one for each branch that waits."""
    if state.branches and not state.finished:
        return [hold for branch in state.branches if not branch.joined for hold in holds(plan, branch)]
    hold = waits_for(plan, state)
    return [] if hold is None else [hold]


@dataclass
class World:
    """One journey of a plan, what is out for it, and all that has been given to it."""

    plan: Plan
    state: State = field(init=False)
    out: dict[str, Sent] = field(default_factory=dict)
    """By step; more than one only where branches go on at once."""
    given: list[Input] = field(default_factory=list)
    settled: set[tuple[str, int]] = field(default_factory=set)
    dues: dict[tuple[str, int], datetime] = field(default_factory=dict)
    """When each message was due first: one that is held back is asked for again as due then."""
    finishes: int = 0

    def begin(self) -> None:
        self.state, commands = begin(self.plan, Began(T0))
        assert commands
        self._take(commands)

    def give(self, happened: Input) -> None:
        """Gives an input and checks what becomes of it."""
        before, strange = self.state, self._strange(happened)
        answered = self.out.get(happened.step) if isinstance(happened, Answered) else None
        alone = self.out and not before.branches
        self.given.append(happened)
        self.state, commands = advance(self.plan, before, happened)
        assert self.state.now >= before.now
        if strange:
            assert not commands, "what does not concern the journey moves it"
        if not commands and not before.branches:
            assert self.state == before, "what is not taken changes nothing"
        elif commands and alone:
            assert answered or isinstance(happened, Cancelled), "a command goes out while another is"
        if answered is not None and isinstance(happened, Answered):
            del self.out[answered.step]
            if isinstance(answered, Deliver) and happened.outcome != "deferred":
                self.settled.add((answered.step, answered.iteration))
        assert len(commands) <= 1 or before.branches or self.state.branches
        self._take(commands)
        self._stands()

    def _strange(self, happened: Input) -> bool:
        """Whether an input cannot concern the journey, wherever it stands."""
        waits = holds(self.plan, self.state)
        match happened:
            case Due(wait=wait):
                return wait not in [hold.wait for hold in waits]
            case Told(stop=False, steps=steps):
                known = {step.id for step in self.plan.code} | {step for step, _ in self.plan.heard()}
                return not waits or not known & set(steps)
            case Answered(step=step):
                return step not in self.out
            case Began():
                return True
            case _:
                return False

    def _take(self, commands: Sequence[Command]) -> None:
        if commands and not self.state.branches:
            self.out.clear()
        for command in commands:
            match command:
                case Hold():
                    assert command in holds(self.plan, self.state)
                case Finish():
                    self.finishes += 1
                case _:
                    assert command.step not in self.out, "a step has two commands out"
                    self.out[command.step] = command
                    self._is_fresh(command)

    def _is_fresh(self, command: Sent) -> None:
        if isinstance(command, Deliver):
            key = (command.step, command.iteration)
            assert key not in self.settled, "a message that is settled is sent again"
            assert self.dues.setdefault(key, command.due) == command.due

    def _stands(self) -> None:
        """The journey has ended once, or commands are out, or it waits."""
        assert self.finishes == int(self.state.finished)
        waits = holds(self.plan, self.state)
        if self.state.branches:
            assert len(self.out) + len(waits) == self._going_on(self.state)
        else:
            assert [self.state.finished, bool(self.out), bool(waits)].count(True) == 1
        assert waits_for(self.plan, self.state) == min(waits, key=lambda hold: hold.due, default=None)
        assert describe(self.plan, self.state)

    def _going_on(self, state: State) -> int:
        """How many places of the journey have not joined: at each a command is out, or it waits."""
        if not state.branches:
            return int(not state.joined)
        return sum(self._going_on(branch) for branch in state.branches)

    def expected(self) -> Input:
        """What the journey waits for: a good answer, or the due of the wait that is over first."""
        if not self.out:
            hold = waits_for(self.plan, self.state)
            assert hold is not None
            return Due(hold.due, hold.wait)
        out = next(iter(self.out.values()))
        until = out.at if isinstance(out, LookUp) else None
        return Answered(out.at, out.step, GOOD[type(out)], until=until)  # type: ignore[arg-type]  # outcomes of each

    def any_input(self, draw: st.DrawFn) -> Input:
        """What it waits for, more often than not; else anything: duplicates, late ones, those of other steps."""
        if draw(st.booleans()) and not self.state.finished:
            out = draw(st.sampled_from([None, *self.out.values()]))
            return self.expected() if out is None else draw(answers(out))
        steps = [*(step.id for step in self.plan.code), *(step for step, _ in self.plan.heard())]
        at, step = draw(INSTANTS), draw(st.sampled_from(steps))
        strange: list[Input] = [
            Due(at, "some-other-wait"),
            Answered(at, step, draw(st.sampled_from(["sent", "true", "failed", "deferred"]))),
            Told(at, "site.visit", steps=tuple(draw(st.sets(st.sampled_from(steps))))),
            Told(at, "site.visit", steps=("a-step-of-another-plan",)),
            Began(at),
            *self.given[-3:],
            *draw(st.sampled_from([(), (), (), (Cancelled(at),), (Told(at, "order.paid", stop=True),)])),
        ]
        return draw(st.sampled_from(strange))
