"""The small shop, its rules compiled, and who explains."""

from collections.abc import Callable
from datetime import datetime

import psycopg
import pytest

from engine.dispatch.standing import Standings
from engine.dispatch.versions import StoredVersions, publish
from engine.explain.answer import Explainer
from engine.explain.case import Case
from engine.explain.customers import find_customer, read_case
from engine.facts.standing import publish_cut_offs
from engine.language.rules import Rules, load_rules
from engine.standing.cut_offs import CutOffs
from tests.explain.shop import AS_OF, RULES, filled
from tests.facts.shop import Shop, utc

AT = datetime.fromisoformat(AS_OF)


@pytest.fixture(scope="session")
def rules() -> Rules:
    return load_rules(RULES)


@pytest.fixture
def shop(connection: psycopg.Connection) -> Shop:
    return filled(connection)


@pytest.fixture
def standings(rules: Rules, shop: Shop, connection: psycopg.Connection) -> Standings:
    """With cut-offs published as of May: VIP from 100 EUR."""
    found = Standings(rules, StoredVersions({rules.version: rules}), "EUR")
    publish(connection, rules)
    publish_cut_offs(connection, rules.version, utc("2026-05-01T00:00"), CutOffs(tiers=(10_000,)), found.digests)
    connection.commit()
    return found


@pytest.fixture
def explainer(rules: Rules, standings: Standings) -> Explainer:
    return Explainer(rules, standings.catalogue, standings.judge)


@pytest.fixture
def case(connection: psycopg.Connection, standings: Standings) -> Callable[..., Case]:
    """A customer's case, as of the first of June."""

    def read(key: str = "main-ana", at: datetime = AT) -> Case:
        return read_case(connection, standings, find_customer(connection, key), at, past=True)

    return read
