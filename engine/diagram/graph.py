"""A plan as a graph of boxes and arrows, each with its words; how it is drawn is for `mermaid` and `svg` to say.

Jumps, and the joints of branches, are arrows and no boxes. The round of a repetition leads back to its head, from where
the steps go on that come after the last round.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from engine.diagram.words import conditions_of_start, head_of, label_of, lines_of, starts_of
from engine.journeys.plan import (
    Again,
    Branch,
    End,
    First,
    Join,
    Jump,
    Parallel,
    Plan,
    Repeat,
    Send,
    Split,
    Step,
    Switch,
    Wait,
    WaitFor,
    WaitUntil,
)
from engine.language.issues import one_of
from engine.language.words import span, triggers

Shape = Literal["start", "send", "wait", "choice", "act", "together", "end"]
Kind = Literal["way", "failure"]

START = "start"
PAST = "past"
"""Where a journey ends because the moment that it was to wait for had passed."""
_SHAPES: dict[type[Step], Shape] = {
    Send: "send",
    Wait: "wait",
    WaitUntil: "wait",
    WaitFor: "wait",
    First: "wait",
    Branch: "choice",
    Switch: "choice",
    Split: "choice",
    Parallel: "together",
    Repeat: "together",
    End: "end",
}


@dataclass(frozen=True, slots=True)
class Box:
    """One step, a start or an end. `id` is the step's; `lines` say more than the title; `counts` are of a backtest."""

    id: str
    shape: Shape
    title: str
    lines: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrow:
    """From one box to another, by their ids. `back`: to the head of a repetition that it comes from."""

    source: str
    target: str
    label: str = ""
    kind: Kind = "way"
    back: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    """A playbook. `notes` hold for all of it: what stops it, what it is for, how it is controlled."""

    name: str
    title: str
    notes: tuple[str, ...]
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def graph_of(plan: Plan) -> Graph:
    """The graph of a playbook; what no journey can reach is left out."""
    drawing = _Drawing(plan)
    start = Box(START, "start", "start", (*starts_of(plan), *conditions_of_start(plan)))
    arrows = [Arrow(START, drawing.at(0)), *drawing.arrows()]
    reached = _reached(arrows)
    boxes = [start, *(box for box in drawing.boxes() if box.id in reached)]
    kept = [arrow for arrow in arrows if arrow.source in reached and arrow.source != arrow.target]
    return Graph(plan.playbook, plan.title, head_of(plan), tuple(boxes), tuple(_joined(kept)))


