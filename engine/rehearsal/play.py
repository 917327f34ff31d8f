"""Plays a test of a playbook on the real path, and compares what its journeys did with what they must do."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import psycopg
from psycopg import sql
from psycopg_pool import ConnectionPool
from temporalio.client import Client

from engine.conditions.operands import instant
from engine.dispatch.match import Matcher
from engine.dispatch.versions import StoredVersions, publish
from engine.facts.currency import reporting_currency
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.facts.standing import Kept, publish_cut_offs, storing_few
from engine.facts.tables import metadata
from engine.journeys.plan import Parallel, Plan
from engine.language.rules import Rules
from engine.rehearsal.driver import Rehearsal
from engine.rehearsal.facts import BEFORE, CUSTOMER, Stored, UntoldError, add_message, messages
from engine.rehearsal.recorder import entries
from engine.rehearsal.terms import Terms, not_assumed, pools, terms
from engine.replay.driver import Window
from engine.replay.fields import recorded_fields
from engine.ruletests.case import Case, Difference, Outcome
from engine.ruletests.play import compared, is_told
from engine.ruletests.story import Story
from engine.simulation.log import Entry

Connection = psycopg.Connection[Any]
_contracts = cache(load_contracts)
_BEGIN_ANEW = """
select setval(pg_get_serial_sequence(quote_ident(table_name), column_name), 1, false) from information_schema.columns
 where table_schema = current_schema() and is_identity = 'YES'
"""
LONGEST = 60.0
"""Seconds for one test: a journey that is not over by then is stuck."""
_CODES = 20
"""In each pool: more than any customer is given."""


@dataclass(frozen=True)
class Prepared:
    """A test that lies ready in its schema."""

    case: Case
    story: Story
    terms: Terms
    matcher: Matcher
    versions: StoredVersions
    delivered: list[str] = field(default_factory=list)
    """Keys of the messages that a provider has taken."""


Working = Callable[[Client, Prepared, ConnectionPool], AbstractAsyncContextManager[Any]]
"""A worker for the test's journeys, whose world outside answers as the test says."""


async def rehearse(
    rules: Rules, case: Case, story: Story, client: Client, pool: ConnectionPool, working: Working
) -> Outcome:
    """What became of a test.

    Args:
        rules: whose playbooks are tested.
        case: the test.
        story: its part that is about journeys.
        client: of a namespace in which nothing has run yet.
        pool: of a schema that `engine.rehearsal.recorder` watches; what is in it is removed.
        working: gives the worker.
    """
    found = terms(rules, case, story)
    if not isinstance(found, Terms):
        return Outcome(case, found)
    try:
        prepared = await asyncio.to_thread(_prepare, case, story, found, pool)
    except UntoldError as error:
        return Outcome(case, (_untold(story, error),))
    fault = await _play(prepared, client, pool, working)
    log = await asyncio.to_thread(_log, prepared, pool)
    fault = fault or not_assumed(found.plans, story, log)
    fault = fault or await asyncio.to_thread(_undelivered, prepared, pool)
    difference = fault or compared(case, story, like_told(story, log, found.plans))
    return Outcome(case, () if difference is None else (difference,))


def _prepare(case: Case, story: Story, found: Terms, pool: ConnectionPool) -> Prepared:
    with pool.connection() as connection:
        _empty(connection)
        rules = found.rules
        publish(connection, rules)
        stored = Stored(connection, found.key, rules.policy.currency)
        stored.write(case.facts)
        begins = instant(case.at)
        for number, values in enumerate(messages(case.facts), 1):
            if values["at"] < begins:
                add_message(connection, rules.version, values, number)
        for kind, happening in case.events:
            stored.tell(kind, happening)
        for tag in case.hand_tags:
            stored.give(tag)
        for name in sorted(pools(found.plans, story, empty=False)):
            stored.codes(name, _CODES)
        connection.execute("delete from recorded")
        currency = reporting_currency(connection, rules.policy.currency)
        versions = StoredVersions({rules.version: rules})
        matcher = Matcher(rules, versions, EventMatcher(_contracts(), currency))
        _decided_before(connection, case, matcher)
    return Prepared(case, story, found, matcher, versions)


