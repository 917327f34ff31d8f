"""A project's database, made ready for a command."""

import os
from dataclasses import dataclass
from pathlib import Path

from engine.facts.migrate import upgrade
from engine.mirror.open import mirror_directory
from engine.servers.need import need
from engine.servers.project import Project


@dataclass(frozen=True)
class Database:
    """The database of a project: there, and with the tables of this engine."""

    url: str
    project: Project

    @classmethod
    def of(cls, project: Project, *, temporal: bool = False) -> "Database":
        """Of a project; starts the embedded servers that are not configured.

        Args:
            project: the project.
            temporal: whether Temporal is needed too.

        Raises:
            SetupError: a server is not there and cannot be started.
        """
        need(project, database=True, temporal=temporal)
        url = os.environ["REGULARS_DATABASE_URL"]
        upgrade(url)
        return cls(url, project)

    @property
    def mirror(self) -> Path:
        """Where the columnar mirror of its facts is kept."""
        return mirror_directory(self.project.state, self.url)
