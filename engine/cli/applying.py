"""Puts planned rules in force, for `apply` and `rollback`: the question, the transaction, and what follows."""

import getpass
import subprocess
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Literal

import typer

from engine.cli.acting import said
from engine.cli.database import Database
from engine.cli.evaluate import told_progress
from engine.cli.planned import Before, plan_of, write
from engine.cli.rules_in_force import WrongVersionError
from engine.dispatch.held import HOW
from engine.dispatch.in_force import MovedOnError, Row, Succession
from engine.edits.begin import EditRefusedError, check_edits
from engine.edits.positions import Positions, read_positions
from engine.evaluation.settle import Settled, Settling
from engine.language.rules import Rules
from engine.planning.make import Made
from engine.planning.publish import put_in_force
from engine.planning.report import Plan
from engine.servers.need import need
from engine.servers.project import Project

_DONE = {"apply": "applied", "rollback": "rolled back to"}


@dataclass(frozen=True)
class Wanted:
    """What was asked for on the command line. `yes`: no question; `count`: the number that would have to be typed."""

    how: Literal["apply", "rollback"]
    author: str
    reason: str
    start_existing: bool
    yes: bool
    count: int | None
    expect: str | None = None


def author(project: Project, by: str | None) -> str:
    """Who does it: as told, else as Git knows the person, else as the system does."""
    if by is not None:
        return said(by, "--by", "who does it")
    try:
        done = subprocess.run(  # noqa: S603 -- git, with arguments of our own
            ["git", "-C", str(project.root), "config", "user.name"],  # noqa: S607 -- the user's own git
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        name = done.stdout.strip()
    except FileNotFoundError:
        name = ""
    return name or _system_user()


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"


def carry_out(project: Project, database: Database, before: Before, rules: Rules, what: str, wanted: Wanted) -> None:
    """Plans, asks, puts the rules in force, and judges everybody whom they concern.

    Raises:
        typer.Exit: the person did not want it; nothing has been changed.
        WrongVersionError: another version is in force than was expected.
    """
    if wanted.expect is not None:
        _expected(before.row, wanted.expect)
    if before.row is not None and before.row.version == rules.version:
        sys.stdout.write(f"version {rules.version} is in force already\n")
        _settle(database)
        return
    made = plan_of(database, before, rules, what, partial(_places, project))
    write(made.plan, "text")
    _check_edits(made)
    if not _wanted(made.plan, before.rules, rules, wanted):
        raise typer.Exit(1)
    row = _put_in_force(database, before, rules, made, wanted)
    sys.stdout.write(f"version {row.version} is in force, {_DONE[wanted.how]} by {row.author}\n")
    sys.stdout.flush()
    _settle(database)


def _places(project: Project, playbooks: Collection[str]) -> Positions:
    """Where journeys under way stand: what has no place for them is not applied, so that Temporal is needed here."""
    need(project, temporal=True)
    return read_positions(playbooks)


def _expected(row: Row | None, expect: str) -> None:
    if row is None or not row.version.startswith(expect):
        raise _moved_on(MovedOnError(expect, row))


def _moved_on(error: MovedOnError) -> WrongVersionError:
    hint = "what was planned is no longer what would happen: `regulars plan` shows what is"
    return WrongVersionError("version-moved-on", f"{error}; nothing has been changed", hint)


def _check_edits(made: Made) -> None:
    """Refuses what would leave journeys under way without a place."""
    try:
        check_edits(made.edits)
    except EditRefusedError as error:
        sys.stderr.write(f"{error}\nnothing has been changed\n")
        raise typer.Exit(1) from None


def _put_in_force(database: Database, before: Before, rules: Rules, made: Made, wanted: Wanted) -> Row:
    after = Succession(
        version=rules.version,
        follows=before.row,
        how=wanted.how,
        author=wanted.author,
        reason=wanted.reason,
        start_existing=wanted.start_existing,
        changing=made.plan.changing,
        settled=not made.plan.groups and not (wanted.start_existing and made.plan.journeys),
    )
    try:
        return put_in_force(database.url, rules, after, made, datetime.now(UTC))
    except MovedOnError as error:
        raise _moved_on(error) from None


# --- asking -------------------------------------------------------------------------------------------------------


def _wanted(plan: Plan, old: Rules | None, new: Rules, wanted: Wanted) -> bool:
    """Whether the person means it; says on standard error why not."""
    if _needs_count(plan, old, new):
        return _counted(plan, wanted)
    if wanted.yes:
        return True
    if not sys.stdin.isatty():
        sys.stderr.write("nothing was done: expected --yes, as nobody can be asked here\n")
        return False
    sure = typer.confirm(f"Put version {plan.after.version} in force?")
    if not sure:
        sys.stderr.write("nothing was done\n")
    return sure


def _needs_count(plan: Plan, old: Rules | None, new: Rules) -> bool:
    """By the policy of either version, so that no edit lifts its own bound. The first rules of all change everybody."""
    if old is None:
        return False
    bounds = [each.policy.apply.confirm_above for each in (old, new) if each.policy.apply is not None]
    return bool(bounds) and plan.share * 10_000 > min(bounds)


def _counted(plan: Plan, wanted: Wanted) -> bool:
    if wanted.count is None:
        told = f"{plan.changing} customers would change, more than the policy's apply.confirm_above"
        if not sys.stdin.isatty():
            sys.stderr.write(f"nothing was done: {told}: expected --count {plan.changing}\n")
            return False
        count = typer.prompt(f"{told}. Type their number to put the rules in force", type=int)
    else:
        count = wanted.count
    if count != plan.changing:
        sys.stderr.write(f"nothing was done: found the number {count}, and {plan.changing} customers would change\n")
    return bool(count == plan.changing)


# --- what follows -------------------------------------------------------------------------------------------------


def _settle(database: Database) -> None:
    """Judges everybody who is left, unless a worker is at it already."""
    try:
        with told_progress() as told:
            done = Settling(database.url, mirror=database.mirror).if_left(datetime.now(UTC), told)
    except MovedOnError as error:
        sys.stdout.write(f"{error}: whoever put it in force goes on\n")
        return
    for line in _told(done):
        sys.stdout.write(f"{line}\n")


def _told(done: Settled | None) -> Iterator[str]:
    if done is None:
        yield "nobody had to be judged anew"
        return
    changes = sum(done.changes.values())
    yield f"{done.customers:,} customers judged, {changes:,} changes, {done.started:,} journeys started"
    if done.held:
        yield f"{done.held:,} journeys are held: more at once than the policy's mass_start; {HOW}"
