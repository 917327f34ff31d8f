"""Triggers: what starts, stops or wakes a journey, and what it is for."""

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import Field

from engine.contracts import EventSubject
from engine.journeys.plan import CalendarTrigger, ChangeTrigger, EventTrigger, Trigger
from engine.language.calendar_triggers import CALENDAR, CalendarModel, calendar_keys, compile_calendar
from engine.language.changes import Change, compile_change
from engine.language.conditions import compile_condition, event_kind
from engine.language.issues import Report, Span, did_you_mean, one_of
from engine.language.located import Entry, Mapping, Node, Sequence, found, is_nothing
from engine.language.model import Model
from engine.language.scope import Names, Scope, fields
from engine.language.validate import mapping, names, validate
from engine.language.values import (
    ChangePart,
    ConditionPart,
    DurationText,
    EventPart,
    RisePart,
    StartTriggersPart,
    TriggersPart,
    WherePart,
)
from engine.language.when_triggers import compile_when

M = TypeVar("M", bound="TriggerModel")

CHANGES: tuple[Change, ...] = ("enters", "leaves", "rises_to")
KINDS = ("event", *CHANGES, "when", "any")
"""Kinds of triggers that are heard everywhere."""
START_KINDS = ("event", *CHANGES, "when", *CALENDAR, "any")
"""Kinds of triggers that start a journey."""
# Events of these subjects can concern a journey of the subject: a shipment's event has an order.
_CONCERNS: Dictionary[str, tuple[str, ...]] = {
    "customer": ("customer", "order", "shipment", "case"),
    "order": ("order", "shipment", "case"),
    "shipment": ("shipment",),
    "case": ("case",),
}


def concerns(subject: str, about: str) -> bool:
    """Whether events about one subject can concern journeys of another."""
    return about in _CONCERNS.get(subject, (about,))


@dataclass(frozen=True, slots=True)
class Events:
    """What is known of the kinds of events.

    `fields` are those a trigger's `where` may name, `history` those a `did`'s may; `subjects` whom each kind is about.
    """

    fields: Dictionary[str, Names]
    history: Dictionary[str, Names]
    subjects: Dictionary[str, EventSubject]
    titles: Dictionary[str, str] = field(default_factory=dict)
    """What each kind is, in words."""
    changes: Names = field(default_factory=dict)
    """Parts of standing whose changes triggers may name: segment, stage, tier, tag, rfm_group."""


class TriggerModel(Model):
    """One event or change of standing, or any of several."""

    event: EventPart = Field(default=None, description="A kind of event.")
    where: WherePart = Field(default=None, description="Only if this holds of the event's fields.")
    enters: ChangePart = Field(default=None, description="Comes into a segment, stage, tier, tag or RFM group.")
    leaves: ChangePart = Field(default=None, description="Leaves a segment, stage, tier, tag or RFM group.")
    rises_to: RisePart = Field(default=None, description="Comes into a tier from a lower one.")
    when: ConditionPart = Field(default=None, description="A condition over the customer that begins to hold.")
    any: TriggersPart = Field(default=None, description="Several triggers, of which one is enough.")


class StartTriggerModel(CalendarModel, TriggerModel):
    """What may start a journey: a day of the calendar too."""

    any: StartTriggersPart = Field(default=None, description="Several triggers, of which one is enough.")


class StartModel(StartTriggerModel):
    """What starts a journey, and under which conditions."""

    only_if: ConditionPart = Field(default=None, description="Only if this holds as of the starting event.")
    max_age: DurationText | None = Field(
        default=None, description="Events that are told later than so long after they happened start nothing."
    )
    once_per: DurationText | None = Field(default=None, description="At most one journey for each subject in so long.")


class GoalModel(TriggerModel):
    """What the playbook is for, measured from facts."""

    within: DurationText = Field(description="So long after the start it counts.")
    ends: bool = Field(default=True, description="Whether no message is sent any more once it is reached.")


def compile_triggers(
    node: Node, subject: str, events: Events, scope: Scope, report: Report, at: Span
) -> tuple[Trigger, ...]:
    """Reads a trigger, or `any` of several, from the mapping that holds it (and perhaps other keys).

    Args:
        node: The mapping with `event` or `any`.
        subject: Whom the playbook is for.
        events: The kinds of events.
        scope: The names of conditions.
        report: Gets every issue.
        at: Where to show that a trigger is missing.

    Returns:
        The triggers; empty only if there were issues.
    """
    reading = _Reading(subject, events, scope, report, KINDS)
    return tuple(each for each in reading.triggers(node, at) if isinstance(each, EventTrigger | ChangeTrigger))


