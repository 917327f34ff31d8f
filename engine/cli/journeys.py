"""`regulars journeys` and `regulars tasks`: what is under way and what people have to do."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.facts import console, opened, show
from engine.dispatch import outbox

journeys_app = typer.Typer(help="List journeys and show one.")
tasks_app = typer.Typer(help="List open tasks and close one.")

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
    state: Annotated[str | None, typer.Option(help="running, ended, stopped, failed or cancelled")] = None,
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
    show("journeys", ("workflow_id", "order", "customer", "state", "outcome", "started_at", "ended_at"), rows)


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
        failures = outbox.failures(connection, workflow_id)
    outcome = f": {found['outcome']}" if found["outcome"] else ""
    console.print(
        f"{workflow_id}: {found['state']}{outcome}; started {found['started_at']}, rules version {found['version']}"
    )
    for failure in failures:
        console.print(
            f"not told to Temporal yet ({failure.kind}, {failure.attempts} attempts, next {failure.not_before}):"
            f" {failure.error}"
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
