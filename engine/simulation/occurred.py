"""Whether something has happened to a journey's subject, from a world's facts: `engine.facts.occurrence` in memory."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

from engine.facts.since import Occurrence, change_name
from engine.journeys.plan import ChangeTrigger, EventTrigger, Trigger
from engine.simulation.bench import Bench
from engine.simulation.journey import Journey


def first_occurrence(bench: Bench, journey: Journey, triggers: Sequence[Trigger], until: datetime) -> Occurrence | None:
    """The earliest event or change, to an instant, that one of the triggers names; none if there is none."""
    found = [*_events(bench, journey, triggers, until), *_changes(journey, triggers, until)]
    return min(found, key=lambda each: each.at, default=None)


def find_stop(bench: Bench, journey: Journey, moment: datetime) -> Occurrence | None:
    """What has stopped the journey as of the moment."""
    if journey.row["state"] == "stopped":
        return Occurrence(journey.row["outcome"], journey.row["stopped_at"])
    return first_occurrence(bench, journey, journey.plan.stop, moment) if journey.plan.stop else None


def _events(bench: Bench, journey: Journey, triggers: Sequence[Trigger], until: datetime) -> Iterable[Occurrence]:
    kinds = {each.event for each in triggers if isinstance(each, EventTrigger)}
    subject, history, customer = journey.plan.subject, journey.customer.history, journey.customer.number
    for event in history.events if kinds else ():
        if event.kind not in kinds or event.at > until or event.subject(subject, customer) != journey.subject_id:
            continue
        if journey.since.counts(event.kind, event.at, subject) and bench.matcher.triggered(
            triggers, event.kind, partial(history.fields, event)
        ):
            yield Occurrence(event.kind, event.at)


def _changes(journey: Journey, triggers: Sequence[Trigger], until: datetime) -> Iterable[Occurrence]:
    """Changes of the instant at which the journey began do not count: one of them may have started it."""
    changes = [each for each in triggers if isinstance(each, ChangeTrigger)]
    for noted in journey.customer.noted if changes else ():
        change = noted.change
        if journey.started_at < noted.at <= until and any(
            each.means(change.kind, change.before, change.after, rises=change.rises) for each in changes
        ):
            yield Occurrence(change_name(change.kind, change.before, change.after), noted.at)
