"""A new project: the shipped rules, settings, schemas for editors, and a check for every change."""

import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from engine.language.rules import Rules, load_rules
from engine.scaffold.schemas import write_schemas
from engine.servers.errors import SetupError
from engine.servers.project import FILE
from engine.shipped import shipped

_STARTER = Path(__file__).with_name("starter")
# Under plain names: a file with its real one would already mean something in the place where it ships.
_STARTER_FILES: Mapping[str, str] = {
    "README.md": "README.md",
    "regulars.toml": FILE,
    "requirements.txt": "requirements.txt",
    "gitignore": ".gitignore",
    "pre-commit-config.yaml": ".pre-commit-config.yaml",
    "github-workflow.yaml": ".github/workflows/rules.yaml",
}


class ScaffoldError(SetupError):
    """What was asked for cannot be made; the operator's argument is wrong, not the set-up."""

    exit_code = 1


def create_project(directory: Path) -> Rules:
    """Makes a project in a directory that does not exist, is empty, or holds only `.git`.

    Returns:
        The new project's rules, loaded from where they now are.

    Raises:
        SetupError: the directory is in use or cannot be written, or this installation has no rules.
    """
    shipped = shipped_rules()
    _refuse_used(directory)
    try:
        shutil.copytree(shipped, directory / "rules", ignore=shutil.ignore_patterns(".*", "__pycache__"))
        for name, target in _STARTER_FILES.items():
            _write(directory / target, _filled((_STARTER / name).read_text("utf-8"), directory))
        rules = load_rules(directory / "rules")
        write_schemas(directory, rules)
    except OSError as error:
        hint = "name a directory that you may write"
        raise ScaffoldError("not-writable", f"{error.filename}: {error.strerror}", hint) from None
    return rules


def shipped_rules() -> Path:
    """The rules that ship.

    Raises:
        SetupError: there are none.
    """
    rules = shipped("rules")
    if (rules / "policy.yaml").is_file():
        return rules
    hint = "install Regulars again, or from a checkout: make"
    raise SetupError("no-shipped-rules", f"{rules} has no rules to begin with", hint)


def _refuse_used(directory: Path) -> None:
    if directory.is_dir():
        found = sorted(path.name for path in directory.iterdir() if path.name != ".git")
        if found:
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            hint = "name a directory that does not exist yet, or an empty one"
            raise ScaffoldError("not-empty", f"{directory} is not empty: it holds {found[0]}{more}", hint)
    elif directory.exists():
        raise ScaffoldError("not-a-directory", f"{directory} is a file", "name a directory that does not exist yet")


def _filled(text: str, directory: Path) -> str:
    return text.replace("@NAME@", directory.absolute().name).replace("@VERSION@", version("regulars"))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
