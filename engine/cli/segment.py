"""`regulars segment`: who is in a segment, stage, tier or RFM group or has a tag, and how many in each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from engine.cli.evaluate import told_progress
from engine.cli.mirror import project_mirror
from engine.cli.project import ProjectOption, find_project
from engine.cli.standing import Opened, Working, opened_standing, output_console
from engine.cli.tables import write_csv
from engine.conditions.ast import Condition
from engine.dispatch.versions import StoredVersions
from engine.evaluation.edited import edited_parts
from engine.evaluation.run import Asked, evaluate
from engine.explain.members import ASKED, Member, members_at_once, stored_counts, stored_members, stored_versions
from engine.explain.subject import WORDS, Subject, UnknownRuleError, find_subject, subjects
from engine.language.asked import read_asked
from engine.language.render import as_text
from engine.language.rules import Rules
from engine.mirror.open import mirror_directory

_WRONG = 1
_SHOWN = 20


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("segment")(segment)


def segment(
    name: Annotated[
        str | None,
        typer.Argument(help="A segment, tag, stage, tier or RFM group; without it: all of them with their sizes."),
    ] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="A past instant, in the shop's zone.")] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Write the members, or the list, as CSV.")] = None,
    when: Annotated[
        str | None, typer.Option("--when", help="A condition in place of a name: '{paid_orders: {gte: 2}}'.")
    ] = None,
    working: Working = False,
    project: ProjectOption = None,
) -> None:
    """List segments, stages, tiers, RFM groups and tags with their sizes, or the members of one; nothing is written."""
    if name is not None and when is not None:
        raise typer.BadParameter(f"--when: found with the name {name!r}, expected one of the two")
    with opened_standing(find_project(project), working=working) as opened:
        if when is not None:
            _members(opened, ASKED, as_of, output, _condition(opened.rules, when))
        elif name is not None:
            _members(opened, _subject(opened.rules, name), as_of, output, None)
        else:
            _list(opened, as_of, output)


def _subject(rules: Rules, name: str) -> Subject:
    try:
        found = find_subject(rules, name)
    except UnknownRuleError as error:
        raise typer.BadParameter(f"NAME: {error.args[0]}") from None
    if found.kind == "attribute":
        raise typer.BadParameter(
            f"NAME: found the attribute {name}, expected a segment, tag, stage, tier or RFM group"
            f" (write --when '{{{name}: …}}', or see `regulars attributes`)"
        )
    return found


def _condition(rules: Rules, text: str) -> Condition:
    """The ad-hoc condition.

    Raises:
        typer.Exit: it is wrong; the issues have been written.
    """
    condition, issues = read_asked(rules, text, "--when")
    if condition is None:
        Console(stderr=True, highlight=False, soft_wrap=True).print(as_text(issues, {"--when": text}))
        raise typer.Exit(_WRONG)
    return condition


def _members(opened: Opened, subject: Subject, as_of: str | None, output: Path | None, when: Condition | None) -> None:
    at = opened.instant(as_of)
    evaluated, _ = stored_counts(opened.connection)
    if as_of is None and when is None and evaluated:
        members = stored_members(opened.connection, subject)
        told = _told_versions(opened)
    else:
        with project_mirror(opened.project, opened.url) as mirror:
            members = members_at_once(
                mirror, opened.connection, opened.standings, subject, at,
                past=as_of is not None or not evaluated, when=when,
            )  # fmt: skip
        told = [f"judged as of {at:%Y-%m-%d %H:%M:%S} UTC; nothing written"]
    row = opened.connection.execute("select count(*) from customers").fetchone()
    _show(subject, members, int(row[0]) if row else 0, told, output)


def _show(subject: Subject, members: Sequence[Member], total: int, told: Iterable[str], output: Path | None) -> None:
    title = f", {subject.title}" if subject.title else ""
    what = "the condition" if subject == ASKED else f"{WORDS[subject.kind]} {subject.name}{title}"
    share = f" ({100 * len(members) / total:.1f} %)" if total else ""
    output_console().print(f"{what}: {len(members):,} of {total:,} customers{share}", markup=False)
    for line in told:
        output_console().print(line, markup=False)
    if output is not None:
        _write(output, ("customer", "id"), ((each.key, each.id) for each in members))
        return
    for each in members[:_SHOWN]:
        output_console().print(f"  {each.key}", markup=False)
    if len(members) > _SHOWN:
        output_console().print(f"  and {len(members) - _SHOWN:,} more; --output FILE writes all of them")


def _list(opened: Opened, as_of: str | None, output: Path | None) -> None:
    evaluated, sizes = stored_counts(opened.connection)
    told = _told_versions(opened)
    if as_of is not None or not evaluated:
        at = opened.instant(as_of)
        with told_progress() as progress:
            mirror = mirror_directory(opened.project.state, opened.url)
            result = evaluate(Asked(opened.url, opened.rules, at, opened.now, write=False, mirror=mirror), progress)
        evaluated, sizes = result.tally.customers, result.tally.sizes
        told = [f"judged as of {at:%Y-%m-%d %H:%M:%S} UTC; nothing written"]
    rows = list(_rows(opened.rules, sizes, evaluated))
    if output is not None:
        _write(output, ("kind", "name", "title", "customers"), (row[:4] for row in rows))
        return
    table = Table(title=f"{evaluated:,} customers", title_justify="left")
    for heading in ("what", "name", "title"):
        table.add_column(heading, no_wrap=True)
    for heading in ("customers", "share"):
        table.add_column(heading, justify="right", no_wrap=True)
    for kind, name, title, size, share in rows:
        table.add_row(WORDS[kind], name, title, f"{size:,}", share)
    output_console().print(table)
    for line in told:
        output_console().print(line, markup=False)


def _rows(rules: Rules, sizes: Mapping[tuple[str, str], int], total: int) -> Iterator[tuple[str, str, str, int, str]]:
    for each in subjects(rules):
        if each.kind != "attribute":
            size = sizes.get((each.kind, each.name), 0)
            yield each.kind, each.name, each.title, size, f"{100 * size / total:.1f} %" if total else ""


def _told_versions(opened: Opened) -> list[str]:
    others = {each for each in stored_versions(opened.connection) if _otherwise(opened, each)}
    if not others:
        return []
    listed = ", ".join(sorted(others))
    return [f"note: some are as evaluated by rules version {listed}; `regulars evaluate` judges all by these"]


def _otherwise(opened: Opened, version: str) -> bool:
    """Whether a version may judge anybody otherwise; one that is not kept may."""
    if version == opened.rules.version:
        return False
    try:
        return bool(edited_parts(StoredVersions().get(opened.connection, version), opened.rules))
    except LookupError:
        return True


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    output_console().print(f"{write_csv(path, columns, rows):,} rows in {path}", markup=False)
