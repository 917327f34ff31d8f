"""A world that gives a journey any input at any time, and holds the interpreter to its promises after each."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from engine.journeys.commands import Ask, Choose, Command, Deliver, Finish, Hold, LookUp, OpenTask
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
    Deliver: st.sampled_from(["sent", "sent", "sent", "skipped", "deferred", "in_doubt", "failed"]),
}
"""What each command that goes out can be answered with: a new kind of command is added here."""


@st.composite
def answers(draw: st.DrawFn, command: Ask | Choose | LookUp | OpenTask | Deliver) -> Answered:
    """An answer to the command that is out."""
    outcome = draw(OUTCOMES[type(command)])
    until = draw(INSTANTS) if outcome in ("deferred", "due") else None
    stopped = draw(st.sampled_from([None, None, None, "order.paid"])) if outcome == "skipped" else None
    case = draw(st.sampled_from([None, *command.cases])) if isinstance(command, Choose) else None
    return Answered(draw(INSTANTS), command.step, outcome, case, until=until, stopped=stopped)


@dataclass
class World:
    """One journey of a plan, what is out for it, and all that has been given to it."""

    plan: Plan
    state: State = field(init=False)
    out: Ask | Choose | LookUp | OpenTask | Deliver | None = None
    hold: Hold | None = None
    given: list[Input] = field(default_factory=list)
    settled: set[tuple[str, int]] = field(default_factory=set)
    dues: dict[tuple[str, int], datetime] = field(default_factory=dict)
    """When each message was due first: one that is held back is asked for again as due then."""
    finishes: int = 0

    def begin(self) -> None:
        self.state, commands = begin(self.plan, Began(T0))
        assert len(commands) == 1
        self._take(commands[0])

    def give(self, happened: Input) -> None:
        """Gives an input and checks what becomes of it."""
        before, out = self.state, self.out
        self.given.append(happened)
        self.state, commands = advance(self.plan, before, happened)
        assert self.state.now >= before.now
        if self._strange(happened):
            assert not commands, "what does not concern the journey moves it"
        if not commands:
            assert self.state == before, "what is not taken changes nothing"
        elif out is not None:
            answered = isinstance(happened, Answered) and happened.step == out.step
            assert answered or isinstance(happened, Cancelled), "a command goes out while another is"
            if isinstance(out, Deliver) and answered and happened.outcome != "deferred":
                self.settled.add((out.step, out.iteration))
        assert len(commands) <= 1
        for command in commands:
            self._take(command)
        self._stands()

    def _strange(self, happened: Input) -> bool:
        """Whether an input cannot concern the journey, wherever it stands."""
        match happened:
            case Due(wait=wait):
                return self.hold is None or wait != self.hold.wait
            case Told(stop=False, steps=steps):
                known = {step.id for step in self.plan.code} | {step for step, _ in self.plan.heard()}
                return self.hold is None or not known & set(steps)
            case Answered(step=step):
                return self.out is None or step != self.out.step
            case Began():
                return True
            case _:
                return False

    def _take(self, command: Command) -> None:
        self.out = self.hold = None
        match command:
            case Hold():
                self.hold = command
            case Finish():
                self.finishes += 1
            case Deliver():
                self.out = command
                key = (command.step, command.iteration)
                assert key not in self.settled, "a message that is settled is sent again"
                assert self.dues.setdefault(key, command.due) == command.due
            case Ask() | Choose() | LookUp() | OpenTask():
                self.out = command

    def _stands(self) -> None:
        """The journey has ended once, or one command is out, or it waits."""
        assert self.finishes == int(self.state.finished)
        assert [self.state.finished, self.out is not None, self.hold is not None].count(True) == 1
        assert waits_for(self.plan, self.state) == self.hold
        assert describe(self.plan, self.state)

    def expected(self) -> Input:
        """What the journey waits for: the wait's due, or a good answer."""
        if self.hold is not None:
            return Due(self.hold.due, self.hold.wait)
        assert self.out is not None
        outcome = {Ask: "true", Choose: "chosen", LookUp: "due", OpenTask: "done", Deliver: "sent"}[type(self.out)]
        until = self.out.at if isinstance(self.out, LookUp) else None
        return Answered(self.out.at, self.out.step, outcome, until=until)  # type: ignore[arg-type]  # outcomes of each

    def any_input(self, draw: st.DrawFn) -> Input:
        """What it waits for, more often than not; else anything: duplicates, late ones, those of other steps."""
        if draw(st.booleans()) and not self.state.finished:
            return self.expected() if self.out is None else draw(answers(self.out))
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
