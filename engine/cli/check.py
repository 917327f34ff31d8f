"""`regulars check`: whether the rules are sound, and if not, where and what to write instead."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.cli.bound import bounds_in_full, bounds_json, bounds_text
from engine.language.issues import Issue, ordered
from engine.language.render import FORMATS, Format
from engine.language.rules import Rules, load_rules
from engine.messages.bound import bounds
from engine.messages.check_rules import template_issues
from engine.servers.errors import SetupError
from engine.servers.project import FILE, Project

SOUND, WRONG, MISSING = 0, 1, 3


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("check")(check)


def check(
    path: Annotated[
        Path | None, typer.Argument(help="Rules directory, project or one file of rules; default: the project's rules.")
    ] = None,
    output: Annotated[
        Format, typer.Option("--format", help="For people, for machines, or as GitHub annotations.")
    ] = "text",
    project: Annotated[Path | None, typer.Option(help="The project's directory.")] = None,
    bound: Annotated[
        bool, typer.Option("--bound", help="Tell by which steps one customer gets the most messages.")
    ] = False,
    each: Annotated[
        int, typer.Option(min=1, help="Orders, parcels and cases of a customer in the time of a cap, for the bound.")
    ] = 1,
) -> None:
    """Check the rules: exit code 0 if they are sound, 1 if there are errors."""
    try:
        target = _target(path, project)
        rules = load_rules(target.rules)
    except SetupError as error:
        _say_error(str(error))
        raise typer.Exit(error.exit_code) from None
    except OSError as error:
        _say_error(
            f"{error.filename}: error[unreadable]: {error.strerror}\n  hint: correct the path or its permissions"
        )
        raise typer.Exit(WRONG) from None
    every = ordered((*rules.issues, *template_issues(rules)))
    shown = [issue for issue in every if target.only in (None, issue.file)]
    found = () if any(issue.severity == "error" for issue in every) else bounds(rules, each)
    if output == "json" and bound:
        listed = json.loads(FORMATS["json"](shown, rules.files, target.prefix))
        sys.stdout.write(json.dumps({"issues": listed, "bounds": bounds_json(found)}, indent=2) + "\n")
    else:
        _print(shown, rules, output, target.prefix)
    if output == "text" and found:
        told = bounds_in_full(found, each) if bound else "" if target.only else bounds_text(found)
        sys.stdout.write(f"\n{told}\n" if told else "")
    raise typer.Exit(WRONG if any(issue.severity == "error" for issue in shown) else SOUND)


@dataclass(frozen=True, slots=True)
class _Target:
    """The rules directory, and the one file in it that is asked about, if only one is."""

    rules: Path
    only: str | None = None

    @property
    def prefix(self) -> str:
        """The directory as seen from where the command runs, so that places can be clicked."""
        shown = self.rules.absolute()
        here = Path.cwd()
        return f"{(shown.relative_to(here) if shown.is_relative_to(here) else shown).as_posix()}/".removeprefix("./")


def _target(path: Path | None, project: Path | None) -> _Target:
    """What is to be checked.

    Raises:
        SetupError: there is no such path, or no project.
    """
    if path is None:
        return _existing(Project.find(project).rules)
    if not path.exists():
        raise _NoSuchPathError(path)
    if path.is_dir():
        return _existing(Project.at(path).rules) if (path / FILE).is_file() else _Target(path)
    return _file(path.absolute())


def _existing(rules: Path) -> _Target:
    if not rules.is_dir():
        hint = f"make the directory, or name another in {FILE}: [project] rules"
        raise SetupError("no-rules", f"{rules} is no directory", hint)
    return _Target(rules)


def _file(path: Path) -> _Target:
    """A file is checked among all rules, but only its own issues are shown."""
    parents = [parent for parent in path.parents if (parent / FILE).is_file()]
    if parents and path.is_relative_to(rules := Project.at(parents[0]).rules):
        return _Target(rules, path.relative_to(rules).as_posix())
    rules = path.parent.parent if path.parent.name in ("playbooks", "campaigns", "templates") else path.parent
    return _Target(rules, path.relative_to(rules).as_posix())


class _NoSuchPathError(SetupError):
    """The operator's argument is wrong, not the set-up."""

    exit_code = WRONG

    def __init__(self, path: Path) -> None:
        super().__init__("no-such-path", f"there is no {path}", "name a rules directory, a project or a file of rules")


def _print(issues: list[Issue], rules: Rules, output: Format, prefix: str) -> None:
    text = FORMATS[output](issues, rules.files, prefix)
    if output != "text":
        sys.stdout.write(f"{text}\n" if text else "")
        return
    # Places and quoted lines must stay whole: whoever reads them in a pipe or a narrow window can scroll.
    console = Console(highlight=False, soft_wrap=True)
    if text:
        console.print(text, end="\n\n")
    console.print(_summary(issues, rules))


def _summary(issues: list[Issue], rules: Rules) -> str:
    errors = sum(issue.severity == "error" for issue in issues)
    warnings = len(issues) - errors
    standing = rules.standing
    parts = [
        _count(len(rules.catalogue), "attribute"),
        *(_count(len(each), noun) for each, noun in ((standing.tags, "tag"), (standing.segments, "segment")) if each),
        *([_count(len(standing.lifecycle.stages), "stage")] if standing.lifecycle else []),
        *([_count(len(standing.tiers.tiers), "tier")] if standing.tiers else []),
        *([_count(len(standing.rfm.groups), "RFM group")] if standing.rfm else []),
        _count(len(rules.plans), "playbook"),
        *([_count(len(rules.campaigns), "campaign")] if rules.campaigns else []),
    ]
    sound = f"{', '.join(parts)}: version {rules.version}"
    if not issues:
        return f"[green]sound[/green]: {sound}"
    counted = [_count(errors, "error")] if errors else []
    counted += [_count(warnings, "warning")] if warnings else []
    disabled = f"; disabled: {', '.join(rules.disabled)}" if rules.disabled else ""
    return f"{' and '.join(counted)}{disabled}. Sound: {sound}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _say_error(text: str) -> None:
    sys.stderr.write(f"{text}\n")
