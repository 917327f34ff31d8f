"""Journeys under way, and what becomes of them by the edited playbooks."""

from collections.abc import Iterator
from typing import Any, Literal

import psycopg

from engine.dispatch.versions import StoredVersions
from engine.journeys.plan import Plan as Playbook
from engine.language.rules import Rules
from engine.planning.report import UnderWay

Connection = psycopg.Connection[Any]
_COUNTS = """
select playbook, version, count(*) filter (where state = 'running'), count(*) filter (where state = 'held')
  from journeys where state in ('running', 'held') group by playbook, version order by playbook, version
"""


def under_way(connection: Connection, versions: StoredVersions, new: Rules) -> Iterator[UnderWay]:
    """By playbook and by what the new version means for the plan that they run by."""
    found: dict[tuple[str, Literal["same", "edited", "removed"]], list[int]] = {}
    for playbook, version, running, held in connection.execute(_COUNTS):
        becomes = _becomes(_plan(connection, versions, version, playbook), new.plan(playbook))
        counts = found.setdefault((playbook, becomes), [0, 0])
        counts[0] += running
        counts[1] += held
    for (playbook, becomes), (running, held) in found.items():
        plan = new.plan(playbook)
        yield UnderWay(playbook, running, held, becomes, plan.controls.edits if plan else "pin")


def _plan(connection: Connection, versions: StoredVersions, version: str, playbook: str) -> Playbook | None:
    return versions.find(connection, version, playbook)


def _becomes(before: Playbook | None, after: Playbook | None) -> Literal["same", "edited", "removed"]:
    if after is None:
        return "removed"
    if before is None:
        return "edited"
    same = before.model_copy(update={"version": ""}) == after.model_copy(update={"version": ""})
    return "same" if same else "edited"
