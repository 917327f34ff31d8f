"""`regulars explain`: why a customer is what the rules say, why not, and when it will change."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

import typer
from rich.console import Console

from engine.cli.project import ProjectOption, find_project
from engine.cli.standing import Working, opened_standing
from engine.explain import text
from engine.explain.answer import Explainer
from engine.explain.customers import UnknownCustomerError, find_customer, read_case
from engine.explain.proof import Explained, Overview, to_json
from engine.explain.subject import UnknownRuleError


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("explain")(explain)


def explain(
    customer: Annotated[str, typer.Argument(help="The shop's name of the customer, or our number.")],
    rule: Annotated[
        str | None,
        typer.Argument(
            help="A segment, tag, stage, tier, RFM group or attribute; `tier/vip` where several kinds have the name. "
            "Without it: the whole standing in short."
        ),
    ] = None,
    why_not: Annotated[
        bool, typer.Option("--why-not", help="The smallest set of clauses that would have to turn.")
    ] = False,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="A past instant, in the shop's zone: nothing later is known.")
    ] = None,
    output: Annotated[Literal["text", "json"], typer.Option("--format", help="For people, or for machines.")] = "text",
    working: Working = False,
    project: ProjectOption = None,
) -> None:
    """Explain why a customer has a standing: each clause, its value, the facts behind it, and when it will change."""
    if why_not and rule is None:
        raise typer.BadParameter("--why-not: found no rule, expected the name of a segment, tag, stage, tier or group")
    with opened_standing(find_project(project), working=working) as opened, _mistakes():
        at = opened.instant(as_of)
        who = find_customer(opened.connection, customer)
        case = read_case(opened.connection, opened.standings, who, at, past=as_of is not None)
        explainer = Explainer(opened.rules, opened.standings.catalogue, opened.standings.judge)
        told = explainer.overview(case) if rule is None else explainer.explain(case, rule, why_not=why_not)
    _print(told, output)


@contextmanager
def _mistakes() -> Iterator[None]:
    """What the operator named and nobody knows ends the command with its message."""
    try:
        yield
    except (UnknownCustomerError, UnknownRuleError) as error:
        what = "CUSTOMER" if isinstance(error, UnknownCustomerError) else "RULE"
        raise typer.BadParameter(f"{what}: {error.args[0]}") from None


def _print(told: Explained | Overview, output: str) -> None:
    if output == "json":
        sys.stdout.write(json.dumps(to_json(told), indent=2, ensure_ascii=False) + "\n")
        return
    clock = text.Clock(told.decided.zone)
    words = text.overview(told, clock) if isinstance(told, Overview) else text.explained(told, clock)
    Console(highlight=False, soft_wrap=True).print(words)
