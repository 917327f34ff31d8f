"""A shipped playbook walked by the interpreter alone: which steps follow from which facts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.attributes.relations import RELATIONS, SCOPES
from engine.conditions.compile import compile_condition
from engine.conditions.environment import Happening, Known
from engine.conditions.operands import microseconds
from engine.conditions.types import Type, Value
from engine.journeys.commands import Ask, CallOut, ChangeTags, Choose, Command, Deliver, Finish, LookUp, OpenTask
from engine.journeys.inputs import Answered, Began, Due, Input, Told
from engine.journeys.interpreter import advance, begin, waits_for
from engine.journeys.plan import EventTrigger, Plan
from engine.language.files import read_directory
from engine.language.rules import compile_rules, is_test
from engine.standing.decide import STANDING_TYPES

_RULES = Path(__file__).parents[2] / "rules"
SHIPPED = compile_rules({path: text for path, text in read_directory(_RULES).items() if not is_test(path)})
_TYPES: Mapping[str, Type] = {
    **{name: each.type for name, each in SHIPPED.catalogue.items()},
    **STANDING_TYPES,
    **{
        f"{scope}.{name}": each.type
        for scope, relation in SCOPES.items()
        for name, each in RELATIONS[relation].offered.items()
    },
}
BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""A Monday."""

Values = Mapping[str, Value]


def after(days: float) -> datetime:
    """An instant so many days after the journey's beginning."""
    return BEGAN + timedelta(days=days)


@dataclass
class Walk:
    """One journey. Days count from its beginning.

    Attributes:
        plan: of the playbook.
        events: what the journey's subject or customer does meanwhile: day and kind.
        known: attributes as of a day; the same on all days where it is a mapping.
        past: events that conditions ask for, besides those above: day and kind, with fields.
        moments: when moments that are looked up are, by the step that waits for them.
        failing: steps that fail, with the reason.
        states: what becomes of steps, and on which day.
    """

    plan: Plan
    events: Iterable[tuple[float, str]] = ()
    known: Values | Callable[[float], Values] = field(default_factory=dict)
    past: Iterable[tuple[float, str, Values]] = ()
    moments: Mapping[str, float] = field(default_factory=dict)
    failing: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    took: list[str] = field(default_factory=list)

    def run(self) -> list[str]:
        """The steps that were taken, each with its day, and how it ended: `ask on 5`, `ended`."""
        upcoming = sorted(self.events)
        state, commands = begin(self.plan, Began(BEGAN, f"{self.plan.subject}-1"))
        while (finish := next((each for each in commands if isinstance(each, Finish)), None)) is None:
            happened: Input | None = next(filter(None, map(self._answer, commands)), None)
            if happened is None:
                hold = waits_for(self.plan, state)
                assert hold is not None
                if upcoming and after(upcoming[0][0]) <= hold.due:
                    day, kind = upcoming.pop(0)
                    happened = self._told(kind, day)
                else:
                    happened = Due(hold.due, hold.wait)
            state, commands = advance(self.plan, state, happened)
        return [*self.took, finish.outcome]

    def _told(self, kind: str, day: float) -> Told:
        stop = any(self._means(each, kind) for each in self.plan.stop)
        heard = (step for step, triggers in self.plan.heard() if any(self._means(each, kind) for each in triggers))
        return Told(after(day), kind, stop=stop, steps=tuple(heard))

    def _means(self, trigger: object, kind: str) -> bool:
        """An event of this kind, or the change whose words these are."""
        return trigger.event == kind if isinstance(trigger, EventTrigger) else kind == "when"

    def _day(self, at: datetime) -> float:
        return (at - BEGAN) / timedelta(days=1)

    def _known(self, at: datetime) -> Known:
        day = self._day(at)
        values = self.known(day) if callable(self.known) else self.known
        happened: dict[str, list[Happening]] = {}
        for when, kind, fields in [*((day, kind, {}) for day, kind in self.events), *self.past]:
            if when <= day:
                happened.setdefault(kind, []).append((microseconds(after(when)), fields))
        states = {step: (state,) for step, (state, when) in self.states.items() if when <= day}
        return Known(microseconds(at), values, happened, states)

    def _answer(self, command: Command) -> Answered | None:
        at = getattr(command, "at", BEGAN)
        match command:
            case Ask(step=step, condition=condition):
                holds = compile_condition(condition, currency="EUR", types=_TYPES, events=_EVENTS)(self._known(at))
                return Answered(at, step, "true" if holds else "false")
            case Choose(step=step, on=on):
                return Answered(at, step, "chosen", str(self._known(at).attributes.get(on)))
            case LookUp(step=step, since=since):
                until = self.moments.get(step)
                if command.when.length:
                    until = self._day(since) + command.when.default / 86400
                return Answered(at, step, "unknown" if until is None else "due", until=until and after(until))
            case Deliver(step=step) | OpenTask(step=step) | ChangeTags(step=step) | CallOut(step=step):
                if step in self.failing:
                    return Answered(at, step, "failed", self.failing[step])
                self.took.append(f"{step} on {self._day(at):g}")
                return Answered(at, step, "sent" if isinstance(command, Deliver) else "done")
            case _:
                return None


_EVENTS = {
    "order.paid": {},
    "order.placed": {},
    "site.cart": {},
    "review.created": {"keywords": "set", "score": "integer"},
}


def walk(playbook: str, *events: tuple[float, str], **told: object) -> list[str]:
    """Walks a shipped playbook."""
    return Walk(SHIPPED.plans[playbook], events, **told).run()  # type: ignore[arg-type]  # told is the class's
