"""What really happened: the journeys of one customer, from the database."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import psycopg

from engine.dispatch.versions import Versions
from engine.facts.evaluate import evaluator
from engine.facts.matching import EventMatcher
from engine.facts.occurrence import Since, first_occurrence
from engine.journeys.plan import ChangeTrigger, Plan, Start
from engine.trace.records import JourneyRow, Records, read_journeys, read_records
from engine.trace.retrace import Edited, Facts, Retraced
from engine.trace.rows import (
    told_action,
    told_call,
    told_closed,
    told_held,
    told_message,
    told_redeemed,
    told_response,
    told_task,
)
from engine.trace.simulated import end_of
from engine.trace.steps import Steps, begins, wording_of
from engine.trace.timeline import Moment, Path

Connection = psycopg.Connection[Any]
NO_RULES = "its rules version is not in the database: steps have their ids, and what was decided is not known"
OTHERWISE = "the facts of today give another path than was taken: some came later, or were corrected"


def recorded_paths(
    connection: Connection,
    versions: Versions,
    matcher: EventMatcher,
    customer: int,
    playbook: str,
    zone: str,
    now: datetime,
) -> Iterator[Path]:
    """The journeys of a playbook for a customer, the first one first.

    Args:
        connection: an open connection whose `search_path` has the tables.
        versions: gives the rules of a journey's version.
        matcher: decides triggers, in the reporting currency.
        customer: our number.
        playbook: its name.
        zone: the customer's.
        now: up to when open journeys are told.
    """
    for journey in read_journeys(connection, customer, playbook):
        records = read_records(connection, journey)
        known = partial(_known, connection, versions, matcher, playbook, zone)
        lived = [known(version) for version in (records.began_by, *(each.version for each in records.edits))]
        if any(found is None for found in lived):
            yield _path(journey, _without_plan(records, now))
            continue
        (facts, plan), *later = [found for found in lived if found is not None]
        edits = [Edited(row.at, *found) for row, found in zip(records.edits, later, strict=True)]
        yield _path(journey, _told(facts, plan, records, now, edits))


def _known(
    connection: Connection, versions: Versions, matcher: EventMatcher, playbook: str, zone: str, version: str
) -> tuple[Facts, Plan] | None:
    """Who answers by a version, and its plan; none where its rules are not in the database."""
    try:
        rules = versions.get(connection, version)
    except LookupError:
        return None
    plan = rules.plan(playbook)
    if plan is None:
        return None
    asking = evaluator(rules.catalogue, matcher.currency, rules.words)
    wording = wording_of(rules, asking.catalogue, zone)
    return Facts(connection, rules, asking, matcher, wording, rules.policy.zone), plan


def _path(journey: JourneyRow, moments: list[Moment]) -> Path:
    running = journey.state == "running"
    return Path(
        name=journey.workflow_id,
        about=f"{journey.subject} {journey.about}" if journey.about else "",
        started_at=journey.started_at,
        version=journey.version,
        state="open" if running else journey.state,
        outcome=journey.outcome or "",
        ended_at=journey.ended_at,
        moments=tuple(moments),
    )


def _told(facts: Facts, plan: Plan, records: Records, now: datetime, edits: Sequence[Edited] = ()) -> list[Moment]:
    journey = records.journey
    if journey.state == "held":
        return [_start(journey), Moment(now, "stands", "Is held: too many would have started at once")]
    retraced = Retraced(facts, plan, records, journey.ended_at or now)
    retraced.run(edits)
    steps = retraced.steps
    missed = list(_missed(steps, records, retraced.met))
    notes = [Moment(journey.started_at, "note", OTHERWISE)] if missed else []
    goal = list(_goal(retraced.facts, retraced.plan, journey, now))
    found = [*retraced.moments, *missed, *_besides(steps, records), *goal]
    return [
        _start(journey, facts, plan),
        *notes,
        *sorted(found, key=lambda each: each.at),
        *_end(retraced, journey, now),
    ]


def _without_plan(records: Records, now: datetime) -> list[Moment]:
    """Of rules that are not known any more: what was recorded."""
    nothing = Steps(Plan(playbook=records.journey.playbook, title="", subject="customer", start=Start(any=()), code=()))
    found = sorted((*_missed(nothing, records, set()), *_besides(nothing, records)), key=lambda each: each.at)
    journey = records.journey
    note = Moment(journey.started_at, "note", NO_RULES)
    ended = [end_of(journey.ended_at or now, journey.state, journey.outcome or "")] if journey.ended_at else []
    return [_start(journey), note, *found, *ended]


def _start(journey: JourneyRow, facts: Facts | None = None, plan: Plan | None = None) -> Moment:
    """How it began; the change of standing, if there was one, is of the same instant."""
    if facts is None or plan is None:
        return Moment(
            journey.started_at, "start", f"Begins with {journey.started_by}" if journey.started_by else "Begins"
        )
    changes = [each for each in plan.start.any if isinstance(each, ChangeTrigger)]
    just_before = Since(journey.started_at - timedelta(microseconds=1))
    found = first_occurrence(
        facts.connection, changes, journey.whose, since=just_before, until=journey.started_at, matcher=facts.matcher
    )
    change = None if found is None else found.event
    return Moment(journey.started_at, "start", begins(plan, journey.started_by, change))


def _missed(steps: Steps, records: Records, met: set[tuple[str, object]]) -> Iterator[Moment]:
    """What was recorded and the path did not come to."""
    yield from (told_message(steps, row) for row in records.messages if ("message", row.id) not in met)
    yield from (told_task(steps, row.task, row) for row in records.tasks if ("task", row.key) not in met)
    yield from (told_call(steps, row) for row in records.calls if ("call", (row.step, row.iteration)) not in met)


def _besides(steps: Steps, records: Records) -> Iterator[Moment]:
    """What happened beside the steps: holding back, responses, closed tasks, redeemed coupons, what people did."""
    final = {(row.step, row.channel, row.at) for row in records.messages if row.state == "deferred"}
    yield from (told_held(steps, row) for row in records.held if (row.step, row.channel, row.at) not in final)
    yield from (told_response(steps, row) for row in records.responses)
    yield from (told_closed(row, row.closed_at) for row in records.tasks if row.closed_at is not None)
    yield from (told_redeemed(steps, row, row.redeemed_at) for row in records.calls if row.redeemed_at is not None)
    yield from (told_action(row) for row in records.actions)


def _goal(facts: Facts, plan: Plan, journey: JourneyRow, now: datetime) -> Iterator[Moment]:
    if plan.goal is None:
        return
    until = min(journey.started_at + timedelta(seconds=plan.goal.within), now)
    found = first_occurrence(
        facts.connection, plan.goal.any, journey.whose, since=journey.since, until=until, matcher=facts.matcher
    )
    if found is not None and found.at >= journey.started_at:
        yield Moment(found.at, "goal", f"The goal is reached: {found.event}", reason=found.event)


def _end(retraced: Retraced, journey: JourneyRow, now: datetime) -> Iterator[Moment]:
    if journey.state != "running":
        yield end_of(journey.ended_at or now, journey.state, journey.outcome or "")
        return
    since = journey.paused_at
    paused = f"; paused since {since:%Y-%m-%d %H:%M} UTC: {journey.pause_reason}" if since else ""
    waits = list(retraced.steps.standing(retraced.state))
    for step, _, due in waits:
        yield Moment(now, "stands", f"Is at: {retraced.steps.label(step)}{paused}", step, until=due)
    if not waits:
        yield Moment(now, "stands", f"Is under way{paused}")
