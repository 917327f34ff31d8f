"""Journeys under way, and what becomes of them by the edited playbooks."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Literal

import psycopg

from engine.dispatch.versions import StoredVersions
from engine.edits.planned import PlannedEdit, planned_edits
from engine.edits.positions import Positions
from engine.language.rules import Rules
from engine.planning.report import Stand, UnderWay

Connection = psycopg.Connection[Any]
Places = Callable[[Collection[str]], Positions | None]
"""Tells where journeys of some playbooks stand; None where nobody can be asked."""
_COUNTS = """
select playbook, version, count(*) filter (where state = 'running'), count(*) filter (where state = 'held')
  from journeys where state in ('running', 'held') group by playbook, version order by playbook, version
"""
UNKNOWN = "where journeys under way stand is not known, as Temporal does not answer: apply asks it"


def edits_under_way(
    connection: Connection, versions: StoredVersions, old: Rules | None, new: Rules, places: Places
) -> tuple[Sequence[PlannedEdit], tuple[str, ...]]:
    """What the edits mean for journeys under way, and what is not known; only for `migrate` Temporal is asked."""
    planned = planned_edits(connection, old, new, versions=versions)
    moving = [each.playbook for each in planned if each.policy == "migrate" and each.running]
    if not moving:
        return planned, ()
    positions = places(moving)
    if positions is None:
        return planned, (UNKNOWN,)
    return planned_edits(connection, old, new, versions=versions, positions=positions), ()


def under_way(connection: Connection, new: Rules, planned: Sequence[PlannedEdit]) -> Iterator[UnderWay]:
    """By playbook and by what the new version means for the plan that they run by."""
    edited = {each.playbook: each for each in planned}
    found: dict[tuple[str, Literal["same", "edited", "removed"]], list[int]] = {}
    for playbook, version, running, held in connection.execute(_COUNTS):
        becomes = _becomes(playbook, version, new, edited.get(playbook))
        counts = found.setdefault((playbook, becomes), [0, 0])
        counts[0] += running
        counts[1] += held
    for (playbook, becomes), (running, held) in found.items():
        plan, edit = new.plan(playbook), edited.get(playbook) if becomes == "edited" else None
        stands = tuple(Stand(each.step, each.count, each.to, each.why) for each in (edit.positions if edit else ()))
        yield UnderWay(playbook, running, held, becomes, plan.controls.edits if plan else "pin", stands)


def _becomes(playbook: str, version: str, new: Rules, edit: PlannedEdit | None) -> Literal["same", "edited", "removed"]:
    if new.plan(playbook) is None:
        return "removed"
    return "edited" if edit is not None and version in edit.versions else "same"
