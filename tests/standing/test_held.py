"""Too many journeys at once are held for a person; cut-offs are published again by the calendar."""

import asyncio
import dataclasses
import logging
import threading
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from engine.dispatch import held
from engine.dispatch.accept import accept, accept_waiting
from engine.dispatch.outbox import claim
from engine.dispatch.versions import StoredVersions
from engine.evaluation.minute import Minute
from engine.evaluation.publication import Publication
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.facts.pool import open_pool
from engine.language.rules import Rules
from engine.policy import MassStart
from engine.policy import Publication as Calendar
from tests.facts.intake.telling import progressed
from tests.facts.shop import utc
from tests.olist.test_replay import regulars
from tests.standing.conftest import matching
from tests.standing.test_evaluate import NOW, PEOPLE, crowd, rows, run

__all__ = ["crowd"]
STARTING = PEOPLE - 2
_STATES = "select state, count(*) from journeys group by 1 order by 1"
_OPEN = "select count(*) from outbox where done_at is null and kind = 'start'"


def with_policy(rules: Rules, **parts: object) -> Rules:
    return dataclasses.replace(rules, policy=rules.policy.model_copy(update=parts))


@pytest.fixture
def careful(rules: Rules) -> Rules:
    return with_policy(rules, mass_start=MassStart(above=STARTING - 1))


def test_no_more_than_allowed_start_at_once(connection, database, crowd, rules):
    allowed = with_policy(rules, mass_start=MassStart(above=STARTING))
    result = run(database, allowed, start_existing=True)
    assert (result.held, result.journeys) == (0, STARTING)
    assert rows(connection, _STATES) == [("running", STARTING)]
    assert rows(connection, _OPEN) == [(STARTING,)]


def test_more_than_allowed_are_held_until_they_are_released(connection, database, crowd, careful):
    result = run(database, careful, start_existing=True)
    assert (result.held, result.journeys) == (STARTING, 0)
    assert rows(connection, _STATES) == [("held", STARTING)]
    assert claim(connection) == []
    connection.rollback()
    # The same again finds no new ones: nobody is started twice.
    assert run(database, careful, start_existing=True).held == 0
    assert held.held(connection) == {"welcome-back": STARTING}

    # One of them has stopped being active meanwhile, which is the playbook's stop.
    stopped = rows(connection, "select customer_id from journeys order by customer_id limit 1")[0][0]
    connection.execute(
        """insert into standing_changes (customer_id, kind, "from", "to", at, cause, version)
           values (%s, 'stage', 'active', 'sleeping', %s, 'flip', 'v1')""",
        (stopped, NOW + timedelta(hours=1)),
    )
    versions = StoredVersions({careful.version: careful})
    later = NOW + timedelta(days=2)
    done = held.release(connection, ["welcome-back"], later, EventMatcher(load_contracts(), "EUR"), versions)
    assert done == held.Released(STARTING - 1, 1)
    assert rows(connection, _STATES) == [("running", STARTING - 1), ("stopped", 1)]
    assert rows(connection, "select distinct started_at from journeys where state = 'running'") == [(later,)]
    assert rows(connection, _OPEN) == [(STARTING - 1,)]
    assert (
        held.release(connection, ["welcome-back"], later, EventMatcher(load_contracts(), "EUR"), versions).started == 0
    )


def test_discarded_journeys_never_start_and_stay_in_the_list(connection, database, crowd, careful):
    run(database, careful, start_existing=True)
    assert held.discard(connection, ["another"], NOW) == 0
    assert held.discard(connection, ["welcome-back"], NOW) == STARTING
    assert rows(connection, "select distinct state, outcome from journeys") == [("cancelled", "discarded")]
    assert rows(connection, "select count(*) from outbox") == [(0,)]


