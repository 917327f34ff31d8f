"""The ways that journeys can take through a plan: steps, both sides of each branch, time-outs, failures and stops."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.journeys.plan import (
    Again,
    Branch,
    End,
    First,
    Instruction,
    Join,
    Jump,
    Parallel,
    Plan,
    Repeat,
    Split,
    Switch,
    WaitFor,
    WaitUntil,
)
from engine.language.words import triggers

_STRUCTURE = (Jump, Join, Again, Repeat, Parallel)
STOPS = "stop"


@dataclass(frozen=True, slots=True)
class Way:
    """One way: of a step, or of the stops (`step` is then `stop`). `way` is empty where it is the step itself."""

    step: str
    way: str = ""

    def __str__(self) -> str:
        return f"{self.step}: {self.way}" if self.way else self.step


def ways_of(plan: Plan) -> tuple[Way, ...]:
    """All ways of a plan, in the order of its steps; those of the stops come last."""
    last = len(plan.code) - 1
    steps = (each for index, each in enumerate(plan.code) if index < last and not isinstance(each, _STRUCTURE))
    found = [way for step in steps for way in (Way(step.id), *_sides(plan, step))]
    return (*found, *(Way(STOPS, triggers((trigger,))) for trigger in plan.stop))


def _sides(plan: Plan, step: Instruction) -> Iterator[Way]:
    match step:
        case Branch():
            yield from (Way(step.id, "yes"), Way(step.id, "no"))
        case WaitFor():
            yield from (Way(step.id, "got"), Way(step.id, "time is over"))
        case First():
            yield from (Way(step.id, way_text(step, number)) for number in range(len(step.ways)))
            yield Way(step.id, "time is over")
        case Switch():
            yield from (Way(step.id, f"case {name}") for name in step.cases)
            if not _goes_on(plan, step):
                yield Way(step.id, "else")
        case Split():
            yield from (Way(step.id, f"arm {arm.name}") for arm in step.arms)
        case WaitUntil() if step.if_past != "go":
            yield Way(step.id, "is past already")
    if step.on_failure is not None:
        yield Way(step.id, "fails")


def _goes_on(plan: Plan, switch: Switch) -> bool:
    """Whether a switch has no `else`: whatever is no case goes on where the cases end."""
    joins = (each for each in plan.code if isinstance(each, Jump) and each.id.startswith(f"{switch.id}/join"))
    return any(each.to == switch.orelse for each in joins)


def way_text(step: First, number: int) -> str:
    """A way out of a race, from 0, in words."""
    return triggers(step.ways[number].any)


def ending(plan: Plan, index: int) -> End | None:
    """The end that follows an instruction with nothing between."""
    step = plan.code[index + 1] if index + 1 < len(plan.code) else None
    while isinstance(step, Jump):
        step = plan.code[step.to]
    return step if isinstance(step, End) else None
