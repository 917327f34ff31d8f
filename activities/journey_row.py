"""A journey's row under lock, and whether anything of it may still happen."""

from datetime import datetime
from typing import Any

from psycopg.rows import dict_row
from temporalio.exceptions import ApplicationError

from activities.context import Connection, Context
from engine.messages.stop import find_stop, write_stop

# The customer's lock, as intake takes it: a payment and a step are one after the other.
_JOURNEY = """
select j.id, j.workflow_id, j.version, j.playbook, j.subject, j.subject_id, j.customer_id, j.order_id, j.state,
       j.outcome, j.stopped_at, j.started_at, e.kind as started_by
  from journeys j join customers c on c.id = j.customer_id left join events e on e.id = j.event_id
 where j.id = %s
   for update of c, j
"""


def locked_journey(connection: Connection, journey: int) -> dict[str, Any]:
    """The row, with the customer's lock held until the end of the transaction.

    Raises:
        ApplicationError: there is no such journey; it is not tried again.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_JOURNEY, (journey,)).fetchone()
    if row is None:
        raise ApplicationError(f"journey {journey} is not in the database", type="no_journey", non_retryable=True)
    return row


def over(context: Context, connection: Connection, row: dict[str, Any], moment: datetime) -> str | None:
    """Why nothing of a journey may happen any more; a stop that has come true is written here and now."""
    plan = context.versions.plan(connection, row["version"], row["playbook"])
    stop = find_stop(connection, row, plan, moment, context.reporting.matcher(connection))
    if stop is not None:
        write_stop(connection, row["id"], stop)
        return stop.event
    return None if row["state"] == "running" else str(row["outcome"])
