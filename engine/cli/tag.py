"""`regulars tag`: gives a customer a tag by hand, with an author and perhaps an end, and takes it away."""

from collections.abc import Sequence
from typing import Annotated

import typer

from engine.calendar.durations import Duration
from engine.cli.project import ProjectOption, find_project
from engine.cli.standing import Opened, opened_standing, output_console
from engine.dispatch.hand_tags import give, take
from engine.dispatch.match import Matcher
from engine.explain.answer import told_change
from engine.explain.customers import Customer, UnknownCustomerError, find_customer
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.language.issues import did_you_mean
from engine.standing.decide import Change

app = typer.Typer(help="Give a customer a tag by hand, or take it away.", no_args_is_help=True)
Who = Annotated[str, typer.Argument(help="The shop's name of the customer, or our number.", metavar="CUSTOMER")]
Tag = Annotated[str, typer.Argument(help="A tag that the rules know.", metavar="TAG")]
Author = Annotated[str, typer.Option("--by", help="Who gives or takes it.")]


def register(main: typer.Typer) -> None:
    """Adds the command."""
    main.add_typer(app, name="tag")


@app.command()
def add(
    customer: Who,
    tag: Tag,
    by: Author,
    expires: Annotated[
        str | None, typer.Option("--expires", help="How long it is kept, such as 30d; default: until taken away.")
    ] = None,
    project: ProjectOption = None,
) -> None:
    """Give a tag. The customer is judged anew at once, and journeys that start by it start."""
    lasting = _lasting(expires)
    with opened_standing(find_project(project)) as opened:
        who, author = _who(opened, customer), _author(by)
        known = _known(opened, tag)
        ends = None if lasting is None else lasting.delta
        changed = give(opened.connection, _matcher(opened), who.id, known, author, opened.now, ends)
    until = "" if lasting is None else f" for {lasting}"
    output_console().print(f"{who.key} has the tag {tag}{until}, given by {author}", markup=False)
    _tell(changed)


@app.command()
def remove(customer: Who, tag: Tag, by: Author, project: ProjectOption = None) -> None:
    """Take a tag away that was given by hand; one that the rules give stays while its condition holds."""
    with opened_standing(find_project(project)) as opened:
        who, author = _who(opened, customer), _author(by)
        try:
            changed = take(opened.connection, _matcher(opened), who.id, tag, author, opened.now)
        except LookupError:
            raise typer.BadParameter(
                f"TAG: found {tag!r}, expected a tag that {who.key} has by hand"
                f" (`regulars explain {who.key}` shows what there is)"
            ) from None
    output_console().print(f"{who.key}: the tag {tag} was taken away by {author}", markup=False)
    _tell(changed)


def _lasting(text: str | None) -> Duration | None:
    if text is None:
        return None
    try:
        lasting = Duration.parse(text)
    except ValueError:
        raise typer.BadParameter(f"--expires: found {text!r}, expected a duration such as 30d, 4h or 6mo") from None
    if lasting.seconds <= 0:
        raise typer.BadParameter(f"--expires: found {text!r}, expected a duration of more than nothing")
    return lasting


def _author(by: str) -> str:
    if not by.strip():
        raise typer.BadParameter("--by: found nothing, expected who gives or takes the tag")
    return by.strip()


def _who(opened: Opened, customer: str) -> Customer:
    try:
        return find_customer(opened.connection, customer)
    except UnknownCustomerError as error:
        raise typer.BadParameter(f"CUSTOMER: {error.args[0]}") from None


def _known(opened: Opened, tag: str) -> str:
    known = sorted({*(each.name for each in opened.rules.standing.tags), *opened.rules.hand_tags})
    if tag in known:
        return tag
    hint = did_you_mean(tag, known) or "declare it in the rules: tags with `by_hand: true` are given by people alone"
    raise typer.BadParameter(f"TAG: found {tag!r}, expected a tag of the rules ({hint})")


def _matcher(opened: Opened) -> Matcher:
    events = EventMatcher(load_contracts(), opened.standings.currency)
    return Matcher(opened.rules, opened.standings.versions, events)


def _tell(changed: Sequence[Change]) -> None:
    for each in changed:
        output_console().print(f"  {told_change(each.kind, each.before, each.after)}", markup=False)
