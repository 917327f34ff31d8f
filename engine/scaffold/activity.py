"""A new activity of a project's own, sound and with its test, and the schemas that then offer its name."""

import keyword
import re
import sys
from pathlib import Path

from engine.language.rules import load_rules
from engine.own.load import folder_of
from engine.scaffold.project import ScaffoldError
from engine.scaffold.schemas import write_schemas
from engine.servers.project import Project

_TEXTS = Path(__file__).with_name("starter") / "new"
_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_MOST_LETTERS = 60
_LOOKED_UP = frozenset({"conftest", "engine", "pydantic", "pytest", *sys.stdlib_module_names})
"""Modules that the activity or its test imports, or pytest: a file of that name would stand before them."""


def create_activity(project: Project, name: str) -> list[Path]:
    """Writes `activities/NAME.py` and its test.

    Raises:
        SetupError: the name is taken or cannot be used, or the files cannot be written.
    """
    if not _NAME.fullmatch(name) or len(name) > _MOST_LETTERS:
        hint = "small letters, digits and dashes, such as loyalty-points"
        raise ScaffoldError("bad-name", f"{name!r} is no name of an activity", hint)
    folder, module = folder_of(project.rules), name.replace("-", "_")
    if keyword.iskeyword(module) or module in _LOOKED_UP or module.startswith("test_"):
        hint = f"give it another, such as {name.removeprefix('test-')}-of-ours"
        raise ScaffoldError("bad-name", f"{module}.py means something else to Python or pytest", hint)
    files = {folder / f"{module}.py": "activity.py.txt", folder / f"test_{module}.py": "activity_test.py.txt"}
    try:
        taken = name in load_rules(project.rules).own.by_name
        if taken or any(path.exists() for path in files):
            raise ScaffoldError("name-taken", f"there is an activity {name} already", "choose another name")
        folder.mkdir(exist_ok=True)
        for path, text in files.items():
            told = (_TEXTS / text).read_text("utf-8")
            path.write_text(told.replace("@NAME@", name).replace("@MODULE@", module), "utf-8")
        write_schemas(project.root, load_rules(project.rules))
    except OSError as error:
        hint = "see that the project is there and may be written"
        raise ScaffoldError("not-writable", f"{error.filename}: {error.strerror}", hint) from None
    return list(files)
