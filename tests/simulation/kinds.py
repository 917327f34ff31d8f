"""Which parts of the language a simulation has come through, counted by name."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, get_args

from pydantic import BaseModel

from engine.journeys.moments import next_moment
from engine.journeys.plan import (
    ChangeTrigger,
    DateTrigger,
    EventTrigger,
    EveryTrigger,
    First,
    Step,
    TemplateBy,
    Trigger,
    WaitFor,
    When,
)
from engine.simulation.journey import Journey
from engine.simulation.world import World

TICK = timedelta(microseconds=1)
STEPS = frozenset(str(kind.model_fields["op"].default) for kind in get_args(get_args(Step)[0]))
"""Every kind of instruction that a plan can have."""
TRIGGERS = frozenset(
    {"event", "event where", "when", "date", "every quarter", "every year"}
    | {f"enters {kind}" for kind in ("tag", "segment", "stage", "rfm_group")}
    | {"leaves tag", "leaves segment", "leaves stage", "rises_to tier"}
)
FORMS = frozenset(
    {"date", "offset", "at", "weekday", "length", "business", "follow", "since start", "until"}
    | {f"if_past {then}" for then in ("go", "skip", "end")}
    | {"wording by group", "several channels", "add", "per", "take", "reverse all", "reverse refunded", "pending"}
    | {"expires", "remove", "every", "on_failure", "looked up"}
)
"""What a step can say that changes how it goes."""


def reached(worlds: Iterable[World]) -> Counter[str]:
    """How many ways through the playbooks, taken by anybody, led to a step of each kind, and to each form."""
    found: Counter[str] = Counter()
    for world in worlds:
        for journey in world.journeys:
            indexes = {0, *(to for _, to in journey.ways)}
            for index in indexes:
                found.update(_of_step(journey.plan.code[index]))
    return found


def heard(worlds: Iterable[World]) -> Counter[str]:
    """How many journeys a trigger of each kind has started, stopped or woken."""
    found: Counter[str] = Counter()
    for world in worlds:
        for journey in world.journeys:
            triggers = (*_started(world, journey), *_stopped(world, journey), *_woken(journey))
            found.update(name for trigger in triggers for name in _of_trigger(trigger))
    return found


def _started(world: World, journey: Journey) -> Iterator[Any]:
    for trigger in journey.plan.start.any:
        by, at = journey.started_by, journey.started_at
        if isinstance(trigger, EventTrigger):
            if by is not None and world.means([trigger], by):
                yield trigger
        elif isinstance(trigger, ChangeTrigger):
            if _changed(world, trigger, at):
                yield trigger
        elif by is None and (
            isinstance(trigger, DateTrigger) or next_moment(trigger, None, world.history.facts.zone, at - TICK) == at
        ):
            yield trigger


def _stopped(world: World, journey: Journey) -> Iterator[Any]:
    ended = journey.ended
    for trigger in journey.plan.stop if ended is not None and ended.state == "stopped" else ():
        assert ended is not None  # asked before
        if isinstance(trigger, ChangeTrigger) and _changed(world, trigger, ended.at):
            yield trigger
        if isinstance(trigger, EventTrigger) and ended.outcome == trigger.event:
            yield trigger


def _woken(journey: Journey) -> Iterator[Any]:
    for index, to in journey.ways:
        step = journey.plan.code[index] if index >= 0 else None
        if isinstance(step, WaitFor) and to == step.got and len(step.any) == 1:
            yield step.any[0]
        if isinstance(step, First):
            yield from (way.any[0] for way in step.ways if way.to == to and len(way.any) == 1)


def _changed(world: World, trigger: ChangeTrigger, at: datetime) -> bool:
    changes = (change for when, change in world.changes if when == at)
    return any(trigger.means(each.kind, each.before, each.after, rises=each.rises) for each in changes)


def _of_trigger(trigger: Trigger | DateTrigger | EveryTrigger) -> Iterator[str]:
    match trigger:
        case EventTrigger():
            yield "event where" if trigger.where else "event"
        case ChangeTrigger():
            yield "when" if trigger.when else f"{trigger.change} {trigger.kind}"
        case DateTrigger():
            yield "date"
        case EveryTrigger():
            yield f"every {trigger.every}"


def _of_step(step: Any) -> Iterator[str]:
    yield step.op
    if step.on_failure is not None:
        yield "on_failure"
    for name in ("expires", "remove", "every", "business", "follow"):
        if getattr(step, name, None):
            yield name
    if getattr(step, "since", "") == "start":
        yield "since start"
    if hasattr(step, "if_past"):
        yield f"if_past {step.if_past}"
    if isinstance(getattr(step, "template", None), TemplateBy):
        yield "wording by group"
    if len(getattr(step, "channels", ())) > 1:
        yield "several channels"
    yield from _of_when(getattr(step, "when", None) or getattr(step, "until", None))
    if getattr(step, "until", None) is not None:
        yield "until"
    yield from _of_given(getattr(step, "given", {}))
    if getattr(step, "looked_up", {}):
        yield "looked up"


def _of_when(when: BaseModel | None) -> Iterator[str]:
    if isinstance(when, When):
        yield from (name for name in ("date", "offset", "at", "weekday", "length", "business") if getattr(when, name))


def _of_given(given: dict[str, Any]) -> Iterator[str]:
    yield from (name for name in ("add", "per", "take", "pending", "expires") if name in given)
    if "reverse" in given:
        yield f"reverse {given['reverse']}"
