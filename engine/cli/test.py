"""`regulars test`: whether the rules do what their tests say."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from engine.cli.real_tests import run_for_real, with_servers
from engine.language.issues import Issue
from engine.language.render import FORMATS
from engine.language.rules import Rules
from engine.ruletests.case import Outcome
from engine.ruletests.coverage import Coverage, coverage
from engine.ruletests.examples import run_examples
from engine.ruletests.find import find_rules, paths_under
from engine.ruletests.read import Suite, read_tests
from engine.ruletests.report import as_json, coverage_text, failures_text, summary
from engine.ruletests.run import run_all
from engine.ruletests.ways import Ways, ways, ways_text
from engine.servers.errors import SetupError
from engine.servers.leave import leave

PASSED, FAILED = 0, 1


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("test")(run_tests)


def run_tests(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...", help="Rules directories, a project, or test files; default: the project's rules."
        ),
    ] = None,
    output: Annotated[Literal["text", "json"], typer.Option("--format", help="For people, or for machines.")] = "text",
    covered: Annotated[
        bool, typer.Option("--coverage", help="Show which clauses of the rules no test decides both ways.")
    ] = False,
    least: Annotated[
        int,
        typer.Option("--min", min=0, max=100, help="Fail when fewer per cent of the clauses are decided both ways."),
    ] = 0,
    real: Annotated[
        bool, typer.Option("--real", help="Run tests of playbooks on real servers, started for them and thrown away.")
    ] = False,
    project: Annotated[Path | None, typer.Option(help="The project's directory.")] = None,
) -> None:
    """Run the *.test.yaml beside the rules and the examples of attributes: exit code 0 if all pass, 1 if not."""
    if real and (covered or least):
        raise typer.BadParameter("coverage is counted without --real: found both, expected one of them")
    try:
        found = find_rules(paths or (), project)
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(error.exit_code) from None
    suite = read_tests(found.rules, paths_under(found))
    if real and any(case.story is not None for case in suite.cases):
        with_servers()
    _say_unsound(found.rules)
    ran = run_for_real(found, suite.cases) if real else run_all(found.rules, suite.cases)
    outcomes = [*run_examples(found.rules, found.asks), *ran]
    measured, gone = coverage(found.rules, outcomes).of(found.covers), ways(found.rules, outcomes)
    if output == "json":
        sys.stdout.write(as_json(outcomes, suite.issues, measured, found.prefix, gone) + "\n")
    else:
        _print(outcomes, suite, found.rules, found.prefix)
        if covered or least:
            sys.stdout.write(_covered(measured, gone, found.prefix) + "\n")
    code = PASSED if _well(outcomes, suite.issues, (measured, gone), least) else FAILED
    if real:
        leave(code)
    raise typer.Exit(code)


def _well(outcomes: list[Outcome], issues: tuple[Issue, ...], measured: tuple[Coverage, Ways], least: int) -> bool:
    """Whether there are tests, all of them sound and passed, and enough is covered."""
    if not outcomes:
        sys.stderr.write("error[no-tests]: no test was found\n  hint: write NAME.test.yaml beside the rules\n")
    clauses, gone = measured
    if clauses.hundredths < least * 100:
        sys.stderr.write(f"error[coverage]: less than {least} % of the clauses are decided both ways\n")
        return False
    if gone.hundredths < least * 100:
        sys.stderr.write(f"error[coverage]: less than {least} % of the ways through playbooks are taken\n")
        return False
    mistakes = any(issue.severity == "error" for issue in issues)
    return bool(outcomes) and not mistakes and all(each.passed for each in outcomes)


def _covered(measured: Coverage, gone: Ways, prefix: str) -> str:
    """The tables of what there is: clauses, ways, or both."""
    clauses = coverage_text(measured, prefix) if measured.clauses or not gone.ways else ""
    return "\n\n".join(filter(None, [clauses, ways_text(gone)]))


def _say_unsound(rules: Rules) -> None:
    errors = sum(issue.severity == "error" for issue in rules.issues)
    if errors:
        said = f"{errors} mistake{'' if errors == 1 else 's'} in the rules"
        sys.stderr.write(f"{said}: what they concern is disabled; see `regulars check`\n")


def _print(outcomes: list[Outcome], suite: Suite, rules: Rules, prefix: str) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for text in (FORMATS["text"](suite.issues, rules.files, prefix), failures_text(outcomes, prefix)):
        if text:
            console.print(text, end="\n\n")
    well = all(each.passed for each in outcomes) and not suite.issues
    console.print(f"[{'green' if well else 'red'}]{summary(outcomes, suite.issues)}[/]")
