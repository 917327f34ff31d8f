"""What journeys did, as the database was told of it: every change of a row, in the order of the changes.

A trigger of the test's own schema keeps them, so nothing of the engine has to know that it is watched.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import psycopg
from psycopg import sql

from engine.journeys.plan import Calling, Plan
from engine.rehearsal.facts import BEFORE
from engine.replay.driver import ENDED
from engine.simulation.log import Became, Entry, What

Connection = psycopg.Connection[Any]
Row = Mapping[str, Any]

_WATCHED = ("messages", "calls", "tasks", "hand_tags", "journeys")
_RECORDER = """
create table recorded (id bigint generated always as identity primary key, relation text not null, row jsonb not null);
create function record_row() returns trigger language plpgsql as $$
begin
  insert into recorded (relation, row) values (tg_table_name, to_jsonb(new));
  return null;
end $$;
"""
_WATCH = "create trigger recorder after insert or update on {} for each row execute function record_row()"
_POINTS = "select coalesce(sum(points), 0) from points_entries where key = %s or starts_with(key, %s)"
_LEFT_BEHIND = frozenset({"stopped", "ended", "failed", "cancelled", ENDED})
"""Why a message that was held back is let go of with its journey: no step has asked for it."""
_ENDS: Mapping[str, What] = {"ended": "end", "stopped": "stop", "failed": "fail", "cancelled": "end"}
_STATES: Mapping[str, Became] = {"sent": "done", "done": "done", "skipped": "skipped", "failed": "failed"}


def install(connection: Connection) -> None:
    """Makes the recorder in the connection's schema; the caller commits."""
    connection.execute(_RECORDER)
    for table in _WATCHED:
        connection.execute(sql.SQL(_WATCH).format(sql.Identifier(table)))


@dataclass(frozen=True, slots=True)
class Change:
    """A row of one of the tables that are watched, after a change of it."""

    number: int
    table: str
    row: Row


def changes(connection: Connection, after: int = 0) -> list[Change]:
    """What has changed, in its order, since the change of a number."""
    rows = connection.execute("select id, relation, row from recorded where id > %s order by id", (after,))
    return [Change(*row) for row in rows]


@dataclass(slots=True)
class _Read:
    """Changes, read one after the other. An entry stays where its row was first in that state."""

    connection: Connection
    plans: Mapping[str, Plan]
    journeys: dict[int, Row] = field(default_factory=dict)
    before: dict[tuple[str, object], Row] = field(default_factory=dict)
    entries: dict[tuple[object, ...], Entry] = field(default_factory=dict)

    def take(self, change: Change) -> None:
        """Reads one change."""
        if (change.row.get("workflow_id") or change.row.get("key") or "").startswith(BEFORE):
            return
        key = (change.table, change.row["id"])
        before, self.before[key] = self.before.get(key), change.row
        if change.table == "journeys":
            self.journeys[change.row["id"]] = change.row
        for place, entry in self._entries(change, before):
            self.entries[(*key, *place)] = entry

    def _entries(self, change: Change, before: Row | None) -> Iterator[tuple[tuple[object, ...], Entry]]:
        row = change.row
        match change.table:
            case "messages" if row["state"] in _STATES and not _left_behind(row, before):
                yield (row["state"],), self._sent(row)
            case "calls" if row["state"] in _STATES:
                yield (row["state"],), self._called(row)
            case "tasks" if before is None and row["task"] != "journey-failed":
                more = {"team": row["team"], "title": row["title"]}
                yield (), self._entry(row["journey_id"], row["opened_at"], "task", row["task"], more=more)
            case "hand_tags":
                yield from self._tagged(row, before)
            case "journeys" if row["state"] in _ENDS and row["outcome"] != ENDED:
                name = row["outcome"] or row["state"]
                yield (), self._entry(row["id"], row["ended_at"], _ENDS[row["state"]], name)

    def _sent(self, row: Row) -> Entry:
        sent = row["state"] == "sent"
        more = {name: row[name] for name in ("channel", "template")} if sent else {}
        return self._entry(
            row["journey_id"], row["at"], "send", row["step"], _STATES[row["state"]], row["reason"], more=more
        )

    def _called(self, row: Row) -> Entry:
        what = cast("What", row["activity"].partition("/")[0])
        given = self._given(row["journey_id"], row["step"])
        more: dict[str, object] = {}
        if what == "points":
            found = self.connection.execute(_POINTS, (row["key"], f"{row['key']}/")).fetchone()
            more = {"amount": int(found[0]) if found else 0}
        elif what in ("coupon", "move"):
            more = {name: given[name] for name in ("pool", "to") if name in given}
        return self._entry(
            row["journey_id"], row["at"], what, row["step"], _STATES[row["state"]], row["reason"], more=more
        )

    def _given(self, journey: int, step: str) -> Mapping[str, Any]:
        plan = self.plans[self.journeys[journey]["playbook"]]
        return next((each.given for each in plan.code if isinstance(each, Calling) and each.id == step), {})

    def _tagged(self, row: Row, before: Row | None) -> Iterator[tuple[tuple[object, ...], Entry]]:
        author = row["author"].removeprefix("playbook ")
        journey = next((number for number, each in self.journeys.items() if each["playbook"] == author), 0)
        if before is None:
            yield ("tag",), self._entry(journey, row["at"], "tag", row["tag"])
        elif row["removed_at"] is not None:
            yield ("untag",), self._entry(journey, row["removed_at"], "untag", row["tag"])

    def _entry(
        self,
        journey: int,
        at: str,
        what: What,
        name: str,
        state: Became = "done",
        reason: str | None = None,
        *,
        more: Mapping[str, object] | None = None,
    ) -> Entry:
        playbook = self.journeys[journey]["playbook"] if journey in self.journeys else ""
        return Entry(datetime.fromisoformat(at), playbook, journey, what, name, state, reason, more or {})


def _left_behind(row: Row, before: Row | None) -> bool:
    held = before is not None and before["state"] == "deferred"
    return row["state"] == "skipped" and (row["reason"] == ENDED or (held and row["reason"] in _LEFT_BEHIND))


def entries(connection: Connection, plans: Mapping[str, Plan]) -> list[Entry]:
    """What journeys did, in the order of their instants, and of one instant in the order in which it was done.

    Args:
        connection: to the test's schema.
        plans: of all playbooks that can have journeys there.
    """
    read = _Read(connection, plans)
    for change in changes(connection):
        read.take(change)
    return in_order(_without_fallen_back(list(read.entries.values())))


def in_order(found: list[Entry]) -> list[Entry]:
    """By instant; a journey's end goes after what else it did at that instant, as it ends with its last step."""
    ended = ("end", "fail")
    last = {(each.journey, each.at): place for place, each in enumerate(found) if each.what not in ended}
    placed = [
        (each.at, max(place, last.get((each.journey, each.at), place)), each.what in ended, place, each)
        for place, each in enumerate(found)
    ]
    return [each[-1] for each in sorted(placed, key=lambda each: each[:4])]


def _without_fallen_back(found: list[Entry]) -> list[Entry]:
    """Without channels that gave way to the next one: what counts is what became of the step."""

    def another(place: int, entry: Entry) -> bool:
        return any(
            (each.journey, each.name, each.at) == (entry.journey, entry.name, entry.at) and each.what == "send"
            for each in found[place + 1 :]
        )

    return [
        each
        for place, each in enumerate(found)
        if not (each.what == "send" and each.state == "failed" and another(place, each))
    ]
