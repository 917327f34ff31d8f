"""A crowd whose standing has been decided by the shop's rules, which are in force."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from engine.dispatch.in_force import come_into_force
from engine.evaluation.run import Asked, evaluate
from engine.language.rules import Rules
from engine.mirror.open import opened_mirror
from engine.planning.make import Asked as AskedPlan
from engine.planning.make import Made, make_plan
from engine.planning.report import Version
from tests.planning.shop import NOW, Person, compiled, crowd


@pytest.fixture(scope="session")
def rules() -> Rules:
    return compiled()


@pytest.fixture
def people(connection: psycopg.Connection) -> list[Person]:
    return crowd(connection)


@pytest.fixture
def judged(database: str, connection: psycopg.Connection, people: list[Person], rules: Rules) -> list[Person]:
    """Everybody, judged by the rules in force."""
    come_into_force(connection, rules, NOW - timedelta(days=1))
    evaluate(Asked(database, rules, NOW, NOW, write=True))
    return people


@pytest.fixture
def planned(database: str, rules: Rules, tmp_path: Path) -> Callable[..., Made]:
    """Plans rules against those in force."""

    def plan(new: Rules, old: Rules | None = rules) -> Made:
        before = Version(old.version if old else None, "before")
        asked = AskedPlan(database, old, new, before, Version(new.version, "after"), NOW)
        with opened_mirror(database, "public", tmp_path / "mirror") as mirror:
            return make_plan(asked, mirror)

    return plan
