"""Which rules a path belongs to, and which tests it means."""

from dataclasses import dataclass
from pathlib import Path

from engine.language.rules import Rules, is_test, load_rules
from engine.servers.errors import SetupError
from engine.servers.project import FILE, Project

WRONG = 1


@dataclass(frozen=True, slots=True)
class Found:
    """Compiled rules, their directory, and the part of it that is asked for (a path relative to it; empty: all)."""

    rules: Rules
    directory: Path
    part: str = ""

    def asks(self, path: str) -> bool:
        """Whether a file of rules is in the part that is asked for."""
        return not self.part or path == self.part or path.startswith(f"{self.part}/")

    def covers(self, path: str) -> bool:
        """Whether the coverage of a file of rules is asked for: with a test file, that of the file beside it."""
        return self.asks(path) or (is_test(self.part) and path == self.part.replace(".test.", "."))

    @property
    def prefix(self) -> str:
        """The directory as seen from where the command runs, so that places can be clicked."""
        here = Path.cwd()
        shown = self.directory.relative_to(here) if self.directory.is_relative_to(here) else self.directory
        return f"{shown.as_posix()}/".removeprefix("./")


class _InputError(SetupError):
    """The operator's argument is wrong, not the set-up."""

    exit_code = WRONG


def find_rules(path: Path | None, project: Path | None = None) -> Found:
    """The rules around a path, compiled.

    Args:
        path: a project, a directory of rules or in it, or a test file; None: the project's rules.
        project: the project's directory, where the path names none.

    Raises:
        SetupError: there is no such path, no project, or a file that cannot be read.
    """
    if path is None:
        directory, part = Project.find(project).rules, ""
    elif not path.exists():
        raise _InputError("no-such-path", f"there is no {path}", "name a project, a directory of rules or a test file")
    else:
        directory, part = _around(path.absolute())
    try:
        return Found(load_rules(directory), directory.absolute(), part)
    except OSError as error:
        hint = "correct the path or its permissions"
        raise _InputError("unreadable", f"{error.filename}: {error.strerror}", hint) from None


def _around(path: Path) -> tuple[Path, str]:
    if (path / FILE).is_file():
        return Project.at(path).rules, ""
    rules = rules_around(path)
    return rules, "" if path == rules else path.relative_to(rules).as_posix()


def rules_around(path: Path) -> Path:
    """The directory of rules that an absolute path lies in.

    It is that of the project, else the farthest parent called `rules`, else the path's own directory.
    """
    own = path if path.is_dir() else path.parent
    for parent in (own, *own.parents):
        if (parent / FILE).is_file() and path.is_relative_to(rules := Project.at(parent).rules):
            return rules
    named = [parent for parent in (own, *own.parents) if parent.name == "rules"]
    return named[-1] if named else own


def paths_under(found: Found) -> frozenset[str]:
    """Test files that are asked for, and those beside a file of rules that is."""
    beside = found.part.removesuffix(".yaml").removesuffix(".yml")
    return frozenset(
        path for path in found.rules.files if is_test(path) and (found.asks(path) or path.startswith(f"{beside}.test."))
    )
