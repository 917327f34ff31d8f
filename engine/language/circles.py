"""Playbooks that start each other in a circle: by `start`, by tags and by updates, with nothing that ends it.

A `once_per` in the circle ends it. So does a tag that nobody in it takes away again: it is got only once.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from engine.journeys.bound import worst
from engine.journeys.plan import EventTrigger, Plan, StartPlaybook, Step, Tag, Update
from engine.journeys.starting import UPDATED, awaited
from engine.language.issues import Report, Span

Causes = Mapping[str, list[tuple[Span, Step, Report]]]
"""Steps that may start a playbook, by the playbook they are in, with their place."""


@dataclass(frozen=True, eq=False)
class _Edge:
    """A step of one playbook that starts another; by a tag's coming or going, if it is one."""

    source: str
    target: str
    at: Span
    report: Report
    how: Literal["start", "update", "gives", "takes", "lets expire"]
    tag: str = ""

    def __str__(self) -> str:
        place = f"({self.report.file}:{self.at.line})"
        match self.how:
            case "start":
                return f"{self.source} starts {self.target} {place}"
            case "update":
                return f"{self.source} updates the customer, which starts {self.target} {place}"
            case _:
                return f"{self.source} {self.how} the tag {self.tag}, which starts {self.target} {place}"


def check_circles(causes: Causes, plans: Mapping[str, Plan]) -> set[str]:
    """Reports each step that starts a playbook by which it is started itself, and gives the names of the circles."""
    within: set[str] = set()
    edges = _endless([each for each in _edges(causes, plans) if not _ends(each, plans)], plans)
    for edge in sorted(edges, key=lambda each: (each.source, each.at.line, each.at.column)):
        way = (edge, *_way(edge.target, edge.source, edges))
        names = " -> ".join((edge.source, *(each.target for each in way)))
        hint = f"{', '.join(map(str, way))}; let an event start one of them, or give one once_per"
        edge.report.rule = f"playbook {edge.source}"
        edge.report.error("RG327", edge.at, names, "playbooks that do not start each other without end", hint)
        edge.report.rule = ""
        within.add(edge.source)
    return within


def _edges(causes: Causes, plans: Mapping[str, Plan]) -> Iterator[_Edge]:
    for source, steps in causes.items():
        for at, step, report in steps:
            if isinstance(step, StartPlaybook):
                yield _Edge(source, step.given["playbook"], at, report, "start")
            elif isinstance(step, Update):
                yield from (_Edge(source, name, at, report, "update") for name in plans if _hears(plans[name]))
            elif isinstance(step, Tag):
                yield from (each for name in plans for each in _of_tags(source, plans[name], at, report, step))


def _hears(plan: Plan) -> bool:
    """Whether any update of the customer starts it."""
    return any(isinstance(each, EventTrigger) and each.event == UPDATED and not each.where for each in plan.start.any)


def _of_tags(source: str, plan: Plan, at: Span, report: Report, step: Tag) -> Iterator[_Edge]:
    for tag in awaited(plan, "enters", step.add):
        yield _Edge(source, plan.playbook, at, report, "gives", tag)
    for tag in awaited(plan, "leaves", step.remove):
        yield _Edge(source, plan.playbook, at, report, "takes", tag)
    for tag in awaited(plan, "leaves", step.add if step.expires is not None else ()):
        yield _Edge(source, plan.playbook, at, report, "lets expire", tag)


def _ends(edge: _Edge, plans: Mapping[str, Plan]) -> bool:
    """Whether what it starts does not start again so soon."""
    plan = plans.get(edge.target)
    return plan is not None and plan.start.once_per is not None


def _endless(edges: list[_Edge], plans: Mapping[str, Plan]) -> list[_Edge]:
    """Those in circles that nothing ends: an edge that is left out may end others."""
    while True:
        left = [each for each in edges if each.source in _reached(each.target, edges)]
        left = [each for each in left if _turns(each, left, plans)]
        if len(left) == len(edges):
            return left
        edges = left


def _turns(edge: _Edge, edges: list[_Edge], plans: Mapping[str, Plan]) -> bool:
    """Whether the tag of an edge can come (or go) again by what the circle does."""
    if not edge.tag:
        return True
    members = [name for name in _reached(edge.source, edges) if edge.source in _reached(name, edges)]
    circle = [plans[name] for name in members if name in plans]
    tags = [step for plan in circle for step in plan.code if isinstance(step, Tag)]
    if edge.how != "gives":
        return any(edge.tag in step.add for step in tags)
    lasts = sum(worst(plan, lambda step: isinstance(step, StartPlaybook | Tag | Update)).last for plan in circle)
    expires = (step.expires for step in tags if edge.tag in step.add and step.expires is not None)
    return any(edge.tag in step.remove for step in tags) or any(each <= lasts for each in expires)


def _reached(name: str, edges: Iterable[_Edge]) -> set[str]:
    """The playbook, and all that it starts, themselves or by others."""
    found, new = {name}, {name}
    while new:
        new = {each.target for each in edges if each.source in new} - found
        found |= new
    return found


def _way(here: str, to: str, edges: list[_Edge]) -> tuple[_Edge, ...]:
    """The shortest way from one playbook to another; empty where they are the same."""
    ways: deque[tuple[str, tuple[_Edge, ...]]] = deque([(here, ())])
    seen = {here}
    while ways:
        at, way = ways.popleft()
        if at == to:
            return way
        for edge in edges:
            if edge.source == at and edge.target not in seen:
                seen.add(edge.target)
                ways.append((edge.target, (*way, edge)))
    return ()
