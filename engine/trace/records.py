"""What the database has of one journey: its messages, calls, tasks, tags and what people did to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from engine.facts.occurrence import Since, Whose

Connection = psycopg.Connection[Any]

_JOURNEYS = """
select j.id, j.workflow_id, j.playbook, j.version, j.subject, j.subject_id, j.customer_id, j.order_id, j.state,
       j.outcome, j.started_at, j.ended_at, j.paused_at, j.pause_reason, e.kind as started_by,
       case j.subject when 'order' then o.number when 'case' then k.key
                      when 'shipment' then o.number || '/' || h.key end as about
  from journeys j
  left join events e on e.id = j.event_id
  left join orders o on o.id = j.order_id
  left join shipments h on j.subject = 'shipment' and h.id = j.subject_id
  left join cases k on j.subject = 'case' and k.id = j.subject_id
 where j.customer_id = %s and j.playbook = %s order by j.started_at, j.id
"""
_MESSAGES = """
select id, step, iteration, channel, template, state, reason, due_at, at, until from messages
 where journey_id = %s order by id
"""
_HELD = """
select m.step, m.channel, l.reason, l.at, l.until from message_log l join messages m on m.id = l.message_id
 where m.journey_id = %s and l.state = 'deferred' and l.until is not null order by l.id
"""
_RESPONSES = """
select m.step, e.kind, e.at from message_events e join messages m on m.id = e.message_id
 where m.journey_id = %s order by e.at, e.id
"""
_CALLS = """
select c.step, c.iteration, c.state, c.reason, c.at, v.pool, v.expires_at, v.redeemed_at,
       (select sum(p.points) from points_entries p where p.key = c.key or starts_with(p.key, c.key || '/')) as points
  from calls c left join coupons v on v.key = c.key
 where c.journey_id = %s order by c.id
"""
_TASKS = """
select key, task, team, title, opened_at, due_at, closed_at, closed_by from tasks where journey_id = %s order by id
"""
_TAGS = """
select tag, at, expires_at, removed_at, removed_by from hand_tags
 where customer_id = %(customer)s and (author = %(author)s or removed_by = %(author)s) order by id
"""
_EDITS = """
select t.from_version, e.version, t.at from journey_edits t join edits e on e.id = t.edit_id
 where t.journey_id = %s and t.state = 'migrated' order by t.at, e.id
"""
_ACTIONS = "select action, author, reason, at from actions where journey_id = %s order by at, id"


@dataclass(frozen=True)
class JourneyRow:
    """A journey's row. `about`: the shop's name of the order, parcel or case."""

    id: int
    workflow_id: str
    playbook: str
    version: str
    subject: str
    subject_id: int
    customer_id: int
    order_id: int | None
    state: str
    outcome: str | None
    started_at: datetime
    ended_at: datetime | None
    paused_at: datetime | None
    pause_reason: str | None
    started_by: str | None
    about: str | None

    @property
    def whose(self) -> Whose:
        """Whose events count for it."""
        return Whose(self.customer_id, self.subject, self.subject_id)

    @property
    def since(self) -> Since:
        """From when on they do."""
        return Since(self.started_at, self.started_by)


@dataclass(frozen=True)
class MessageRow:
    """A message's row."""

    id: int
    step: str
    iteration: int
    channel: str
    template: str | None
    state: str
    reason: str | None
    due_at: datetime
    at: datetime
    until: datetime | None


@dataclass(frozen=True)
class HeldRow:
    """A message that was held back for a while."""

    step: str
    channel: str
    reason: str
    at: datetime
    until: datetime


@dataclass(frozen=True)
class ResponseRow:
    """What a customer did with a message."""

    step: str
    kind: str
    at: datetime


@dataclass(frozen=True)
class CallRow:
    """What became of a step that calls something, with the coupon or the points that it gave."""

    step: str
    iteration: int
    state: str
    reason: str | None
    at: datetime
    pool: str | None
    expires_at: datetime | None
    redeemed_at: datetime | None
    points: int | None


@dataclass(frozen=True)
class TaskRow:
    """A task that was opened."""

    key: str
    task: str
    team: str
    title: str
    opened_at: datetime
    due_at: datetime | None
    closed_at: datetime | None
    closed_by: str | None


@dataclass(frozen=True)
class TagRow:
    """A tag that the playbook gave or took."""

    tag: str
    at: datetime
    expires_at: datetime | None
    removed_at: datetime | None
    removed_by: str | None


@dataclass(frozen=True)
class ActionRow:
    """What somebody did to the journey, by the wall clock."""

    action: str
    author: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class EditRow:
    """An edit of its playbook that the journey has followed, by the wall clock."""

    from_version: str
    version: str
    at: datetime


@dataclass(frozen=True)
class Records:
    """All rows of one journey, each in the order of writing."""

    journey: JourneyRow
    messages: Sequence[MessageRow]
    held: Sequence[HeldRow]
    responses: Sequence[ResponseRow]
    calls: Sequence[CallRow]
    tasks: Sequence[TaskRow]
    tags: Sequence[TagRow]
    actions: Sequence[ActionRow]
    edits: Sequence[EditRow] = ()

    @property
    def began_by(self) -> str:
        """The version of the rules that the journey began by."""
        return self.edits[0].from_version if self.edits else self.journey.version

    def task(self, step: str, iteration: int) -> TaskRow | None:
        """The task that a step opened."""
        return next((each for each in self.tasks if each.key.endswith(f"/{step}/{iteration}")), None)

    def call(self, step: str, iteration: int) -> CallRow | None:
        """What became of a step that calls something."""
        found = (each for each in self.calls if (each.step, each.iteration) == (step, iteration))
        return next(found, None)

    def sends(self, step: str, iteration: int) -> list[MessageRow]:
        """The messages of a send, one for each channel that was tried."""
        return [each for each in self.messages if (each.step, each.iteration) == (step, iteration)]


def read_journeys(connection: Connection, customer: int, playbook: str) -> list[JourneyRow]:
    """The journeys of a playbook for a customer, the first one first."""
    with connection.cursor(row_factory=class_row(JourneyRow)) as cursor:
        return cursor.execute(_JOURNEYS, (customer, playbook)).fetchall()


def read_records(connection: Connection, journey: JourneyRow) -> Records:
    """Everything that is kept of a journey."""

    def rows(kind: Any, query: str, parameters: Any = (journey.id,)) -> list[Any]:  # noqa: ANN401 - any row
        with connection.cursor(row_factory=class_row(kind)) as cursor:
            return cursor.execute(query.encode(), parameters).fetchall()

    author = {"customer": journey.customer_id, "author": f"playbook {journey.playbook}"}
    return Records(
        journey=journey,
        messages=rows(MessageRow, _MESSAGES),
        held=rows(HeldRow, _HELD),
        responses=rows(ResponseRow, _RESPONSES),
        calls=rows(CallRow, _CALLS),
        tasks=rows(TaskRow, _TASKS),
        tags=rows(TagRow, _TAGS, author),
        actions=rows(ActionRow, _ACTIONS),
        edits=rows(EditRow, _EDITS),
    )
