"""Triggers of the calendar in force: whose moment comes when, and the journey that starts at it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

import psycopg

from engine.dispatch.match import Happening, Matcher
from engine.facts.evaluate import Asked, evaluator
from engine.facts.read import read_zone
from engine.journeys.due import date_of
from engine.journeys.moments import next_moment
from engine.journeys.plan import CalendarTrigger, DateTrigger, EveryTrigger, Plan
from engine.language.rules import Rules

Connection = psycopg.Connection[Any]
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class InForce:
    """A trigger of a live playbook."""

    plan: Plan
    trigger: CalendarTrigger


def in_force(rules: Rules) -> dict[str, InForce]:
    """The triggers of the calendar of all live playbooks, by a digest of what decides when they come."""
    found = {}
    for plan in rules.plans.values():
        for trigger in plan.start.any if plan.starts else ():
            if isinstance(trigger, CalendarTrigger):
                said = [plan.playbook, rules.policy.zone, trigger.model_dump(mode="json", exclude_defaults=True)]
                digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
                found[digest] = InForce(plan, trigger)
    return found


@dataclass(frozen=True)
class Calendar:
    """The triggers of one version of the rules. Whoever calls it holds the customer's lock and commits."""

    matcher: Matcher

    @cached_property
    def triggers(self) -> Mapping[str, InForce]:
        """Those in force, by their digest, in the playbooks' order."""
        return in_force(self.matcher.rules)

    def next(
        self, connection: Connection, digest: str, customer: int, at: datetime, after: datetime
    ) -> datetime | None:
        """The first moment later than `after`, by what is known of the customer as of `at`."""
        trigger, zone = self.triggers[digest].trigger, self.matcher.rules.policy.zone
        base = self._date(connection, trigger, customer, at) if isinstance(trigger, DateTrigger) else None
        if base is None and not isinstance(trigger, EveryTrigger):
            return None
        return next_moment(trigger, base, read_zone(connection, customer, otherwise=zone), after)

    def come(
        self, connection: Connection, digest: str, customer: int, due: datetime, recorded_at: datetime
    ) -> int | None:
        """Starts the journey of a moment, if it still is one and the playbook's terms allow it; gives its number.

        What is known as of the moment itself decides, however late it is taken up.
        """
        if self.next(connection, digest, customer, due, due - _TICK) != due:
            return None
        happening = Happening.of_calendar(customer, due, max(recorded_at, due))
        return self.matcher.start(connection, self.triggers[digest].plan, happening)

    def _date(
        self, connection: Connection, trigger: DateTrigger, customer: int, at: datetime
    ) -> datetime | date | None:
        rules = self.matcher.rules
        asking = evaluator(rules.catalogue, self.matcher.events.currency, rules.words)
        asked = Asked(customer, "customer", customer, at)
        known = asking.environment(connection, asked, {trigger.date}, rules.policy.zone)
        return date_of(known.attributes.get(trigger.date))
