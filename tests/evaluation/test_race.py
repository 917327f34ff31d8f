"""A bulk evaluation while events are told of the same customers: no update is lost, none is made twice."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.dispatch.standing import Standings
from engine.dispatch.versions import StoredVersions, publish
from engine.evaluation import work
from engine.evaluation.run import Asked, evaluate
from engine.facts.standing import read_standings
from engine.language.rules import Rules, load_rules
from tests.evaluation.telling import CUSTOMERS, NOW
from tests.facts.shop import put

ROOT = Path(__file__).parents[2]
TELLERS = ("first", "second")


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules(ROOT / "rules")


@pytest.fixture
def shop(connection, database, rules):
    """Everybody is known and judged; from then on events judge too."""
    shop = put(connection, "shops", key="main", name="Main", zone="Europe/Berlin", currency="EUR", country="DE")
    publish(connection, rules)
    for number in range(CUSTOMERS):
        customer = put(connection, "customers", key=f"c{number}", country="DE")
        put(connection, "customer_identities", customer_id=customer, shop_id=shop, key=f"c{number}")
    connection.commit()
    evaluate(Asked(database, rules, NOW, NOW, write=True))


@contextmanager
def _tellers(database: str, rounds: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    command = [sys.executable, "-m", "tests.evaluation.telling", database]
    running = [subprocess.Popen([*command, name, str(rounds)], cwd=ROOT) for name in TELLERS]
    try:
        yield running
        assert [each.wait() for each in running] == [0, 0]
    finally:
        for each in running:
            each.kill()
            each.wait()


def _race(database: str, rules: Rules, rounds: int) -> int:
    """Judges everybody again and again until everything is told, and once more; gives how often somebody moved."""
    again = 0
    with _tellers(database, rounds) as running:
        while any(each.poll() is None for each in running):
            again += evaluate(Asked(database, rules, NOW, NOW, write=True, start_existing=True)).tally.again
    return again


def _wrong(connection, rules: Rules) -> list[str]:
    """What is not as a fresh judgement of the facts has it."""
    standings = Standings(rules, StoredVersions({rules.version: rules}), "EUR")
    published, found = standings.published(connection), []
    versions = dict(connection.execute("select id, fact_version from customers order by id").fetchall())
    stored = read_standings(connection, list(versions))
    for read in standings.read(connection, list(versions)):
        customer, kept = read.facts.customer_id, stored[read.facts.customer_id]
        fresh = standings.judged(read, kept.standing.at, kept, published)
        found += [f"{customer}: {each}" for each in fresh.changes]
        found += [] if fresh.standing == kept.standing else [f"{customer}: {fresh.standing} is not {kept.standing}"]
        found += [] if fresh.next_flip == kept.next_flip else [f"{customer}: the next flip"]
        found += [] if kept.fact_version == versions[customer] else [f"{customer}: judged by {kept.fact_version}"]
    return [*found, *_not_once(connection, stored)]


def _not_once(connection, stored) -> list[str]:
    """Changes that do not lead from one to the next up to what is stored, and events without their row."""
    names: dict[tuple[int, str], set[str]] = {}
    found = []
    rows = connection.execute('select customer_id, kind, "from", "to" from standing_changes order by id')
    for customer, kind, before, after in rows.fetchall():
        own = names.setdefault((customer, kind), set())
        if (before is not None and before not in own) or after in own:
            found.append(f"{customer}: {kind} {before} -> {after} over {own}")
        own -= {before}
        own |= {after} - {None}
    for customer, kept in stored.items():
        found += [f"{customer}: tags" for _ in (1,) if names.get((customer, "tag"), set()) != kept.standing.tags]
        found += [
            f"{customer}: segments" for _ in (1,) if names.get((customer, "segment"), set()) != kept.standing.segments
        ]
    return found


def test_events_and_a_bulk_evaluation_lose_nothing_to_each_other(connection, database, shop, rules):
    again = _race(database, rules, rounds=60)
    assert _wrong(connection, rules) == []
    assert again > 0  # they did meet
    # Bulk runs take nobody's facts away either: every event that was told is there once.
    events, different = connection.execute("select count(*), count(distinct (shop_id, key)) from events").fetchone()
    raised = connection.execute("select sum(fact_version) from customers").fetchone()[0]
    assert events == different == raised
    evaluate(Asked(database, rules, NOW, NOW, write=True))
    assert _wrong(connection, rules) == []


def test_an_evaluation_that_does_not_look_at_the_versions_loses_updates(connection, database, shop, rules, monkeypatch):
    """What the check is for: an event between reading and writing is overwritten by what held before it."""
    versions, read = work._fact_versions, work.read_standings
    first: dict[str, dict] = {}

    def blind_versions(connection, ids, *, lock=False):
        if not lock:
            first["versions"] = versions(connection, ids)
            first.pop("kept", None)
            return first["versions"]
        versions(connection, ids, lock=True)
        return first["versions"]

    def blind_standings(connection, ids):
        return first.setdefault("kept", read(connection, ids))

    monkeypatch.setattr(work, "_fact_versions", blind_versions)
    monkeypatch.setattr(work, "read_standings", blind_standings)
    for attempt in range(20):
        _race(database, rules, rounds=10 + 10 * attempt)
        if _wrong(connection, rules):
            return
    raise AssertionError("nobody notices that the versions are not looked at")
