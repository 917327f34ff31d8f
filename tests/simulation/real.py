"""The real path for comparing with it: a replay with its own servers, and what the simulation needs to do the same."""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from engine.cli.rules import sound_rules
from engine.conditions.operands import microseconds
from engine.facts.migrate import upgrade
from engine.language.rules import Rules
from engine.servers.project import Project
from engine.simulation.backtest import Window, worlds
from engine.simulation.compiled import Compiled
from engine.simulation.world import World
from engine.standing.cut_offs import CutOffs, Published
from tests.simulation import lived
from tests.simulation.lived import OUTSIDE, Lived

EVERYTHING = Path(__file__).parent / "everything"
REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Side:
    """What a replay has made of facts, and all that is needed to simulate the same."""

    url: str
    rules: Rules
    start: datetime
    to: datetime
    cut_offs: Published
    lived: Lived
    currency: str = "EUR"

    def worlds(self, of: Sequence[int] | None = None) -> list[World]:
        """Everybody in the simulation, or those of these numbers; as of now: with what a test has broken."""
        names = tuple(self.rules.plans)
        window = Window(self.url, self.rules, names, self.start, self.to, self.currency, self.cut_offs)
        with psycopg.connect(self.url, options="-c timezone=UTC") as connection:
            ids = [row[0] for row in connection.execute("select id from customers order by id")] if of is None else of
            return list(worlds(connection, Compiled(self.rules, names, self.currency), window, ids))

    def simulated(self, found: Sequence[World] | None = None) -> Lived:
        """What these worlds have come to."""
        return lived.simulated(self.worlds() if found is None else found, self.to, self.outside)

    def differences(self) -> list[str]:
        """What the simulation makes otherwise."""
        return lived.differences(self.simulated(), self.lived)

    @property
    def outside(self) -> frozenset[tuple[str, str]]:
        """Playbook and step of what a replay tells nobody."""
        plans = self.rules.plans.values()
        return frozenset((plan.playbook, step.id) for plan in plans for step in plan.code if step.op in OUTSIDE)


@contextmanager
def fresh_database() -> Iterator[str]:
    """A migrated, empty database."""
    server, name = os.environ["REGULARS_DATABASE_URL"], f"same_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    upgrade(url)
    yield url
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def make_project(root: Path) -> Path:
    """A project with rules of all kinds."""
    shutil.copytree(EVERYTHING, root)
    return root


def replayed(project: Path, url: str, start: datetime, to: datetime) -> Side:
    """Runs `regulars replay` over a database's facts, and gives what has become of everybody.

    Raises:
        AssertionError: the command failed.
    """
    # A namespace of Temporal is named after it, and others may be replaying too.
    name, window = f"same{uuid.uuid4().hex[:6]}", ["--from", start.isoformat(), "--to", to.isoformat()]
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", "replay", name, *window, "--project", str(project)],
        env={**os.environ, "REGULARS_DATABASE_URL": url},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return read(url, f"replay_{name}", sound_rules(Project.at(project)), start, to)


def read(url: str, schema: str, rules: Rules, start: datetime, to: datetime, currency: str = "EUR") -> Side:
    """What a replay has left in its schema."""
    with psycopg.connect(url, options=f"-c search_path={schema} -c timezone=UTC") as connection:
        published = connection.execute('select as_of, "values" from cut_offs order by id').fetchall()
        cut_offs = tuple((microseconds(at), CutOffs.from_json(values)) for at, values in published)
        return Side(url, rules, start, to, cut_offs, lived.real(connection), currency)
