"""`regulars campaigns`: how far each has come, and pausing, killing and letting one go on."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from engine.campaigns.progress import Progress, read_progress, read_reasons
from engine.campaigns.runs import states
from engine.campaigns.wire import Counts
from engine.cli.acting import By, Reason, acting, hold, said
from engine.cli.facts import console, opened, show
from engine.cli.project import ProjectOption, find_project
from engine.journeys.campaign import Campaign
from engine.language.issues import did_you_mean
from engine.language.rules import load_rules
from engine.operations.controls import PlaybookAction, history_of_playbooks

app = typer.Typer(help="List campaigns and how far they have come; pause, kill and resume one.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The campaign.")]
_COLUMNS = ("campaign", "state", "wave", "next", "customers", "sent", "skipped", "held back", "failed", "to do")
_WAVES = ("wave", "begins", "ends", "sent", "skipped", "held back", "failed", "to do")


def register(main: typer.Typer) -> None:
    """Adds the command."""
    main.add_typer(app, name="campaigns")


@app.callback(invoke_without_command=True)
def campaigns(context: typer.Context, project: ProjectOption = None) -> None:
    """List campaigns: those of the rules, and those that have run."""
    if context.invoked_subcommand is None:
        list_campaigns(project)


@app.command("list")
def list_campaigns(project: ProjectOption = None) -> None:
    """List campaigns: those of the rules, and those that have run."""
    known = _rules(project)
    with opened(project) as connection:
        runs = {each.campaign: each for each in read_progress(connection)}
        held = _held(connection)
    names = sorted({*known, *runs})
    show("campaigns", _COLUMNS, [_row(name, known.get(name), runs.get(name), held) for name in names])


@app.command("show")
def show_campaign(name: Name, project: ProjectOption = None) -> None:
    """Show one campaign: its waves, why messages did not leave, and what people did to it."""
    known = _rules(project)
    with opened(project) as connection:
        run = next(iter(read_progress(connection, name)), None)
        reasons = read_reasons(connection, name)
        held, actions = _held(connection), history_of_playbooks(connection, name)
    campaign = known.get(name)
    if run is None and campaign is None:
        raise _unknown(name, known)
    row = _row(name, campaign, run, held)
    console.print(f"{name}: {row['state']}; {row['customers'] or 0} customers", markup=False, highlight=False)
    show("waves", _WAVES, _waves(campaign, run))
    if reasons:
        rows = [vars(each) for each in reasons]
        show("why not", ("wave", "state", "reason", "messages"), rows)
    if actions:
        show("actions", ("at", "action", "author", "reason"), actions)


@app.command()
def pause(name: Name, by: By, reason: Reason, project: ProjectOption = None) -> None:
    """Hold a campaign back: nothing of it is sent until it is resumed. A wave whose end passes meanwhile is over."""
    _do("pause", name, by, reason, project)


@app.command()
def kill(name: Name, by: By, reason: Reason, project: ProjectOption = None) -> None:
    """Stop a campaign for good: what has not left is not sent, and it does not run again."""
    _do("kill", name, by, reason, project)


@app.command()
def resume(name: Name, by: By, reason: Reason, project: ProjectOption = None) -> None:
    """Let a campaign go on that was paused."""
    _do("resume", name, by, reason, project)


def _do(action: PlaybookAction, name: str, by: str, reason: str, project: Any) -> None:  # noqa: ANN401 - the option
    author, why = said(by, "--by", "who does it"), said(reason, "--reason", "why")
    known = _rules(project)
    with acting(project) as connection:
        state = states(connection).get(name)
        if state is None and name not in known:
            raise _unknown(name, known)
        if state not in (None, "running"):
            raise typer.BadParameter(f"NAME: campaign {name!r} is over ({state}), expected one that is not")
        hold(connection, action, name, author, why)


def _unknown(name: str, known: Mapping[str, Campaign]) -> typer.BadParameter:
    hint = did_you_mean(name, known) or "`regulars campaigns` lists them"
    return typer.BadParameter(f"NAME: found {name!r}, expected a campaign ({hint})")


def _rules(project: Any) -> Mapping[str, Campaign]:  # noqa: ANN401 - the option
    found = find_project(project)
    return load_rules(found.rules).campaigns if found.rules.is_dir() else {}


def _held(connection: Any) -> dict[str, str]:  # noqa: ANN401 - of rows of either kind
    rows = connection.execute("select playbook, state, author from playbook_controls").fetchall()
    return {row["playbook"]: f"{row['state']} by {row['author']}" for row in rows}


def _row(name: str, campaign: Campaign | None, run: Progress | None, held: Mapping[str, str]) -> dict[str, Any]:
    holding = held.get("*") or held.get(name)
    state = _planned(campaign) if run is None else run.state
    state = holding if holding and (run is None or run.state == "running") else state
    following = _next(campaign, run)
    counts = {} if run is None else _counts(run.total)
    return dict.fromkeys(_COLUMNS) | {
        "campaign": name,
        "state": state,
        "wave": None if run is None else run.wave,
        "next": following,
        "customers": None if run is None else run.customers,
        **counts,
    }


def _planned(campaign: Campaign | None) -> str:
    """The state of a campaign that has not run."""
    if campaign is None:
        return "not in the rules"
    return "over before it began" if campaign.starts and campaign.over <= datetime.now(UTC) else campaign.status


def _next(campaign: Campaign | None, run: Progress | None) -> datetime | None:
    """When its next wave begins, if it will."""
    if campaign is None or not campaign.starts or (run is not None and run.state != "running"):
        return None
    now = datetime.now(UTC)
    return min((wave.at for wave in campaign.waves if wave.at > now), default=None)


def _counts(counts: Counts) -> dict[str, int]:
    return {
        "sent": counts.sent,
        "skipped": counts.skipped,
        "held back": counts.waiting,
        "failed": counts.failed,
        "to do": counts.planned,
    }


def _waves(campaign: Campaign | None, run: Progress | None) -> list[dict[str, Any]]:
    told = {} if run is None else run.waves
    known = {} if campaign is None else {wave.id: wave for wave in campaign.waves}
    return [
        {
            "wave": name,
            "begins": known[name].at if name in known else None,
            "ends": known[name].ends if name in known else None,
            **_counts(told.get(name, Counts())),
        }
        for name in dict.fromkeys((*known, *told))
    ]
