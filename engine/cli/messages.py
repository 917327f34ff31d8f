"""`regulars messages`: what was sent, skipped, held back or is in doubt; one explained; settling a doubt."""

from pathlib import Path
from typing import Annotated

import typer
from psycopg.rows import tuple_row

from engine.cli.facts import console, opened, show
from engine.dispatch.versions import StoredVersions
from engine.messages.story import find_story
from engine.messages.story_text import tell

app = typer.Typer(help="List messages; settle those of which nobody knows whether they left.")

_COLUMNS = ("key", "state", "reason", "at", "until", "template", "attempts")
_LIST = """
select key, state, reason, at, until, template, attempts from messages
 where (%(state)s::text is null or state = %(state)s) order by at desc, id desc limit %(limit)s
"""
Project = Annotated[Path | None, typer.Option(help="The project's directory.")]
Replay = Annotated[str | None, typer.Option(help="Look into this replay in place of the shop's own messages.")]


def register(main: typer.Typer) -> None:
    """Adds the command."""
    main.add_typer(app, name="messages")


@app.callback(invoke_without_command=True)
def messages(
    context: typer.Context,
    project: Project = None,
    replay: Replay = None,
    in_doubt: Annotated[bool, typer.Option("--in-doubt", help="Only those in doubt.")] = False,
    state: Annotated[str | None, typer.Option(help="Only those in this state, such as sent or skipped.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many, latest first.")] = 50,
) -> None:
    """List messages, latest first."""
    if context.invoked_subcommand is not None:
        return
    wanted = "in_doubt" if in_doubt else state
    with opened(project, replay) as connection:
        rows = connection.execute(_LIST, {"state": wanted, "limit": limit}).fetchall()
    show(f"messages{' ' + wanted.replace('_', ' ') if wanted else ''}", _COLUMNS, rows)


@app.command("show")
def show_message(
    key: Annotated[str, typer.Argument(help="The message's key, as the list shows it.")],
    project: Project = None,
    replay: Replay = None,
) -> None:
    """Explain one message end to end: what asked for it, what was decided and why, what came back, what comes next."""
    with opened(project, replay) as connection:
        connection.row_factory = tuple_row  # type: ignore[assignment]  # what reads the rules takes rows by place
        story = find_story(connection, key)
        if story is None:
            raise typer.BadParameter(f"there is no message {key!r}; `regulars messages` lists them")
        try:
            rules = StoredVersions().get(connection, story.message.version)
            plan, policy = rules.plan(story.message.playbook), rules.policy
        except LookupError:
            plan = policy = None
    for line in tell(story, plan, policy, by_clock=replay is None):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


@app.command()
def settle(
    key: Annotated[str, typer.Argument(help="The message's key, as the list shows it.")],
    sent: Annotated[bool, typer.Option("--sent/--not-sent", help="What you found out at the provider's.")],
    by: Annotated[str, typer.Option(help="Who settles it.")],
    project: Project = None,
) -> None:
    """Say of a message in doubt whether it left. One that did not is recorded as failed and is not sent again."""
    with opened(project) as connection:
        row = connection.execute(
            """update messages set state = %s, reason = %s, settled_by = %s, updated_at = now()
                where key = %s and state = 'in_doubt' returning id""",
            ("sent" if sent else "failed", None if sent else "settled_as_not_sent", by, key),
        ).fetchone()
    if row is None:
        raise typer.BadParameter(f"{key!r} is not a message in doubt; `regulars messages --in-doubt` lists them")
    console.print(f"{key}: {'sent' if sent else 'not sent'}, settled by {by}")
