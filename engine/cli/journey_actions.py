"""`regulars journeys pause`, `resume` and `cancel`: one journey, several, or all that are chosen."""

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, get_args

import psycopg
import typer

from engine.cli.acting import By, Reason, acting, said
from engine.language.issues import did_you_mean
from engine.operations.controls import JourneyAction, Order, Selection, State, act, outstanding
from engine.servers.progress import Paced

_MISSING = 3
_DONE = {"pause": "paused", "resume": "resumed", "cancel": "cancelled"}
_LOOK = 0.2

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]…", help="Journeys, as the list shows them.")]
Playbook = Annotated[str | None, typer.Option("--playbook", help="All journeys under way of this playbook.")]
InState = Annotated[str | None, typer.Option("--state", help="Of those only the ones running, waiting or paused.")]
All = Annotated[bool, typer.Option("--all", help="All journeys under way.")]
ProjectDirectory = Annotated[Path | None, typer.Option("--project", help="The project's directory.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command("pause")(pause)
    app.command("resume")(resume)
    app.command("cancel")(cancel)


def pause(
    by: By,
    reason: Reason,
    journeys: Ids = None,
    playbook: Playbook = None,
    state: InState = None,
    every: All = False,
    project: ProjectDirectory = None,
) -> None:
    """Hold journeys back: from now on they send nothing; what comes due waits until they are resumed."""
    _act(_order("pause", by, reason), _selection(journeys, playbook, state, every), project)


def resume(
    by: By,
    reason: Reason,
    journeys: Ids = None,
    playbook: Playbook = None,
    state: InState = None,
    every: All = False,
    project: ProjectDirectory = None,
) -> None:
    """Let paused journeys go on."""
    _act(_order("resume", by, reason), _selection(journeys, playbook, state, every), project)


def cancel(  # noqa: PLR0913, PLR0917 - each is an option
    by: By,
    reason: Reason,
    journeys: Ids = None,
    playbook: Playbook = None,
    state: InState = None,
    every: All = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for what is being sent just now.")] = 30.0,
    project: ProjectDirectory = None,
) -> None:
    """End journeys: nothing of theirs is sent any more. Waits until what is being sent just now is on record.

    Ends with 3 if that is not known in time, for example because no worker runs; the journeys are cancelled all the
    same.
    """
    done = _act(_order("cancel", by, reason), _selection(journeys, playbook, state, every), project)
    if done and not _recorded(done, project, wait):
        raise typer.Exit(_MISSING)


def _order(action: JourneyAction, by: str, reason: str) -> Order:
    return Order(action, said(by, "--by", "who does it"), said(reason, "--reason", "why"))


def _selection(journeys: Sequence[str] | None, playbook: str | None, state: str | None, every: bool) -> Selection:
    if state is not None and state not in get_args(State):
        raise typer.BadParameter(f"--state: found {state!r}, expected one of {', '.join(get_args(State))}")
    if bool(journeys) + (playbook is not None) + every != 1:
        raise typer.BadParameter("found no or several choices of journeys, expected IDs, --playbook NAME or --all")
    chosen: State | None = state  # type: ignore[assignment]  # it is one of them
    return Selection(tuple(journeys) if journeys else None, playbook, chosen)


def _act(order: Order, selection: Selection, project: Path | None) -> list[int]:
    """Batch by batch, each committed by itself: interrupted, the same command again does the rest."""
    done: list[int] = []
    paced, after = Paced(2), 0
    with acting(project) as connection:
        _expect(connection, selection)
        while True:
            batch, last = act(connection, order, selection, datetime.now(UTC), after)
            connection.commit()
            done += batch
            if last is None:
                break
            after = last
            paced.say(f"{len(done)} journeys {_DONE[order.action]}")
    sys.stdout.write(f"{len(done)} journey{'' if len(done) == 1 else 's'} {_DONE[order.action]} by {order.author}\n")
    return done


def _expect(connection: psycopg.Connection[Any], selection: Selection) -> None:
    """That what is named is there: a mistyped name must not look like nothing to do."""
    for workflow_id in selection.ids or ():
        row = connection.execute("select state from journeys where workflow_id = %s", (workflow_id,)).fetchone()
        if row is None:
            raise typer.BadParameter(f"there is no journey {workflow_id!r}; `regulars journeys` lists them")
        if row[0] != "running":
            raise typer.BadParameter(f"journey {workflow_id!r} is {row[0]}, expected one that is under way")
    if selection.playbook is not None:
        known = [row[0] for row in connection.execute("select distinct playbook from journeys")]
        if selection.playbook not in known:
            hint = did_you_mean(selection.playbook, known) or "`regulars playbooks` lists them"
            raise typer.BadParameter(f"--playbook: found {selection.playbook!r}, which has no journeys ({hint})")


def _recorded(journeys: list[int], project: Path | None, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    paced = Paced(5)
    with acting(project) as connection:
        while True:
            connection.commit()  # so that each look sees what has come meanwhile
            open_ = outstanding(connection, journeys)
            if not (open_.untold or open_.sending):
                return True
            if time.monotonic() > deadline:
                sys.stderr.write(
                    f"nothing more will be sent; but Temporal has not been told yet of {open_.untold} and"
                    f" {open_.sending} have a message of which nothing is heard (does a worker run?)\n"
                )
                return False
            paced.say("waiting for what is being sent just now")
            time.sleep(_LOOK)
