"""Which journeys an event or a change of standing starts and which it is told to.

Decided in the transaction that records it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import psycopg
from psycopg.rows import dict_row

from engine.conditions.ast import Condition
from engine.dispatch import outbox
from engine.dispatch.standing import Standings
from engine.dispatch.versions import StoredVersions
from engine.facts.evaluate import Asked, evaluator
from engine.facts.matching import EventMatcher, Fields
from engine.facts.occurrence import ONCE, change_name
from engine.journeys.plan import CalendarTrigger, ChangeTrigger, Plan, Trigger
from engine.language.rules import Rules
from engine.messages.record import skip_waiting_calls, skip_waiting_messages
from engine.standing.decide import Change

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Happening:
    """An event as journeys see it, or changes of a customer's standing (of kind "", about the customer alone).

    `event_id` of changes is that of the event that caused them, if one did.
    """

    event_id: int | None
    kind: str
    at: datetime
    recorded_at: datetime
    customer_id: int
    order_id: int | None
    fields: Callable[[], Fields]
    """What a `where` may ask for; read only where one does."""
    changes: tuple[Change, ...] = ()
    shipment_id: int | None = None
    case_id: int | None = None

    @classmethod
    def of_changes(
        cls, customer_id: int, changes: tuple[Change, ...], at: datetime, recorded_at: datetime, event_id: int | None
    ) -> "Happening":
        """Changes of one customer's standing at one instant."""
        return cls(event_id, "", at, recorded_at, customer_id, None, dict, changes)

    def name(self, triggers: tuple[Trigger, ...]) -> str:
        """What journeys call it: the event's kind, or the change that the triggers mean."""
        for change in self.changes:
            if means(triggers, change):
                return change_name(change.kind, change.before, change.after)
        return self.kind

    @classmethod
    def of_calendar(cls, customer_id: int, at: datetime, recorded_at: datetime) -> "Happening":
        """A moment of the calendar that has come for a customer."""
        return cls(None, "", at, recorded_at, customer_id, None, dict)

    def subject_id(self, subject: str) -> int | None:
        """The internal id of the event's subject of that kind, if it has one."""
        return {
            "customer": self.customer_id,
            "order": self.order_id,
            "shipment": self.shipment_id,
            "case": self.case_id,
        }.get(subject)


@dataclass(frozen=True)
class Matcher:
    """The rules in force, and who decides a trigger's condition over an event's fields."""

    rules: Rules
    versions: StoredVersions
    events: EventMatcher

    @cached_property
    def standings(self) -> Standings:
        """Who judges everyone's standing by these rules."""
        return Standings(self.rules, self.versions, self.events.currency)

    def starts_by(self, changes: tuple[Change, ...]) -> bool:
        """Whether a live playbook starts by one of the changes, if its other terms allow it."""
        live = (plan for plan in self.rules.plans.values() if plan.starts and plan.subject == "customer")
        return any(means(plan.start.any, change) for plan in live for change in changes)

    def match(self, connection: Connection, happening: Happening, *, running: bool = True) -> list[int]:
        """Tells running journeys, starts new ones and gives these. The caller holds the customer's lock and commits.

        `running` false: the caller knows that no journey of the customer is under way.
        """
        if running:
            self.tell(connection, happening)
        live = [plan for plan in self.rules.plans.values() if plan.starts]
        starting = (plan for plan in live if self._starts(connection, plan, happening))
        return [_start(connection, plan, happening, self.rules.version) for plan in starting]

    def start(self, connection: Connection, plan: Plan, happening: Happening) -> int | None:
        """Starts one playbook at a moment of the calendar, if its terms allow it; locks and commits as for `match`."""
        allowed = self._allows(connection, plan, happening)
        return _start(connection, plan, happening, self.rules.version) if allowed else None

    def _starts(self, connection: Connection, plan: Plan, happening: Happening) -> bool:
        return self._triggered(plan.start.any, happening) and self._allows(connection, plan, happening)

    def _allows(self, connection: Connection, plan: Plan, happening: Happening) -> bool:
        subject_id = happening.subject_id(plan.subject)
        if subject_id is None:
            return False
        age = happening.recorded_at - happening.at
        if plan.start.max_age is not None and age > timedelta(seconds=plan.start.max_age):
            return False
        if _started_lately(connection, plan, subject_id, happening):
            return False
        return plan.start.only_if is None or self._holds(connection, plan.start.only_if, plan.subject, happening)

    def _holds(self, connection: Connection, condition: Condition, subject: str, happening: Happening) -> bool:
        subject_id = happening.subject_id(subject)
        assert subject_id is not None  # asked only of an event that has this subject
        asked = Asked(happening.customer_id, subject, subject_id, happening.at)
        asking = evaluator(self.rules.catalogue, self.events.currency, self.rules.words)
        return asking.holds(connection, condition, asked, self.rules.policy.zone)

    def tell(self, connection: Connection, happening: Happening) -> None:
        """Tells the journeys under way that stop or wait by it. The caller holds the customer's lock and commits."""
        for journey in _running(connection, happening):
            plan = self.versions.find(connection, journey["version"], journey["playbook"])
            if plan is None or (happening.kind not in plan.listens_to() and not happening.changes):
                continue
            stop = self._triggered(plan.stop, happening)
            steps = [step for step, triggers in plan.heard() if self._triggered(triggers, happening)]
            if not stop and not steps:
                continue
            name = happening.name(plan.stop if stop else _waited_for(plan))
            payload = {"event": name, "stop": stop, "steps": steps}
            outbox.put(connection, journey["id"], "event", happening.at, payload)
            if stop:
                stop_journey(connection, journey["id"], name, happening.at)

    def _triggered(self, triggers: tuple[Trigger | CalendarTrigger, ...], happening: Happening) -> bool:
        if happening.changes:
            return any(means(triggers, change) for change in happening.changes)
        return self.events.triggered(triggers, happening.kind, happening.fields)