class _Drawing:
    """A plan whose instructions become boxes, but for those that only lead on."""

    def __init__(self, plan: Plan) -> None:
        self.code = plan.code
        self.joints = {
            index: self._parallel_of(index) for index, step in enumerate(self.code) if isinstance(step, Join)
        }
        """To which parallel steps each joint belongs; where all branches end the journey there is none."""

    def boxes(self) -> list[Box]:
        """In such an order that arrows lead on, but for those that go back."""
        found: list[tuple[float, Box]] = []
        for index, step in enumerate(self.code):
            if not isinstance(step, Jump | Again | Join):
                box = Box(step.id, _SHAPES.get(type(step), "act"), label_of(step), lines_of(step))
                found.append((index, box))
            if isinstance(step, Parallel) and index in self.joints.values():
                found.append((step.join - 0.5, Box(_joint(index), "together", "when all have come here")))
            if isinstance(step, WaitUntil) and step.if_past == "end":
                found.append((index + 0.5, Box(f"{step.id}/{PAST}", "end", "the end: past")))
        return [box for _, box in sorted(found, key=lambda each: each[0])]

    def at(self, index: int) -> str:
        """The id of the box that is reached by going on at an instruction."""
        while isinstance(step := self.code[index], Jump):
            index = step.to
        if isinstance(step, Again):
            return self.code[step.repeat].id
        return _joint(self.joints[index]) if isinstance(step, Join) else step.id

    def arrows(self) -> Iterator[Arrow]:
        for index, step in enumerate(self.code):
            if isinstance(step, Jump | Again | Join | End):
                continue
            for label, to in self._ways(index, step):
                yield self._arrow(index, step.id, label, to)
            if isinstance(step, WaitUntil) and step.if_past == "end":
                yield Arrow(step.id, f"{step.id}/{PAST}", "if it is past")
            if step.on_failure is not None:
                yield self._arrow(index, step.id, "if it fails", step.on_failure, "failure")
            if isinstance(step, Parallel) and index in self.joints.values():
                yield self._arrow(step.join - 1, _joint(index), "", step.join)

    def _arrow(self, index: int, source: str, label: str, to: int, kind: Kind = "way") -> Arrow:
        """A way that leads to the next round of a repetition goes back to its head."""
        while isinstance(step := self.code[to], Jump):
            to = step.to
        back = isinstance(step, Again) and index >= step.repeat
        return Arrow(source, self.at(to), label or ("the next round" if back else ""), kind, back)

    def _ways(self, index: int, step: Step) -> list[tuple[str, int]]:
        """Each way out of an instruction: what it is called, and where it leads."""
        following = index + 1
        match step:
            case Branch(orelse=orelse):
                return [("yes", following), ("no", orelse)]
            case WaitFor(got=got, orelse=orelse, until=until):
                passed = "nothing came" if until else f"nothing in {span(step.within)}"
                return [("it came", got), (passed, orelse)]
            case First(ways=ways, orelse=orelse):
                return [*((triggers(way.any), way.to) for way in ways), (f"nothing in {span(step.within)}", orelse)]
            case WaitUntil(if_past="skip", skip_to=int(skip_to)):
                return [("", following), ("if it is past", skip_to)]
            case Switch(cases=cases, orelse=orelse):
                return [*cases.items(), ("else", orelse)]
            case Split(arms=arms):
                return [(f"{arm.name} {arm.share / 100:g} %", arm.to) for arm in arms]
            case Parallel(branches=branches):
                return list(zip(self._names(index, step), branches, strict=True))
            case Repeat(last=last, times=times):
                return [("", following), (f"after {times} rounds" if times > 1 else "after the round", last + 1)]
            case _:
                return [("", following)]

    def _parallel_of(self, join: int) -> int:
        """The innermost instruction that goes on at several places and has this joint."""
        around = (
            index for index, step in enumerate(self.code) if isinstance(step, Parallel) and index < join < step.join
        )
        return max(around)

    def _names(self, index: int, step: Parallel) -> list[str]:
        """What the branches are called, where all of them come to their end."""
        own = (self.code[joint] for joint, parallel in self.joints.items() if parallel == index)
        joints = [each.id.removeprefix(f"{step.id}/") for each in own]
        return joints if len(joints) == len(step.branches) else [""] * len(step.branches)


def _joint(index: int) -> str:
    return f"joint/{index}"


def _reached(arrows: list[Arrow]) -> set[str]:
    reached, ahead = {START}, [START]
    while ahead:
        here = ahead.pop()
        for arrow in arrows:
            if arrow.source == here and arrow.target not in reached:
                reached.add(arrow.target)
                ahead.append(arrow.target)
    return reached


def _joined(arrows: list[Arrow]) -> Iterator[Arrow]:
    """Several ways from one box to another are one arrow: what decides between them makes no difference."""
    together: dict[tuple[str, str, Kind, bool], list[Arrow]] = {}
    for arrow in arrows:
        together.setdefault((arrow.source, arrow.target, arrow.kind, arrow.back), []).append(arrow)
    for (source, _, kind, _), same in together.items():
        labels = [arrow.label for arrow in same]
        whole = len(same) > 1 and len(same) == sum(arrow.source == source and arrow.kind == kind for arrow in arrows)
        yield replace(same[0], label=one_of(labels, 6) if all(labels) and not whole else "")
