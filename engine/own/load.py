"""Finds the activities of a project: the files of its folder `activities`, and packages that offer some.

A file that cannot be imported takes its own activities away and no others: it is named, and `check` fails on it.
"""

import importlib.util
import json
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from engine.own.declare import DeclarationError, OwnActivity

GROUP = "regulars.activities"
"""The group of entry points: each names a module with activities."""
FOLDER = "activities"


@dataclass(frozen=True, slots=True)
class Failed:
    """A file or entry point without usable activities. `why` quotes nothing that the module read from anywhere."""

    file: str
    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Sound activities by name, each with the file it is in, and what could not be used."""

    activities: Mapping[str, OwnActivity]
    files: Mapping[str, str]
    failed: tuple[Failed, ...]


def folder_of(rules: Path) -> Path:
    """Where the activities of a project are: beside its rules."""
    return rules.absolute().parent / FOLDER


def load(directory: Path) -> Loaded:
    """Imports all activities: those of a directory, in the order of its files, and those of installed packages.

    A directory with an `__init__.py` is a package of its own and no folder of activities. Files that begin with `_` or
    `test_`, and `conftest.py`, are none.
    """
    found: dict[str, OwnActivity] = {}
    files: dict[str, str] = {}
    failed: list[Failed] = []
    for file, importing in (*_in_folder(directory), *_installed()):
        module = _imported(file, importing)
        if isinstance(module, Failed):
            failed.append(module)
            continue
        own = _own(module)
        if not own:
            failed.append(Failed(file, 1, "no activity; expected a function decorated with @activity"))
        for each in own:
            if each.name in found:
                why = f"{each.name} is declared again; it is first declared in {files[each.name]}"
                failed.append(Failed(file, each.line, why))
            else:
                found[each.name], files[each.name] = each, file
    return Loaded(found, files, tuple(failed))


def declarations(directory: Path) -> dict[str, str]:
    """What rules need to know of each activity, as texts among the files of rules: a version of rules keeps them."""
    loaded = load(directory)
    told = {f"{FOLDER}/{name}.json": contract(each, loaded.files[name]) for name, each in loaded.activities.items()}
    for number, each in enumerate(loaded.failed):
        why = {"file": each.file, "line": each.line, "failed": each.why}
        told[f"{FOLDER}/failed-{number}.json"] = json.dumps(why, indent=1)
    return told


def contract(each: OwnActivity, file: str) -> str:
    """What rules need to know of one activity, as JSON."""
    told = {
        "name": each.name,
        "title": each.title,
        "description": each.description,
        "file": file,
        "line": each.line,
        "example": each.example,
        "idempotency": each.idempotency,
        "timeout": each.timeout,
        "first_pause": each.first_pause,
        "longest_pause": each.longest_pause,
        "attempts": each.attempts,
        "given": each.takes.json_schema(by_alias=True),
        "answer": {} if each.answer is type(None) else each.gives.json_schema(mode="serialization", by_alias=True),
    }
    return json.dumps(told, indent=1, sort_keys=True, ensure_ascii=False)


Importing = Callable[[], ModuleType]


def _in_folder(directory: Path) -> Iterator[tuple[str, Importing]]:
    """Each file, called as it is seen from the rules."""
    if (directory / "__init__.py").exists():
        return
    for path in sorted(directory.glob("*.py")):
        if not path.name.startswith(("_", "test_")) and path.name != "conftest.py":
            yield f"../{FOLDER}/{path.name}", partial(_executed, path)


def _executed(path: Path) -> ModuleType:
    name = f"regulars_own.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # a path that ends in .py has one
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pydantic look annotations up there
    spec.loader.exec_module(module)
    return module


def _installed() -> Iterator[tuple[str, Importing]]:
    for each in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        yield f"entry point {each.name} = {each.value}", partial(_module_of, each)


def _module_of(point: EntryPoint) -> ModuleType:
    return importlib.import_module(point.module)


def _imported(file: str, importing: Importing) -> ModuleType | Failed:
    try:
        return importing()
    except KeyboardInterrupt:
        raise
    except SyntaxError as error:
        return Failed(file, error.lineno or 1, f"SyntaxError: {error.msg}")
    except BaseException as error:  # noqa: BLE001 - whatever a module does, also sys.exit, the others are loaded
        return Failed(file, _line(error, file), _why(error))


def _why(error: BaseException) -> str:
    """The kind of error, and what it says only where that can quote no secret and nobody's data."""
    kind = type(error).__name__
    if isinstance(error, DeclarationError):
        return str(error)
    return f"{kind}: {error}" if isinstance(error, ImportError | NameError) else kind


def _line(error: BaseException, file: str) -> int:
    own = [each for each in traceback.extract_tb(error.__traceback__) if Path(each.filename).name == Path(file).name]
    return (own[-1].lineno or 1) if own else 1


def _own(module: ModuleType) -> list[OwnActivity]:
    """The activities that a module declares itself, not those that it imports."""
    every: list[Any] = list(vars(module).values())
    own = [each for each in every if isinstance(each, OwnActivity) and each.function.__module__ == module.__name__]
    return sorted(own, key=lambda each: each.line)