def means(triggers: tuple[Trigger | CalendarTrigger, ...], change: Change) -> bool:
    """Whether one of the triggers means this change of standing."""
    return any(
        trigger.means(change.kind, change.before, change.after, rises=change.rises)
        for trigger in triggers
        if isinstance(trigger, ChangeTrigger)
    )


def stop_journey(connection: Connection, journey: int, event: str, at: datetime, *, reason: str = "stopped") -> None:
    """Writes a journey's stop: from this commit on nothing of it will be sent. `reason`: of messages held back."""
    connection.execute(
        """update journeys set state = 'stopped', outcome = %s, stopped_at = %s, ended_at = %s
            where id = %s and state = 'running'""",
        (event, at, at, journey),
    )
    skip_waiting_messages(connection, journey, reason, at)
    skip_waiting_calls(connection, journey, reason, at)


def _waited_for(plan: Plan) -> tuple[Trigger, ...]:
    return tuple(trigger for _, triggers in plan.heard() for trigger in triggers)


def _running(connection: Connection, happening: Happening) -> list[dict[str, Any]]:
    """Journeys of the event's subject. What a subject is (paid, delivered, closed) holds whenever it became so."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """select id, playbook, version from journeys
                where state = 'running' and event_id is distinct from coalesce(%(event)s::bigint, -1)
                  and (started_at <= %(at)s or (subject = %(about)s and %(kind)s = any(%(once)s)))
                  and ((subject = 'customer' and subject_id = %(customer)s)
                       or (subject = 'order' and subject_id = %(order)s)
                       or (subject = 'shipment' and subject_id = %(shipment)s)
                       or (subject = 'case' and subject_id = %(case)s)
                       or (%(changes)s and customer_id = %(customer)s)) order by id""",
            {
                "changes": bool(happening.changes),
                "at": happening.at,
                "kind": happening.kind,
                "about": happening.kind.partition(".")[0],
                "once": list(ONCE),
                "event": happening.event_id,
                "customer": happening.customer_id,
                "order": happening.order_id,
                "shipment": happening.shipment_id,
                "case": happening.case_id,
            },
        ).fetchall()


def _started_lately(connection: Connection, plan: Plan, subject_id: int, happening: Happening) -> bool:
    """Whether this event has started its journey already, or another did within `once_per`."""
    since = None if plan.start.once_per is None else happening.at - timedelta(seconds=plan.start.once_per)
    row = connection.execute(
        """select exists (select from journeys where playbook = %s and subject = %s and subject_id = %s
                          and (event_id = %s or started_at > %s))""",
        (plan.playbook, plan.subject, subject_id, happening.event_id, since),
    ).fetchone()
    return bool(row and row[0])


def _start(connection: Connection, plan: Plan, happening: Happening, version: str) -> int:
    subject_id = happening.subject_id(plan.subject)
    row = connection.execute(
        """with occasion as (select 1 + count(*) as number from journeys
                              where playbook = %(playbook)s and subject = %(subject)s and subject_id = %(subject_id)s)
           insert into journeys (workflow_id, playbook, version, subject, subject_id, occasion, customer_id, order_id,
                                 event_id, started_at)
           select format('%%s/%%s-%%s/%%s', %(playbook)s::text, %(subject)s::text, %(subject_id)s::bigint, number),
                  %(playbook)s, %(version)s, %(subject)s, %(subject_id)s, number, %(customer)s, %(order)s, %(event)s,
                  %(at)s
             from occasion returning id""",
        {
            "playbook": plan.playbook,
            "subject": plan.subject,
            "subject_id": subject_id,
            "version": version,
            "customer": happening.customer_id,
            "order": happening.order_id,
            "event": happening.event_id,
            "at": happening.at,
        },
    ).fetchone()
    assert row is not None  # an insert always returns its row
    outbox.put(connection, row[0], "start", happening.at, {})
    return int(row[0])