def compile_start_triggers(
    node: Node, subject: str, events: Events, scope: Scope, report: Report, at: Span
) -> tuple[Trigger | CalendarTrigger, ...]:
    """The same for what starts a journey, which may be a day of the calendar too."""
    return _Reading(subject, events, scope, report, START_KINDS).triggers(node, at)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads triggers of some kinds, at one place of a playbook."""

    subject: str
    events: Events
    scope: Scope
    report: Report
    kinds: tuple[str, ...]

    def triggers(self, node: Node, at: Span) -> tuple[Trigger | CalendarTrigger, ...]:
        report = self.report
        holder = mapping(node, report, "a trigger such as {event: order.paid}", at)
        if holder is None:
            return ()
        kinds = [entry for entry in holder if entry.key in START_KINDS]
        if len(kinds) != 1:
            given = " and ".join(entry.key for entry in kinds) or "no trigger"
            report.error("RG210", kinds[1].span if kinds else at, given, f"one of {one_of(self.kinds)}")
            return ()
        kind = kinds[0]
        if kind.key == "event":
            event = _event(holder, self.subject, self.events, report)
            return (event,) if event else ()
        if where := holder.entry("where"):
            beside = "a where in each trigger of any" if kind.key == "any" else "where beside event"
            report.error("RG201", where.span, f"where beside {kind.key}", beside)
        if kind.key == "any":
            return self._any(kind.value, kind.span)
        found = self._other(kind, holder)
        return (found,) if found else ()

    def _other(self, kind: Entry, holder: Mapping) -> Trigger | CalendarTrigger | None:
        if kind.key in CALENDAR:
            return self._calendar(kind, holder)
        if kind.key == "when":
            return compile_when(kind, self.scope, self.report)
        return compile_change(kind, self.events.changes, self.report)

    def _calendar(self, kind: Entry, holder: Mapping) -> CalendarTrigger | None:
        if kind.key not in self.kinds:
            hint = "a step can wait for a moment: wait: {until: {date: …}}"
            self.report.error("RG201", kind.span, f"the trigger {kind.key}", f"one of {one_of(self.kinds)}", hint)
        return compile_calendar(kind, holder, self.scope, self.report)

    def _any(self, node: Node, at: Span) -> tuple[Trigger | CalendarTrigger, ...]:
        report = self.report
        if not isinstance(node, Sequence) or not node.items:
            report.error("RG203", at if is_nothing(node) else node.span, found(node), "a list of triggers")
            return ()
        triggers: list[Trigger | CalendarTrigger] = []
        for item in node.items:
            known = (*names(TriggerModel), *(calendar_keys(item) if isinstance(item, Mapping) else ()))
            for entry in item if isinstance(item, Mapping) else ():
                if entry.key not in known:
                    report.error("RG201", entry.span, entry.key, one_of(known), did_you_mean(entry.key, known))
            triggers += self.triggers(item, item.span)
        return tuple(triggers)


def trigger_part(model: type[M], node: Node, report: Report, at: Span) -> tuple[Mapping | None, M | None]:
    """The mapping that holds a trigger, and the model of what else it says; triggers themselves are compiled later."""
    holder = mapping(node, report, "a trigger such as {event: order.paid}", at)
    if holder is None:
        return None, None
    apart = calendar_keys(holder)
    rest = Mapping(holder.span, tuple(entry for entry in holder if entry.key not in apart))
    return holder, validate(model, rest, report, at=at)


def _event(holder: Mapping, subject: str, events: Events, report: Report) -> EventTrigger | None:
    before = report.faults
    kind = event_kind(holder, events.fields, report)
    if kind is None:
        return None
    about = events.subjects[kind]
    named = holder.get("event")
    if about not in _CONCERNS.get(subject, (about,)) and named is not None:
        suitable = sorted(name for name, whose in events.subjects.items() if whose in _CONCERNS[subject])
        hint = f"a playbook for {subject} can use {one_of(suitable, 6)}"
        report.error("RG314", named.span, f"{kind}, about the {about}", f"an event about the {subject}", hint)
    where = holder.get("where")
    scope = fields(f"a field of {kind}", events.fields[kind])
    condition = compile_condition(where, scope, report) if where is not None else None
    return EventTrigger(event=kind, where=condition) if report.faults == before else None