def test_events_that_had_waited_for_an_import_start_no_more_at_once_than_allowed(
    connection, shop, rules, caplog
) -> None:
    few = with_policy(rules, mass_start=MassStart(above=1))
    matcher = matching(connection, few)
    for number in ("a", "b"):
        accept(connection, matcher, progressed("paid", number, at=NOW), NOW)
    assert rows(connection, "select count(*) from journeys") == [(0,)]
    for number in ("a", "b"):  # an import brings the orders without looking for what waits for them
        shop.order(number, "2026-01-01T09:00")
    with caplog.at_level(logging.WARNING):
        assert accept_waiting(connection, matcher, NOW) == 2
    assert "are held: `regulars journeys release`" in caplog.text
    found = rows(connection, _STATES)
    assert [state for state, _ in found] == ["held"]
    assert rows(connection, "select count(*) from outbox where kind = 'start'") == [(0,)]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The shipped rules with one playbook, for whoever bought twice, and a person asked above ten journeys."""
    rules = tmp_path / "rules"
    for file in Path("rules").rglob("*"):
        if file.is_file() and file.parent.name != "playbooks":
            target = rules / file.relative_to("rules")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    policy = (rules / "policy.yaml").read_text()
    assert "mass_start: {above: 500}" in policy
    (rules / "policy.yaml").write_text(policy.replace("mass_start: {above: 500}", "mass_start: {above: 10}"))
    (rules / "playbooks").mkdir()
    (rules / "playbooks" / "thank.yaml").write_text(
        "playbook: thank\ntitle: Thank\nfor: customer\nstart: {enters: {tag: returning}}\nsteps: [{wait: 1d}, end]\n"
    )
    (tmp_path / "regulars.toml").write_text('[project]\nrules = "rules"\n')
    return tmp_path


def test_the_commands_say_what_is_held_and_take_the_number_as_consent(connection, database, crowd, project):
    told = regulars(project, database, "evaluate", "--start", "existing")
    assert f"{STARTING} journeys are held: more at once than the 10 of the policy's mass_start" in told
    assert "0 journeys started" in told
    assert f"{STARTING} of thank; `regulars journeys release` starts them" in regulars(project, database, "journeys")
    with pytest.raises(AssertionError, match=f"expected --yes {STARTING} to start them"):
        regulars(project, database, "journeys", "release")
    with pytest.raises(AssertionError, match="found the number 5"):
        regulars(project, database, "journeys", "discard", "--yes", "5")
    assert rows(connection, _STATES) == [("held", STARTING)]
    told = regulars(project, database, "journeys", "release", "thank", "--yes", str(STARTING))
    assert f"{STARTING} journeys started" in told
    assert rows(connection, _STATES) == [("running", STARTING)]


@pytest.fixture
def monthly(rules: Rules) -> Rules:
    return with_policy(rules, publication=Calendar(every="month", day=1, at="03:00"), zone="UTC")


def _published(connection: psycopg.Connection) -> list[datetime]:
    return [at for (at,) in rows(connection, "select as_of from cut_offs where judged_at is not null order by id")]


def test_cut_offs_are_published_again_once_for_all_missed_and_never_before_the_first_evaluation(
    connection, database, crowd, monthly
):
    publication = Publication(database, monthly)
    assert publication.if_due(NOW) is None
    run(database, monthly)
    assert publication.if_due(utc("2026-02-01T02:59")) is None
    late = utc("2026-05-20T10:00")  # after a long downtime
    assert publication.if_due(late) is not None
    assert publication.if_due(late) is None
    assert _published(connection) == [NOW, utc("2026-05-01T03:00")]
    causes = rows(connection, "select distinct cause from standing_changes where at > %s", NOW)
    assert ("baseline",) not in causes


def test_a_publication_that_did_not_come_to_its_end_is_made_again(connection, database, crowd, monthly):
    run(database, monthly)
    publication, due = Publication(database, monthly), utc("2026-02-01T03:00")
    assert publication.if_due(due, stopped=lambda: True) is None
    assert _published(connection) == [NOW]
    assert publication.if_due(due) is not None
    assert _published(connection) == [NOW, due]


def test_several_workers_publish_once(connection, database, crowd, monthly):
    run(database, monthly)
    publication, due = Publication(database, monthly), utc("2026-02-01T03:00")
    found = []
    workers = [threading.Thread(target=lambda: found.append(publication.if_due(due))) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len([each for each in found if each is not None]) == 1
    assert _published(connection) == [NOW, due]


async def test_the_minute_publishes_and_holds_what_is_too_much_at_once(connection, database, crowd, monthly):
    careful = with_policy(monthly, mass_start=MassStart(above=1))
    matcher = matching(connection, careful)
    connection.commit()
    run(database, careful)
    # The tag was never given by a rule, so whoever has it now enters it: by the run, not as a baseline.
    connection.execute("update standings set tags = array_remove(tags, 'returning'), next_flip = null")
    connection.commit()
    with open_pool(database) as pool:
        minute = Minute(pool, lambda _connection: matcher, publication=Publication(database, careful))
        await asyncio.to_thread(minute.once, utc("2026-02-01T03:00"))
    assert _published(connection) == [NOW, utc("2026-02-01T03:00")]
    assert rows(connection, _STATES) == [("held", STARTING)]
