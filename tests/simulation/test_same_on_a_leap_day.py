"""Round a 29 February, on the time-skipping test server: a replay and the simulation make the same of it.

The server skips no time by itself: the replay holds the clock, as on any other server.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from activities.providers.mailbox import Mailbox
from engine.cli.rules import sound_rules
from engine.composition import context, event_matcher, journey_worker
from engine.dispatch.match import Matcher
from engine.dispatch.uses import with_used_standing
from engine.dispatch.versions import StoredVersions
from engine.facts.pool import open_pool
from engine.language.rules import Rules
from engine.replay.driver import Driver, Window
from engine.replay.fields import recorded_fields
from engine.replay.prepare import prepare_schema
from engine.replay.run import Run
from engine.replay.standing import judge_before
from engine.servers.journey_attributes import SEARCH_ATTRIBUTES
from engine.servers.project import Project
from engine.servers.testserver import find_test_server
from tests.simulation.crowd import BERLIN, DAY, HOUR, NEW_YORK, Crowd, local
from tests.simulation.real import Side, fresh_database, make_project, read

START, END = datetime(2028, 2, 24, tzinfo=UTC), datetime(2028, 3, 28, tzinfo=UTC)
RUN = Run("leap", 1)


@pytest.fixture
def url() -> Iterator[str]:
    with fresh_database() as url:
        with psycopg.connect(url) as connection:
            people(Crowd(connection))
        yield url


def people(crowd: Crowd) -> None:
    """Born on the days around it, and at work on it; and clocks go forward two weeks apart."""
    for born in (date(2000, 2, 28), date(2000, 2, 29), date(1999, 3, 1), date(1990, 3, 12), date(1990, 3, 26)):
        for zone in (BERLIN, NEW_YORK):
            crowd.person(f"born-{born:%m-%d}-{zone[:2]}".lower(), zone=zone, birthday=born)
    day = local("2028-02-29T12:00", BERLIN)
    for number, kind in enumerate(("visit", "cart", "log_in", "product_viewed", "search")):
        who = crowd.person(f"site-{kind}".replace("_", "-"), zone=BERLIN, source="clock")
        crowd.agrees(who, None)
        crowd.visits(who, day, kind, **({"query": "shoes"} if kind == "search" else {}))
        crowd.visits(who, day + (9 + number) * HOUR, "visit")
    for number, hours in enumerate((23, 24, 25)):
        who = crowd.person(f"order-{number}", zone=NEW_YORK)
        paid = day - DAY + hours * HOUR
        crowd.orders(who, f"order-{number}", day - DAY, payment_method="bank_slip", paid_at=paid)
    for days in (9, 23):
        crowd.visits(crowd.person(f"sunday-{days}", zone=NEW_YORK), day + days * DAY, "product_viewed")


async def replay(client: Client, url: str, rules: Rules, mailbox: Path) -> None:
    """What `regulars replay` does, with a client of a server that has no namespaces to prepare."""
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    attributes = AddSearchAttributesRequest(search_attributes=dict.fromkeys(SEARCH_ATTRIBUTES, keyword))
    await client.operator_service.add_search_attributes(attributes)
    versions = StoredVersions()
    with open_pool(url, RUN.schema) as pool:
        matcher = Matcher(with_used_standing(rules), versions, event_matcher(pool, rules))
        channels = dict.fromkeys(rules.policy.channels, Mailbox(mailbox))
        shared = context(pool, rules, channels, versions, own=dict.fromkeys(rules.own.by_name))
        driver = Driver(client, pool, versions, matcher, Window(START, END), recorded_fields(matcher.events))
        async with journey_worker(client, shared):
            await driver.run()


async def on_a_test_server(url: str, rules: Rules, mailbox: Path) -> None:
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(find_test_server()), test_server_startup_timeout=timedelta(minutes=1)
    ) as environment:
        with environment.auto_time_skipping_disabled():
            await replay(environment.client, url, rules, mailbox)


@pytest.mark.timeout(600)
def test_a_month_round_a_leap_day_is_the_same(url: str, tmp_path: Path) -> None:
    rules = sound_rules(Project.at(make_project(tmp_path / "shop")))
    prepare_schema(url, RUN, rules, END)
    judge_before(url, RUN.schema, rules, START, lambda *_told: None)
    asyncio.run(on_a_test_server(url, rules, tmp_path / "mailbox"))
    side: Side = read(url, RUN.schema, rules, START, END)
    assert side.differences() == []
    begun = {line[1:2] + line[3:4] for line in side.lived.journeys}
    assert ("leap", local("2028-02-29T02:30", BERLIN).astimezone(UTC)) in begun
    assert ("birthday", local("2028-02-28T10:00", BERLIN).astimezone(UTC)) in begun
    assert len(side.lived.journeys) < 200
