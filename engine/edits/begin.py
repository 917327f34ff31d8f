"""An edit comes into force: refused where journeys would have no place, else begun by whoever applies it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

from engine.edits.planned import PlannedEdit

Connection = psycopg.Connection[Any]

_SUPERSEDE = """
update edits set state = 'superseded', ended_at = %(at)s where playbook = %(playbook)s and state = 'running'
"""
_BEGIN = """
insert into edits (playbook, version, policy, from_versions, begun_at)
values (%(playbook)s, %(version)s, %(policy)s, %(from)s, %(at)s) returning id
"""


class EditRefusedError(Exception):
    """Journeys under way stand where the new version has no place for them.

    Attributes:
        code: stable name of the fault.
        refused: the playbooks, each with such positions.
    """

    code = "journeys-without-a-place"

    def __init__(self, refused: Sequence[PlannedEdit]) -> None:
        super().__init__(refused)
        self.refused = tuple(refused)

    def __str__(self) -> str:
        lines = [
            f"  {edit.playbook}: {each.count:,} at {each.step}: {each.why}"
            for edit in self.refused
            for each in edit.refused
        ]
        count = sum(each.count for edit in self.refused for each in edit.refused)
        hint = "say in moves where they go on, or that they end; or let them be: edits: pin"
        head = f"error[{self.code}]: {count:,} journeys under way have no place in the new version"
        return "\n".join([head, *lines, f"  hint: {hint}"])


def check_edits(planned: Sequence[PlannedEdit]) -> None:
    """Refuses edits that leave journeys without a place.

    Raises:
        EditRefusedError: with all playbooks and positions of which that is so.
    """
    refused = [each for each in planned if each.refused]
    if refused:
        raise EditRefusedError(refused)


def begin_edits(
    connection: Connection, version: str, at: datetime, planned: Sequence[PlannedEdit], before: str | None = None
) -> list[int]:
    """Begins the edits of a version that comes into force, in the caller's transaction; a worker carries them out.

    An earlier edit of the same playbook that is still being carried out is superseded: its journeys follow this one.

    Args:
        connection: in the transaction that puts the version in force; the version is stored already.
        version: of the new rules.
        at: the wall clock's instant.
        planned: as `planned_edits` gave it for these rules.
        before: the version in force until now, by which workers may start journeys for a moment still.

    Returns:
        The ids of the edits.

    Raises:
        EditRefusedError: a live position has no place; nothing has been written.
    """
    check_edits(planned)
    begun = []
    for each in planned:
        if each.policy == "pin":
            continue
        versions = sorted({*each.versions, *([before] if before else [])} - {version})
        values = {
            "playbook": each.playbook,
            "version": version,
            "policy": each.policy,
            "from": versions,
            "at": at,
        }
        connection.execute(_SUPERSEDE, values)
        row = connection.execute(_BEGIN, values).fetchone()
        assert row is not None  # an insert always returns its row
        begun.append(int(row[0]))
    return begun
