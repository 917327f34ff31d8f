"""A shop whose standing is judged: its rules, a playbook that starts by a change, and who matches events."""

import dataclasses
import functools
from pathlib import Path

import psycopg
import pytest

from engine.dispatch.match import Matcher
from engine.dispatch.versions import StoredVersions, publish
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.journeys.plan import ChangeTrigger, End, EventTrigger, Plan, Start, Wait
from engine.language.rules import Rules, load_rules
from engine.standing.definition import StandingRules
from tests.facts.shop import Shop
from tests.standing.shop_rules import RULES

WELCOME_BACK = Plan(
    playbook="welcome-back",
    title="Welcome back",
    version="v1",
    subject="customer",
    start=Start(any=(ChangeTrigger(change="enters", kind="tag", names=("returning",)),)),
    stop=(ChangeTrigger(change="leaves", kind="stage", names=("active",)),),
    code=(Wait(id="wait", seconds=86_400), End(id="end")),
)
ON_PAYMENT = Plan(
    playbook="on-payment",
    title="On payment",
    version="v1",
    subject="customer",
    start=Start(any=(EventTrigger(event="order.paid"),)),
    stop=(ChangeTrigger(change="enters", kind="stage", names=("sleeping",)),),
    code=(Wait(id="wait", seconds=86_400), End(id="end")),
)


@functools.cache
def _shipped() -> Rules:
    return load_rules(Path("rules"))


def with_standing(standing: StandingRules, version: str = "v1", *plans: Plan) -> Rules:
    """The shipped attributes and policy with these rules of standing and playbooks."""
    shipped = _shipped()
    own = {plan.playbook: plan.model_copy(update={"version": version}) for plan in plans}
    return dataclasses.replace(shipped, standing=standing, plans=own, version=version, files={}, templates={})


@pytest.fixture(scope="session")
def rules() -> Rules:
    return with_standing(RULES, "v1", WELCOME_BACK, ON_PAYMENT)


@pytest.fixture
def matcher(connection: psycopg.Connection, rules: Rules) -> Matcher:
    return matching(connection, rules)


def matching(connection: psycopg.Connection, rules: Rules, *earlier: Rules) -> Matcher:
    """A matcher of published rules that knows earlier versions too."""
    publish(connection, rules)
    versions = StoredVersions({each.version: each for each in (rules, *earlier)})
    return Matcher(rules, versions, EventMatcher(load_contracts(), "EUR"))


@pytest.fixture
def shop(connection: psycopg.Connection) -> Shop:
    found = Shop(connection)
    connection.execute(
        "insert into customer_identities (customer_id, shop_id, key) values (%s, %s, 'ana')", (found.customer, found.id)
    )
    connection.commit()
    return found
