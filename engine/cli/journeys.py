"""`regulars journeys` and `regulars tasks`: what is under way or held, and what people have to do."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from psycopg.rows import tuple_row

from engine.cli.confirm import confirmed
from engine.cli.facts import console, opened, show
from engine.cli.rules import sound_rules
from engine.dispatch.held import HOW, discard, held, release
from engine.dispatch.versions import StoredVersions
from engine.facts.currency import reporting_currency
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.servers.project import Project as RulesOf

journeys_app = typer.Typer(help="List journeys, show one, release or discard those that are held.")
tasks_app = typer.Typer(help="List open tasks and close one.")

Yes = Annotated[int | None, typer.Option(help="How many, in place of typing it; another number does nothing.")]
Project = Annotated[Path | None, typer.Option(help="The project's directory.")]
Replay = Annotated[str | None, typer.Option(help="Look into this replay in place of the shop's own.")]

_JOURNEYS = """
select j.workflow_id, o.number as "order", c.key as customer, j.state, j.outcome, j.started_at, j.ended_at
  from journeys j join customers c on c.id = j.customer_id left join orders o on o.id = j.order_id
 where (%(state)s::text is null or j.state = %(state)s) and (%(order)s::text is null or o.number = %(order)s)
   and (%(customer)s::text is null or c.key = %(customer)s)
 order by j.started_at desc, j.id desc limit %(limit)s
"""
_STEPS = """
select m.step, m.channel, m.state, m.reason, m.at, m.until, m.template from messages m
  join journeys j on j.id = m.journey_id where j.workflow_id = %s order by m.at, m.id
"""
_TASKS = """
select key, team, title, opened_at, due_at, closed_at, closed_by from tasks
 where %(all)s or closed_at is null order by coalesce(due_at, opened_at), id
"""


def register(main: typer.Typer) -> None:
    """Adds the commands."""
    main.add_typer(journeys_app, name="journeys")
    main.add_typer(tasks_app, name="tasks")


@journeys_app.callback(invoke_without_command=True)
def journeys(
    context: typer.Context,
    project: Project = None,
    replay: Replay = None,
    state: Annotated[str | None, typer.Option(help="held, running, ended, stopped, failed or cancelled")] = None,
    order: Annotated[str | None, typer.Option(help="Only those of this order, by the shop's number.")] = None,
    customer: Annotated[str | None, typer.Option(help="Only those of this customer, by the shop's key.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, latest first.")] = 50,
) -> None:
    """List journeys, latest first."""
    if context.invoked_subcommand is not None:
        return
    with opened(project, replay) as connection:
        wanted = {"state": state, "order": order, "customer": customer, "limit": limit}
        rows = connection.execute(_JOURNEYS, wanted).fetchall()
        waiting = held(connection)
    show("journeys", ("workflow_id", "order", "customer", "state", "outcome", "started_at", "ended_at"), rows)

    if waiting:
        counts = ", ".join(f"{count:,} of {playbook}" for playbook, count in waiting.items())
        console.print(f"held, since they would start all at once: {counts}; {HOW}", soft_wrap=True)


@journeys_app.command("release")
def release_journeys(
    playbook: Annotated[str | None, typer.Argument(help="Only those of this playbook; default: of all.")] = None,
    yes: Yes = None,
    project: Project = None,
) -> None:
    """Start journeys that are held; one whose stop has come meanwhile ends without having begun."""
    rules = sound_rules(RulesOf.find(project))
    with opened(project) as connection:
        connection.row_factory = tuple_row  # type: ignore[assignment]  # what follows reads plain rows
        playbooks = _confirmed(connection, playbook, yes, "start")
        matcher = EventMatcher(load_contracts(), reporting_currency(connection, rules.policy.currency))
        done = release(connection, playbooks, datetime.now(UTC), matcher, StoredVersions())
    console.print(f"{done.started:,} journeys started, {done.stopped:,} ended: their stop had come meanwhile")


@journeys_app.command("discard")
def discard_journeys(
    playbook: Annotated[str | None, typer.Argument(help="Only those of this playbook; default: of all.")] = None,
    yes: Yes = None,
    project: Project = None,
) -> None:
    """Drop journeys that are held: they stay in the list as cancelled."""
    with opened(project) as connection:
        done = discard(connection, _confirmed(connection, playbook, yes, "discard"), datetime.now(UTC))
    console.print(f"{done:,} journeys discarded")


def _confirmed(connection: psycopg.Connection[Any], playbook: str | None, yes: int | None, what: str) -> list[str]:
    """The playbooks whose held journeys are meant, once their number has been confirmed."""
    waiting = {name: count for name, count in held(connection).items() if playbook in (None, name)}
    total = sum(waiting.values())
    if not total:
        whose = f" of {playbook}" if playbook else ""
        console.print(f"no journeys{whose} are held")
        raise typer.Exit
    if not confirmed(what, total, yes):
        raise typer.Exit(1)
    return list(waiting)


@journeys_app.command("show")
def show_journey(
    workflow_id: Annotated[str, typer.Argument(help="As the list and the Temporal UI show it.")],
    project: Project = None,
    replay: Replay = None,
) -> None:
    """Show one journey with its messages."""
    with opened(project, replay) as connection:
        found = connection.execute("select * from journeys where workflow_id = %s", (workflow_id,)).fetchone()
        if found is None:
            raise typer.BadParameter(f"there is no journey {workflow_id!r}; `regulars journeys` lists them")
        steps = connection.execute(_STEPS, (workflow_id,)).fetchall()
    outcome = f": {found['outcome']}" if found["outcome"] else ""
    console.print(
        f"{workflow_id}: {found['state']}{outcome}; started {found['started_at']}, rules version {found['version']}"
    )
    show("messages", ("step", "channel", "state", "reason", "at", "until", "template"), steps)


@tasks_app.callback(invoke_without_command=True)
def tasks(
    context: typer.Context,
    project: Project = None,
    replay: Replay = None,
    closed: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
) -> None:
    """List open tasks, the most urgent first."""
    if context.invoked_subcommand is not None:
        return
    with opened(project, replay) as connection:
        rows = connection.execute(_TASKS, {"all": closed}).fetchall()
    show("tasks", ("key", "team", "title", "opened_at", "due_at", "closed_at", "closed_by"), rows)


@tasks_app.command("close")
def close_task(
    key: Annotated[str, typer.Argument(help="The task's key, as the list shows it.")],
    by: Annotated[str, typer.Option(help="Who closes it.")],
    project: Project = None,
) -> None:
    """Close a task."""
    with opened(project) as connection:
        row = connection.execute(
            "update tasks set closed_at = now(), closed_by = %s where key = %s and closed_at is null returning id",
            (by, key),
        ).fetchone()
    if row is None:
        raise typer.BadParameter(f"{key!r} is not an open task; `regulars tasks` lists them")
    console.print(f"{key}: closed by {by}")
