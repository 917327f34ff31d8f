"""A project's rules as they are at a Git ref, read from the repository and never from the working tree."""

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

import typer
from rich.text import Text

from engine.language.issues import Issue, did_you_mean
from engine.language.render import as_text
from engine.language.rules import Rules, load_rules
from engine.own.load import folder_of
from engine.servers.progress import say

_MOST_SHOWN = 20
_BACKTEST = "a backtest of rules that are left out would look whole"


def rules_at(directory: Path, ref: str, option: str) -> Rules:
    """The rules of a directory, with the activities beside it, at a ref.

    Args:
        directory: where the rules are in the working tree.
        ref: a commit, tag or branch.
        option: on the command line, for errors.

    Raises:
        typer.BadParameter: there is no Git repository, no such ref, or it has no rules there.
    """
    top = _repository(directory, option)
    commit = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}").strip()
    if not commit:
        known = _git(top, "for-each-ref", "--format=%(refname:short)").split()
        hint = did_you_mean(ref, known) or f"`git -C {top} branch` lists some"
        raise typer.BadParameter(f"{option}: found {ref!r}, expected a commit, tag or branch of {top} ({hint})")
    rules, beside = (path.resolve().relative_to(top).as_posix() for path in (directory, folder_of(directory)))
    there = [path for path in (rules, beside) if _git(top, "ls-tree", "-d", "--name-only", commit, "--", path)]
    if rules not in there:
        raise typer.BadParameter(f"{option}: found no {rules}/ at {ref} ({commit[:12]}), expected the project's rules")
    with tempfile.TemporaryDirectory(prefix="regulars-") as made:
        packed = subprocess.run(  # noqa: S603 -- git, and names that it gave
            ["git", "-C", str(top), "archive", commit, "--", *there],  # noqa: S607 -- the user's own git
            capture_output=True, check=True,
        ).stdout  # fmt: skip
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            tar.extractall(made, filter="data")
        return load_rules(Path(made).resolve() / rules)


def refuse_unsound(rules: Rules, prefix: str, why: str = _BACKTEST) -> None:
    """Shows the mistakes on standard error and ends with 1, if there are any.

    Args:
        rules: those to be used whole.
        prefix: put before each path: the rules directory, or the ref.
        why: they cannot be used.
    """
    errors = [issue for issue in rules.issues if issue.severity == "error"]
    if errors:
        show(errors, rules, prefix, why)
        raise typer.Exit(1)


def show(errors: list[Issue], rules: Rules, prefix: str, why: str = _BACKTEST) -> None:
    """Shows mistakes with their places on standard error."""
    typer.echo(Text.from_markup(as_text(errors[:_MOST_SHOWN], rules.files, prefix)).plain, err=True)
    counted = f"{len(errors)} mistake{'' if len(errors) == 1 else 's'}"
    say(f"{counted} in {prefix.rstrip('/:')}: {why}")


def _repository(directory: Path, option: str) -> Path:
    top = _git(directory, "rev-parse", "--show-toplevel").strip()
    if not top:
        raise typer.BadParameter(f"{option}: found no Git repository around {directory}, expected one with the rules")
    return Path(top).resolve()


def _git(directory: Path, *arguments: str) -> str:
    """What git says; nothing if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 -- git, and the ref behind --end-of-options
            ["git", "-C", str(directory), *arguments],  # noqa: S607 -- the user's own git
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise typer.BadParameter("found no git on this machine, expected it for rules at a ref") from None
    return done.stdout if done.returncode == 0 else ""
