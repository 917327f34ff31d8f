"""Which rules paths belong to, and which tests they mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.language.rules import Rules, is_test, load_rules
from engine.servers.errors import SetupError
from engine.servers.project import FILE, Project

WRONG = 1


@dataclass(frozen=True, slots=True)
class Found:
    """Compiled rules, their directory, and the parts of it that are asked for (paths relative to it; empty: all)."""

    rules: Rules
    directory: Path
    parts: tuple[str, ...] = ()

    def asks(self, path: str) -> bool:
        """Whether a file of rules is in a part that is asked for."""
        return not self.parts or any(path == part or path.startswith(f"{part}/") for part in self.parts)

    def covers(self, path: str) -> bool:
        """Whether the coverage of a file of rules is asked for: with a test file, that of the file beside it."""
        return self.asks(path) or any(is_test(part) and path == part.replace(".test.", ".") for part in self.parts)

    def tests(self, path: str) -> bool:
        """Whether a test file is asked for, itself or as the one beside a file of rules."""
        beside = (part.removesuffix(".yaml").removesuffix(".yml") for part in self.parts)
        return is_test(path) and (self.asks(path) or any(path.startswith(f"{each}.test.") for each in beside))

    @property
    def prefix(self) -> str:
        """The directory as seen from where the command runs, so that places can be clicked."""
        here = Path.cwd()
        shown = self.directory.relative_to(here) if self.directory.is_relative_to(here) else self.directory
        return f"{shown.as_posix()}/".removeprefix("./")


class _InputError(SetupError):
    """The operator's argument is wrong, not the set-up."""

    exit_code = WRONG


def find_rules(paths: Sequence[Path] = (), project: Path | None = None) -> Found:
    """The rules around paths, compiled.

    Args:
        paths: each a project, a directory of rules or in it, or a test file, all of one project; none: its rules.
        project: the project's directory, where no path names one.

    Raises:
        SetupError: there is no such path, no project, or a file that cannot be read; or they are of several projects.
    """
    found = [_around(_existing(path)) for path in paths] or [(Project.find(project).rules, "")]
    directory = found[0][0]
    for other, _ in found:
        if other != directory:
            raise _InputError("two-projects", f"found rules in {directory} and {other}", "test one after the other")
    parts = () if ("" in (part for _, part in found)) else tuple(part for _, part in found)
    try:
        return Found(load_rules(directory), directory.absolute(), parts)
    except OSError as error:
        hint = "correct the path or its permissions"
        raise _InputError("unreadable", f"{error.filename}: {error.strerror}", hint) from None


def _existing(path: Path) -> Path:
    if not path.exists():
        raise _InputError("no-such-path", f"there is no {path}", "name a project, a directory of rules or a test file")
    return path.absolute()


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
    return frozenset(filter(found.tests, found.rules.files))
