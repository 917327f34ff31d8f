"""What a replay did: its message log and the table of its outcomes."""

import csv
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import class_row

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class LogLine:
    """One message: whose, of which step, and what became of it at which instant.

    `subject` is the shop's own key; a parcel's is that of its order and its own, such as `1001/P2`.
    """

    playbook: str
    subject: str
    step: str
    channel: str
    state: str
    reason: str | None
    at: datetime
    template: str | None


_LOG = """
select * from (
    select m.playbook,
           case j.subject when 'order' then o.number when 'shipment' then o.number || '/' || s.key
                          when 'case' then k.key else c.key end as subject,
           m.step, m.channel, m.state, m.reason, m.at, m.template
      from messages m join journeys j on j.id = m.journey_id join customers c on c.id = m.customer_id
      left join shipments s on j.subject = 'shipment' and s.id = j.subject_id
      left join cases k on j.subject = 'case' and k.id = j.subject_id
      left join orders o on o.id = coalesce(s.order_id, j.order_id)
) told
 order by at, playbook collate "C", subject collate "C", step collate "C", channel
"""


def message_log(connection: Connection) -> list[LogLine]:
    """All messages in order of their instants."""
    with connection.cursor(row_factory=class_row(LogLine)) as cursor:
        return cursor.execute(_LOG).fetchall()


def write_log(lines: list[LogLine], file: Path) -> None:
    """Writes the log as CSV, the same bytes for the same messages."""
    with file.open("w", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(field.name for field in fields(LogLine))
        writer.writerows((*astuple(line)[:6], line.at.isoformat(), line.template) for line in lines)


@dataclass(frozen=True)
class Count:
    """How many journeys or messages have one outcome."""

    playbook: str
    what: str
    outcome: str
    count: int


_COUNTS = """
select playbook, 'journeys' as what, case when outcome is null or outcome = state then state
       else state || ': ' || outcome end as outcome, count(*) as count
  from journeys group by 1, 2, 3
union all
select playbook, step, case when reason is null then state else state || ': ' || reason end, count(*)
  from messages group by 1, 2, 3
union all
select j.playbook, 'tasks', t.team || ': ' || t.title, count(*) from tasks t join journeys j on j.id = t.journey_id
 group by 1, 2, 3
 order by 1, 2, 3
"""


def counts(connection: Connection) -> list[Count]:
    """Journeys by outcome, messages by step and outcome, tasks by team."""
    with connection.cursor(row_factory=class_row(Count)) as cursor:
        return cursor.execute(_COUNTS).fetchall()
