"""Events that could not become facts: kept whole, told once, and taken out again when they can."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from engine.facts.event_formats import DEEPEST
from engine.facts.events import Event, Refused, Violation

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_LONGEST_KEY = 500
_KEEP = """
with same as (
    update refused_events set code = %(code)s, reason = %(reason)s, event = %(event)s, waits_for = %(waits_for)s
     where id = coalesce(%(id)s, (select min(id) from refused_events
                                   where shop = %(shop)s and key = %(key)s and replayed_at is null))
    returning id
), first as (
    insert into refused_events (shop, key, code, reason, event, waits_for, recorded_at)
    select %(shop)s, %(key)s, %(code)s, %(reason)s, %(event)s, %(waits_for)s, %(recorded)s
     where not exists (select from same) returning id
)
select id from same union all select id from first
"""


def keep(  # noqa: PLR0913 - the columns of one row
    connection: psycopg.Connection[Any],
    told: Mapping[str, Any],
    *,
    code: str,
    reason: str,
    recorded_at: datetime,
    waits_for: str | None = None,
    violations: tuple[Violation, ...] = (),
    refused_id: int | None = None,
) -> Refused:
    """Keeps an event with the reason; the same event refused again, or the row `refused_id`, is brought up to date."""
    kind, key, shop = (_text(told.get(name)) for name in ("kind", "key", "shop"))
    row = connection.execute(
        _KEEP,
        {
            "id": refused_id,
            "shop": shop,
            "key": key,
            "code": code,
            "reason": _storable(reason),
            "event": Jsonb(_storable(told)),
            "waits_for": _storable(waits_for),
            "recorded": recorded_at,
        },
    ).fetchone()
    assert row is not None  # updated or inserted
    return Refused(code, reason, kind, key, int(row[0]), waits_for, violations)


def waiting(connection: psycopg.Connection[Any], arrived: Sequence[str]) -> list[tuple[int, Mapping[str, Any]]]:
    """The kept events that wait for one of what has arrived, earliest instant first; locked."""
    return connection.execute(
        """
        select id, event from refused_events where waits_for = any(%s) and replayed_at is null
         order by event ->> 'at', id for update
        """,
        [list(arrived)],
    ).fetchall()


def all_open(connection: psycopg.Connection[Any], codes: Sequence[str] | None) -> list[tuple[int, Mapping[str, Any]]]:
    """All kept events that have not become facts, of some codes or of all, in order of arrival; locked."""
    return connection.execute(
        """
        select id, event from refused_events
         where replayed_at is null and (%(codes)s::text[] is null or code = any(%(codes)s))
         order by id for update
        """,
        {"codes": list(codes) if codes is not None else None},
    ).fetchall()


def settle(connection: psycopg.Connection[Any], refused_id: int, at: datetime) -> None:
    """Marks a kept event as a fact now."""
    connection.execute("update refused_events set replayed_at = %s where id = %s", [at, refused_id])


def told_of(event: Event) -> Mapping[str, Any]:
    """The JSON form under which an event is kept."""
    return event.to_json()


def _text(value: object) -> str | None:
    return str(_storable(value))[:_LONGEST_KEY] if isinstance(value, str) else None


def _storable(value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - JSON of any shape
    """The value with what a database cannot hold replaced by its escape, so that it can still be read."""
    if depth > DEEPEST:
        return "..."
    match value:
        case str():
            return _UNSTORABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", value)
        case Mapping():
            return {_storable(str(name)): _storable(part, depth + 1) for name, part in value.items()}
        case list() | tuple():
            return [_storable(part, depth + 1) for part in value]
        case None | bool() | int():
            return value
        case float() if value == value and abs(value) != float("inf"):  # noqa: PLR0124 - the test for NaN
            return value
        case _:
            return str(value)
