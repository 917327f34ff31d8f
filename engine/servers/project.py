"""A project: the directory with `regulars.toml`, its rules and its state."""

import difflib
import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from engine.servers.directories import made
from engine.servers.errors import SetupError
from engine.servers.worker_settings import BOUNDS, WorkerSettings

FILE = "regulars.toml"

# Table → key → type. One place says what regulars.toml may hold.
_KEYS: dict[str, dict[str, type]] = {
    "project": {"rules": str},
    "servers": {"temporal_port": int, "temporal_ui_port": int},
    "worker": {name: bounds.kind for name, bounds in BOUNDS.items()},
}


@dataclass(frozen=True)
class Settings:
    """What `regulars.toml` says."""

    rules: str = "rules"
    temporal_port: int = 7233
    temporal_ui_port: int = 8233
    worker: WorkerSettings = field(default_factory=WorkerSettings)


@dataclass(frozen=True)
class Project:
    """A directory of rules with its settings and its state in `.regulars/`."""

    root: Path
    settings: Settings

    @classmethod
    def find(cls, start: Path | None = None) -> Self:
        """The project of a directory: the directory itself or its nearest parent with `regulars.toml`.

        Args:
            start: where to begin; the current directory by default.

        Raises:
            SetupError: there is no project there, or its settings are wrong.
        """
        begin = (start or Path.cwd()).absolute()
        for directory in (begin, *begin.parents):
            if (directory / FILE).is_file():
                return cls.at(directory)
        raise SetupError(
            "no-project",
            f"neither {begin} nor any of its parents has a {FILE}",
            f"go to a project, name one with --project DIR, or write a {FILE} with the lines [project] and rules = "
            '"rules"',
        )

    @classmethod
    def at(cls, directory: Path) -> Self:
        """The project in exactly this directory.

        Raises:
            SetupError: the directory has no `regulars.toml`, or its settings are wrong.
        """
        file = directory.absolute() / FILE
        if not file.is_file():
            raise SetupError("no-project", f"{directory} has no {FILE}", f"--project names the directory of {FILE}")
        return cls(root=file.parent, settings=_read(file))

    @property
    def state(self) -> Path:
        """`.regulars/`: databases, mailbox, logs and what else can be made again; created here."""
        return made(self.root / ".regulars")

    @property
    def rules(self) -> Path:
        """The directory of the operators' YAML."""
        return self.root / self.settings.rules


def _read(file: Path) -> Settings:
    try:
        # Read as bytes: tomllib tells broken UTF-8 from broken TOML only when it decodes by itself.
        values = tomllib.loads(file.read_bytes().decode())
    except UnicodeDecodeError as error:
        raise SetupError(
            "bad-settings", f"the file is not UTF-8 ({error.reason})", "save it as UTF-8", str(file)
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise _bad_toml(file, error) from None
    faults = [fault for table, keys in values.items() for fault in _faults(file, table, keys)]
    faults = faults or _at_odds(file, values)
    if faults:
        place, message, hint = faults[0]
        more = "".join(f"\n  also {other_place}: {other}" for other_place, other, _ in faults[1:])
        raise SetupError("bad-settings", message + more, hint, place)
    worker = WorkerSettings(**values.pop("worker", {}))
    return Settings(**{key: value for keys in values.values() for key, value in keys.items()}, worker=worker)


def _at_odds(file: Path, values: dict[str, Any]) -> list[tuple[str, str, str]]:
    worker = WorkerSettings(**values.get("worker", {}))
    hint = "raise the one or lower the other"
    return [(_place(file, name), fault, hint) for name, fault in worker.contradictions()]


def _bad_toml(file: Path, error: tomllib.TOMLDecodeError) -> SetupError:
    line = re.search(r"line (\d+), column (\d+)", str(error))
    place = f"{file}:{line[1]}:{line[2]}" if line else str(file)
    return SetupError("bad-settings", f"this is not TOML: {error}", 'write key = "value" below a [table]', place)


def _faults(file: Path, table: str, keys: Any) -> list[tuple[str, str, str]]:  # noqa: ANN401 - whatever TOML holds
    known = _KEYS.get(table)
    if known is None or not isinstance(keys, dict):
        return [(_place(file, table), f"found {table!r}, expected a table of {sorted(_KEYS)}", _meant(table, _KEYS))]
    found = []
    for key, value in keys.items():
        if key not in known:
            found.append((_place(file, key), f"unknown key {key!r} in [{table}]", _meant(key, known)))
        elif type(value) is not known[key]:
            expected = {str: "text in quotes", int: "a whole number"}[known[key]]
            found.append((_place(file, key), f"{key} is {value!r}, expected {expected}", f"correct {key}"))
        elif table == "worker" and not BOUNDS[key].fits(value):
            expected = BOUNDS[key].expected
            found.append((_place(file, key), f"{key} is {value!r}, expected {expected}", f"correct {key}"))
    return found


def _place(file: Path, name: str) -> str:
    # tomllib keeps no positions; a name stands at the start of its line or in its table's brackets.
    pattern = re.compile(rf"\s*(\[\s*)?[\"']?{re.escape(name)}[\"']?\s*[\]=.]")
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        if pattern.match(line):
            return f"{file}:{number}:{line.index(name) + 1}"
    return os.fspath(file)


def _meant(name: str, known: dict[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(known))}"
