"""A replay's own state: a database schema, a Temporal namespace and a directory, made anew for each run."""

import json
import re
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class Run:
    """One run of a replay. A closed workflow's id cannot be used again, so each run has a namespace of its own.

    `before` is the number of this project's run before it. Numbers between the two are other projects' on the cluster.
    """

    name: str
    number: int
    before: int | None = None

    @property
    def schema(self) -> str:
        """The PostgreSQL schema that holds the replay's facts, journeys and messages."""
        return "replay_" + self.name.replace("-", "_")

    @property
    def namespace(self) -> str:
        """The Temporal namespace of its journeys."""
        return f"replay-{self.name}-{self.number}"

    @property
    def namespace_before(self) -> str | None:
        """That of the run before, if there was one."""
        return None if self.before is None else f"replay-{self.name}-{self.before}"


def directory(state: Path, name: str) -> Path:
    """Where a replay keeps its files.

    Raises:
        ValueError: the name is not a short lower-case word with digits and hyphens.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a replay's name: expected a lower-case word such as jan or week-1")
    path = state / "replay" / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def last_run(state: Path, name: str) -> Run | None:
    """The latest run of this name, if there was one."""
    file = directory(state, name) / "run.json"
    return Run(**json.loads(file.read_text())) if file.exists() else None


def next_run(state: Path, name: str) -> Run:
    """A new run of this name."""
    before = last_run(state, name)
    return Run(name, before.number + 1, before.number) if before else Run(name, 1)


def after(run: Run) -> Run:
    """The run after this one."""
    return replace(run, number=run.number + 1)


def begin(state: Path, run: Run) -> None:
    """Notes the run, so that the one after it has a number of its own, and empties its mailbox."""
    place = directory(state, run.name)
    shutil.rmtree(place / "mailbox", ignore_errors=True)
    temporary = place / "run.json.new"
    temporary.write_text(json.dumps(asdict(run)))
    temporary.replace(place / "run.json")
