"""Coverage of playbooks: which steps tests took, and which ways out of those that have several."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from engine.journeys.plan import (
    Again,
    Branch,
    First,
    Join,
    Jump,
    Parallel,
    Plan,
    Repeat,
    Split,
    Step,
    Switch,
    WaitFor,
    WaitUntil,
)
from engine.language.rules import Rules
from engine.ruletests.case import Outcome
from engine.simulation.log import STOP, Edge

ANY = -3
"""In place of an instruction: whichever way leads to a step."""


@dataclass(frozen=True, slots=True)
class Way:
    """A step that must be taken, or a way out of it; from ANY it is whichever way leads to it."""

    playbook: str
    step: str
    name: str
    edge: tuple[int, int]
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways of the playbooks that are tested."""

    ways: tuple[Way, ...]

    @property
    def taken(self) -> int:
        """How many were taken."""
        return sum(each.taken for each in self.ways)

    @property
    def hundredths(self) -> int:
        """The share in hundredths of a per cent, rounded down; of none, all are."""
        return 10_000 * self.taken // len(self.ways) if self.ways else 10_000

    def by_playbook(self) -> dict[str, tuple[Way, ...]]:
        """The ways of each playbook."""
        names = dict.fromkeys(each.playbook for each in self.ways)
        return {name: tuple(each for each in self.ways if each.playbook == name) for name in names}


NO_WAYS = Ways(())


def ways_of(plan: Plan) -> Iterator[Way]:
    """What tests of a playbook must show: each step, each way out of it, and its stop."""
    for index, step in enumerate(plan.code):
        if not isinstance(step, Jump | Join | Repeat | Again):
            yield Way(plan.playbook, step.id, "taken", (ANY, index))
        for name, to in _outs(plan, index, step):
            yield Way(plan.playbook, step.id, name, (index, to))
    if plan.stop:
        yield Way(plan.playbook, "stop", "stopped", (STOP, STOP))


def _outs(plan: Plan, index: int, step: Step) -> Iterator[tuple[str, int]]:
    """The ways out of a step, by name, where it has several."""
    match step:
        case Branch(orelse=orelse):
            yield from (("then", index + 1), ("else", orelse))
        case WaitFor(got=got, orelse=orelse):
            yield from (("got", got), ("else", orelse))
        case First(ways=ways, orelse=orelse):
            yield from ((f"way {number}", way.to) for number, way in enumerate(ways, 1))
            yield "else", orelse
        case Switch(cases=cases, orelse=orelse):
            yield from ((f"case {name}", to) for name, to in cases.items())
            if _is_written(plan, step, orelse):
                yield "else", orelse
        case Split(arms=arms):
            yield from ((f"arm {arm.name}", arm.to) for arm in arms)
        case Again(repeat=repeat):
            yield from (("again", repeat + 1), ("over", index + 1))
        case WaitUntil(if_past="skip", skip_to=int(skip_to)):
            yield "past", skip_to
        case Parallel():
            return
    if step.on_failure is not None:
        yield "on_failure", step.on_failure


def _is_written(plan: Plan, switch: Switch, orelse: int) -> bool:
    """Whether a switch has an else of its own: the ends of its cases lead past that."""
    return any(
        isinstance(each, Jump) and each.id.startswith(f"{switch.id}/") and each.to > orelse for each in plan.code
    )


def ways(rules: Rules, outcomes: Iterable[Outcome]) -> Ways:
    """What tests showed of the playbooks that have tests; only tests that passed count."""
    taken: set[Edge] = set()
    tested: set[str] = set()
    for outcome in outcomes:
        story = outcome.case.story
        tested |= set(story.playbooks) if story is not None else set()
        if outcome.passed:
            taken |= outcome.ways
    reached = {(playbook, to) for playbook, _, to in taken}
    found = []
    for name in sorted(tested):
        for way in ways_of(rules.plans[name]):
            before, to = way.edge
            done = (name, to) in reached if before == ANY else (name, before, to) in taken
            found.append(replace(way, taken=done))
    return Ways(tuple(found))


def ways_text(found: Ways) -> str:
    """A table of playbooks, and each way that no test takes."""
    playbooks = found.by_playbook()
    if not playbooks:
        return ""
    width = max(len(name) for name in (*playbooks, "ways through playbooks"))
    lines = [f"{'ways through playbooks':<{width}}  ways  taken   share"]
    for name, each in playbooks.items():
        part = Ways(each)
        lines.append(f"{name:<{width}}  {len(each):>4}  {part.taken:>5}  {_percent(part)}")
        lines += [f"  {one.step}: {one.name}: no test" for one in each if not one.taken]
    lines.append(f"{'all':<{width}}  {len(found.ways):>4}  {found.taken:>5}  {_percent(found)}")
    return "\n".join(lines)


def _percent(found: Ways) -> str:
    return f"{found.hundredths // 100:>3}.{found.hundredths % 100 // 10} %"
