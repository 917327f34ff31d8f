"""Record: what became of a message and of its journey. Each function is one statement or two; the caller commits.

Locks are taken in one order over all transactions, so that none wait in a ring: the customer, the journey, the message.
"""

from datetime import datetime
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]


def mark_in_flight(connection: Connection, message: int, attempt: int) -> bool:
    """The last look before the message is handed over, and whether it still may be.

    From here on nobody knows whether the message left until `sent` or a refusal is recorded. It may not leave where a
    later attempt has taken it over from this one (whose worker was thought dead), nor where its journey was stopped,
    or paused, after the reservation. One that was in flight before may have left already, so neither counts any more.
    """
    marked = connection.execute(
        """update messages m set state = 'in_flight', updated_at = now() from journeys j
            where m.id = %s and m.attempts = %s and j.id = m.journey_id
              and (m.state = 'in_flight' or (m.state = 'reserved' and j.state = 'running' and j.paused_at is null))""",
        (message, attempt),
    )
    return marked.rowcount == 1


def record_sent(connection: Connection, message: int, provider_id: str | None) -> None:
    """The provider has accepted the message. The instant stays that of the reservation."""
    connection.execute(
        """update messages set state = 'sent', reason = null, provider_id = %s, updated_at = now()
            where id = %s and state in ('planned', 'reserved', 'in_flight', 'in_doubt')""",
        (provider_id, message),
    )


def record_not_taken(connection: Connection, message: int, attempt: int, why: str = "") -> None:
    """The provider has surely not taken the message from this attempt; it is wanted still and will be decided anew.

    Until then it holds no place in caps and capacities.
    """
    connection.execute("select set_config('regulars.why', %s, true)", (why,))  # for the message's log
    connection.execute(
        """update messages set state = 'planned', updated_at = now()
            where id = %s and attempts = %s and state = 'in_flight'""",
        (message, attempt),
    )


def record_failed(connection: Connection, message: int, reason: str) -> None:
    """The message will not be sent: its recipient, its template or its provider refused for good."""
    connection.execute(
        """update messages set state = 'failed', reason = %s, updated_at = now()
            where id = %s and state in ('planned', 'reserved', 'in_flight')""",
        (reason, message),
    )


def record_doubt(connection: Connection, message: int, reason: str) -> None:
    """Whether the message left is not known and, by policy, it is held until somebody settles it."""
    connection.execute(
        """update messages set state = 'in_doubt', reason = %s, updated_at = now()
            where id = %s and state in ('reserved', 'in_flight')""",
        (reason, message),
    )


def record_content(
    connection: Connection, message: int, template: str, locale: str, segments: int | None = None
) -> None:
    """Which wording was chosen, for whoever asks why she got this one; of a short text also how many are paid."""
    connection.execute(
        "update messages set template = %s, locale = %s, segments = %s where id = %s",
        (template, locale, segments, message),
    )


def suppress(connection: Connection, message: int, reason: str, since: datetime) -> None:
    """The recipient's address is not to be used on this channel again."""
    connection.execute(
        """insert into suppressions (customer_id, channel, reason, since)
           select customer_id, channel, %s, %s from messages where id = %s on conflict do nothing""",
        (reason, since, message),
    )


def end_journey(connection: Connection, journey: int, state: str, outcome: str, at: datetime) -> None:
    """Writes a journey's end, unless another transaction has."""
    connection.execute(
        "update journeys set state = %s, outcome = %s, ended_at = %s where id = %s and state = 'running'",
        (state, outcome, at, journey),
    )


def skip_waiting_messages(connection: Connection, journey: int, reason: str, at: datetime) -> None:
    """What was held back for later, or was not taken, will not be sent any more."""
    connection.execute(
        """update messages set state = 'skipped', reason = %s, at = %s, until = null, updated_at = now()
            where journey_id = %s and state in ('deferred', 'planned')""",
        (reason, at, journey),
    )


def skip_waiting_calls(connection: Connection, journey: int, reason: str, at: datetime) -> None:
    """What a pause held back will not be called any more. An attempt that failed is still open, and has no reason."""
    connection.execute(
        """update calls set state = 'skipped', reason = %s, at = %s
            where journey_id = %s and state = 'open' and reason is not null""",
        (reason, at, journey),
    )


def fail_open_messages(connection: Connection, journey: int, step: str, reason: str) -> None:
    """A step's retries are used up: what was wanted has failed; what was under way is in doubt."""
    connection.execute(
        """update messages set state = case state when 'in_flight' then 'in_doubt' else 'failed' end, reason = %s,
                  updated_at = now()
            where journey_id = %s and step = %s and state in ('planned', 'reserved', 'in_flight')""",
        (reason, journey, step),
    )


def fail_open_calls(connection: Connection, journey: int, step: str, reason: str, *, once: bool = False) -> None:
    """A step's retries are used up: what it called has failed, whatever a late attempt may still come to.

    What must be done `once` and was under way is in doubt: nobody knows whether it was done.
    """
    connection.execute(
        """update calls set state = 'failed', reason = case when state = 'begun' and %s then 'in_doubt' else %s end
            where journey_id = %s and step = %s and state in ('open', 'begun')""",
        (once, reason, journey, step),
    )
