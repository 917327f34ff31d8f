"""`regulars journeys edits`: how many journeys under way have followed edits of their playbooks."""

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.facts import Connection, opened, show

Playbook = Annotated[str | None, typer.Option(help="Only those of this playbook.")]
Pinned = Annotated[bool, typer.Option("--pinned", help="The journeys that stayed where they were, and why.")]
Directory = Annotated[Path | None, typer.Option("--project", help="The project's directory.")]
Limit = Annotated[int, typer.Option(help="At most so many, latest first.")]

_EDITS = """
select e.id, e.playbook, e.policy, left(e.version, 8) as version, e.state, e.begun_at, e.ended_at,
       coalesce((select string_agg(c.count || ' ' || c.state, ', ' order by c.state)
                   from (select t.state, count(*) from journey_edits t where t.edit_id = e.id group by 1) c), '')
           as journeys
  from edits e where e.playbook = coalesce(%(playbook)s, e.playbook) order by e.id desc limit %(limit)s
"""
_PINNED = """
select j.workflow_id, left(t.from_version, 8) as version, t.state, t.step, t.why, t.at
  from journey_edits t join edits e on e.id = t.edit_id join journeys j on j.id = t.journey_id
 where t.state in ('pinned', 'lost') and e.playbook = coalesce(%(playbook)s, e.playbook)
 order by t.at desc, t.journey_id limit %(limit)s
"""
_OF_JOURNEY = """
select e.policy, e.version, t.from_version, t.state, t.step, t.to_step, t.why, t.at
  from journey_edits t join edits e on e.id = t.edit_id where t.journey_id = %s order by e.id
"""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("edits")(list_edits)


def list_edits(playbook: Playbook = None, pinned: Pinned = False, project: Directory = None, limit: Limit = 50) -> None:
    """List edits of playbooks with journeys under way, and how many of these have followed."""
    with opened(project) as connection:
        rows = connection.execute(_PINNED if pinned else _EDITS, {"playbook": playbook, "limit": limit}).fetchall()
    if pinned:
        show("journeys that did not follow", ("workflow_id", "version", "state", "step", "why", "at"), rows)
    else:
        columns = ("id", "playbook", "policy", "version", "state", "begun_at", "ended_at", "journeys")
        show("edits", columns, rows)


def of_journey(connection: Connection, journey: int) -> list[str]:
    """What a journey did about edits, a line for each."""
    rows = connection.execute(_OF_JOURNEY, (journey,)).fetchall()
    return [_line(row) for row in rows]


def _line(row: dict[str, Any]) -> str:
    before, after = row["from_version"][:8], row["version"][:8]
    match row["state"]:
        case "migrated":
            way = f"from {row['step']} to {row['to_step']}"
            return f"since {row['at']} by rules version {after}, before by {before}: {way}"
        case "replaced":
            return f"begins by rules version {after} in place of {before}, since {row['at']}"
        case "drained":
            return f"ended at {row['step']} by the edit {after}, at {row['at']}"
        case "pinned":
            return f"does not follow the edit {after}: at {row['step']}: {row['why']}"
        case "open" | "told":
            return f"is to follow the edit {after} ({row['policy']}) when it waits again"
        case _:
            return f"did not follow the edit {after}: {row['state']}"
