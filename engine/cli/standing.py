"""Opens facts and rules together for commands that ask about standing."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console

from engine.cli.database import Database
from engine.cli.instants import read_instant
from engine.cli.rules import sound_rules
from engine.cli.rules_in_force import judging_by
from engine.dispatch.standing import Standings
from engine.dispatch.versions import StoredVersions
from engine.facts.currency import CurrencyUnclearError, reporting_currency
from engine.facts.pool import connect
from engine.language.rules import Rules
from engine.replay.prepare import shop_zone
from engine.servers.project import Project

Working = Annotated[bool, typer.Option("--working", help="By the working files, not by the rules in force.")]

_WRONG = 1
_WIDE = 200


def output_console() -> Console:
    """Where results go: lines are never broken, and tables are whole also in a pipe."""
    width = None if sys.stdout.isatty() else _WIDE
    return Console(highlight=False, soft_wrap=True, width=width)


@dataclass(frozen=True)
class Opened:
    """A connection in a transaction that commits at the end, and the rules to judge by, compiled."""

    project: Project
    url: str
    connection: psycopg.Connection[Any]
    rules: Rules
    standings: Standings
    now: datetime

    def instant(self, as_of: str | None) -> datetime:
        """The instant that `--as-of` names; now without it.

        Raises:
            typer.BadParameter: it is no instant, or lies ahead.
        """
        if as_of is None:
            return self.now
        instant = read_instant(as_of, shop_zone(self.connection, self.rules.policy.zone), "--as-of")
        if instant > self.now:
            raise typer.BadParameter(f"--as-of: found {as_of}, which lies ahead, expected a past instant")
        return instant


@contextmanager
def opened_standing(project: Project, *, working: bool = False) -> Iterator[Opened]:
    """Opens the project's facts, and the rules in force once any were applied; before, the project's own.

    Args:
        project: the project.
        working: by the working files, whatever is in force.

    Raises:
        typer.Exit: shops have several currencies and the policy names none; the message has been written.
    """
    url = Database.of(project).url
    own = sound_rules(project)
    with connect(url) as connection:
        rules = own if working else judging_by(connection, own)
        try:
            currency = reporting_currency(connection, rules.policy.currency)
        except CurrencyUnclearError as error:
            sys.stderr.write(f"{error}\n")
            raise typer.Exit(_WRONG) from None
        versions = StoredVersions({rules.version: rules})
        yield Opened(project, url, connection, rules, Standings(rules, versions, currency), datetime.now(UTC))