def _empty(connection: Connection) -> None:
    """Removes all rows and begins numbers anew; `truncate` makes new files for each table, which takes longer."""
    names = ["recorded", *(table.name for table in reversed(metadata.sorted_tables))]
    connection.execute(sql.SQL(";").join(sql.SQL("delete from {}").format(sql.Identifier(name)) for name in names))
    connection.execute(_BEGIN_ANEW)


def _decided_before(connection: Connection, case: Case, matcher: Matcher) -> None:
    """Cut-offs as published, and the customer's standing of before."""
    version, published = matcher.rules.version, None
    if case.cut_offs is not None:
        published = publish_cut_offs(connection, version, instant(case.at), case.cut_offs, matcher.standings.digests)
    if case.previous is not None:
        kept = Kept(case.previous, version, published.id if published else None, 0, None)
        connection.execute(*storing_few([(CUSTOMER, kept)]))


async def _play(prepared: Prepared, client: Client, pool: ConnectionPool, working: Working) -> Difference | None:
    story = prepared.story
    window = Window(instant(prepared.case.at), story.until)
    fields = recorded_fields(prepared.matcher.events)
    driver = Rehearsal(client, pool, prepared.versions, prepared.matcher, window, fields, assumed=story.assumed)
    for number, values in enumerate(messages(prepared.case.facts), 1):
        # The engine counts what lies in its table of messages: those of the future must not be there yet.
        if values["at"] >= window.start:
            driver.later(values["at"], partial(_sent_elsewhere, values=values, number=number))
    try:
        async with working(client, prepared, pool), asyncio.timeout(LONGEST):
            await driver.run()
    except TimeoutError:
        return Difference("happens", story.span, "an end", f"journeys that are not over after {LONGEST:.0f} s")
    except UntoldError as error:
        return _untold(story, error)
    return None


def _untold(story: Story, error: UntoldError) -> Difference:
    return Difference("happens", story.span, "what the test says", f"not on the real path: {error}")


def _sent_elsewhere(connection: Connection, matcher: Matcher, *, values: dict[str, Any], number: int) -> None:
    add_message(connection, matcher.rules.version, values, number)


def _log(prepared: Prepared, pool: ConnectionPool) -> list[Entry]:
    with pool.connection() as connection:
        return entries(connection, prepared.terms.plans)


def _undelivered(prepared: Prepared, pool: ConnectionPool) -> Difference | None:
    """That messages stand as sent which no provider has taken, or the other way round."""
    with pool.connection() as connection:
        rows = connection.execute(
            "select key from messages where state = 'sent' and not starts_with(key, %s)", (BEFORE,)
        )
        sent = sorted(row[0] for row in rows)
    if sent == sorted(prepared.delivered):
        return None
    expected, found = (", ".join(each) or "none" for each in (sent, sorted(prepared.delivered)))
    return Difference("happens", prepared.story.span, f"messages that left: {expected}", found)


def like_told(story: Story, log: Sequence[Entry], plans: Mapping[str, Plan]) -> list[Entry]:
    """What happened in the order of the test, as far as order means nothing there.

    At one instant it means nothing between journeys, and between the branches of one.
    """
    rest, found = list(log), list[Entry]()
    for told in story.happens:
        same = [each for each in rest if each.at == rest[0].at]
        free = (each for place, each in enumerate(same) if all(_apart(one, each, plans) for one in same[:place]))
        chosen = next((each for each in free if is_told(told, each)), None)
        if chosen is None:
            break
        rest.remove(chosen)
        found.append(chosen)
    return found + rest


def _apart(one: Entry, other: Entry, plans: Mapping[str, Plan]) -> bool:
    plan = plans.get(one.playbook)
    return one.journey != other.journey or (
        plan is not None and one.what != "end" and any(isinstance(step, Parallel) for step in plan.code)
    )
