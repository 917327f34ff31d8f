"""`regulars journeys` and `regulars tasks`: what is under way, what people do to it and what they have to do."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli import held_journeys, journey_actions, journey_edits
from engine.cli.facts import console, opened, show
from engine.dispatch import outbox
from engine.dispatch.held import HOW, held
from engine.operations.controls import history_of_journey

journeys_app = typer.Typer(help="List journeys and show one.")
tasks_app = typer.Typer(help="List open tasks and close one.")

Project = Annotated[Path | None, typer.Option(help="The project's directory.")]
Replay = Annotated[str | None, typer.Option(help="Look into this replay in place of the shop's own.")]

# A journey that is paused is still running: it waits, and goes on afterwards. Customers of campaigns are listed
# where one asks for the campaign or for the customer.
_JOURNEYS = """
select j.workflow_id, o.number as "order", c.key as customer,
       case when j.state = 'running' and j.paused_at is not null then 'paused' else j.state end as state,
       j.outcome, left(j.version, 8) as version, j.started_at, j.ended_at
  from journeys j join customers c on c.id = j.customer_id left join orders o on o.id = j.order_id
 where (%(state)s::text is null or j.state = case %(state)s when 'paused' then 'running' else %(state)s end)
   and (%(state)s is distinct from 'paused' or j.paused_at is not null)
   and (%(playbook)s::text is null or j.playbook = %(playbook)s)
   and (%(order)s::text is null or o.number = %(order)s)
   and (%(customer)s::text is null or c.key = %(customer)s)
   and (%(customer)s::text is not null or %(playbook)s::text is not null
        or not exists (select from campaign_runs r where r.campaign = j.playbook))
 order by j.started_at desc, j.id desc limit %(limit)s
"""
_STEPS = """
select m.step, m.channel, m.state, m.reason, m.at, m.until, m.template from messages m
  join journeys j on j.id = m.journey_id where j.workflow_id = %s order by m.at, m.id
"""
# An activity of the project's own is named as rules name it. What it answered may name a person and stays away.
_CALLS = """
select c.step, regexp_replace(c.activity, '^call/', '') as activity, c.state, c.reason, c.at, c.attempts from calls c
  join journeys j on j.id = c.journey_id where j.workflow_id = %s order by c.at, c.id
"""
_TASKS_OF_ONE = """
select t.task, t.team, t.title, t.opened_at, t.due_at, t.closed_at, t.closed_by from tasks t
  join journeys j on j.id = t.journey_id where j.workflow_id = %s order by t.opened_at, t.id
"""
_TASKS = """
select key, team, title, opened_at, due_at, closed_at, closed_by from tasks
 where %(all)s or closed_at is null order by coalesce(due_at, opened_at), id
"""


_STATES = ("held", "running", "paused", "ended", "stopped", "failed", "cancelled")

State = Annotated[str | None, typer.Option(help="held, running, paused, ended, stopped, failed or cancelled")]
Playbook = Annotated[str | None, typer.Option(help="Only those of this playbook.")]
Number = Annotated[str | None, typer.Option("--order", help="Only those of this order, by the shop's number.")]
Customer = Annotated[str | None, typer.Option(help="Only those of this customer, by the shop's key.")]
Limit = Annotated[int, typer.Option(help="At most so many, latest first.")]


def register(main: typer.Typer) -> None:
    """Adds the commands."""
    journey_actions.register(journeys_app)
    held_journeys.register(journeys_app)
    journey_edits.register(journeys_app)
    main.add_typer(journeys_app, name="journeys")
    main.add_typer(tasks_app, name="tasks")


@journeys_app.callback(invoke_without_command=True)
def journeys(  # noqa: PLR0913, PLR0917 - each is an option
    context: typer.Context,
    project: Project = None,
    replay: Replay = None,
    state: State = None,
    playbook: Playbook = None,
    order: Number = None,
    customer: Customer = None,
    limit: Limit = 50,
) -> None:
    """List journeys, latest first."""
    if context.invoked_subcommand is None:
        list_journeys(project, replay, state, playbook, order, customer, limit)


@journeys_app.command("list")
def list_journeys(
    project: Project = None,
    replay: Replay = None,
    state: State = None,
    playbook: Playbook = None,
    order: Number = None,
    customer: Customer = None,
    limit: Limit = 50,
) -> None:
    """List journeys, latest first."""
    if state not in (None, *_STATES):
        raise typer.BadParameter(f"--state: found {state!r}, expected one of {', '.join(_STATES)}")
    with opened(project, replay) as connection:
        wanted = {"state": state, "playbook": playbook, "order": order, "customer": customer, "limit": limit}
        rows = connection.execute(_JOURNEYS, wanted).fetchall()
        waiting = held(connection)
    columns = ("workflow_id", "order", "customer", "state", "outcome", "version", "started_at", "ended_at")
    show("journeys", columns, rows)
    if waiting:
        counts = ", ".join(f"{count:,} of {name}" for name, count in waiting.items())
        console.print(f"held, since they would start all at once: {counts}; {HOW}", soft_wrap=True)


@journeys_app.command("show")
def show_journey(
    workflow_id: Annotated[str, typer.Argument(help="As the list and the Temporal UI show it.")],
    project: Project = None,
    replay: Replay = None,
) -> None:
    """Show one journey with its messages, calls and tasks, and what people did to it."""
    with opened(project, replay) as connection:
        found = connection.execute("select * from journeys where workflow_id = %s", (workflow_id,)).fetchone()
        if found is None:
            raise typer.BadParameter(f"there is no journey {workflow_id!r}; `regulars journeys` lists them")
        steps, calls, opened_tasks = (
            connection.execute(query, (workflow_id,)).fetchall() for query in (_STEPS, _CALLS, _TASKS_OF_ONE)
        )
        actions = history_of_journey(connection, found["id"])
        failures = outbox.failures(connection, workflow_id)
        edits = journey_edits.of_journey(connection, found["id"])
    outcome = f": {found['outcome']}" if found["outcome"] else ""
    console.print(
        f"{workflow_id}: {found['state']}{outcome}; started {found['started_at']}, rules version {found['version']}"
    )
    if found["state"] == "running" and found["paused_at"] is not None:
        console.print(
            f"paused by {found['paused_by']} since {found['paused_at']}: {found['pause_reason']}", markup=False
        )
    for edit in edits:
        console.print(edit, markup=False, soft_wrap=True)
    for failure in failures:
        console.print(
            f"not told to Temporal yet ({failure.kind}, {failure.attempts} attempts, next {failure.not_before}):"
            f" {failure.error}"
        )
    show("messages", ("step", "channel", "state", "reason", "at", "until", "template"), steps)
    if calls:
        show("calls", ("step", "activity", "state", "reason", "at", "attempts"), calls)
    if opened_tasks:
        show("tasks", ("task", "team", "title", "opened_at", "due_at", "closed_at", "closed_by"), opened_tasks)
    if actions:
        show("actions", ("at", "action", "author", "reason"), actions)


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
