"""The commands on a real database: explain, segment, attributes and tag."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from engine.dispatch.hand_tags import give, take
from engine.dispatch.match import Matcher
from engine.dispatch.standing import Standings
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.facts.standing import read_standings
from tests.explain.shop import AS_OF, project_at, run

# Each command is a process of its own, which a busy machine starts slowly.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return project_at(tmp_path)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_explain_speaks_to_people_and_to_machines(project, database, shop):
    asked = ("explain", "main-ana", "returning", "--as-of", AS_OF)
    assert "yes tag returning, Returning" in run(project, database, *asked)
    found = json.loads(run(project, database, *asked, "--format", "json"))
    assert found["proof"]["verdict"] is True
    wrong = run(project, database, "explain", "main-ana", "returnin", code=1)
    assert "did you mean returning?" in wrong
    assert "Traceback" not in wrong


def test_segments_are_counted_and_exported_before_and_after_an_evaluation(project, database, shop):
    listed = project / "list.csv"
    run(project, database, "segment", "--as-of", AS_OF, "--output", str(listed))
    sizes = {(row["kind"], row["name"]): row["customers"] for row in rows(listed)}
    assert sizes["segment", "quiet-and-good"] == "1"
    assert sizes["stage", "active"] == "1"
    members = project / "members.csv"
    assert "1 of 2 customers" in run(
        project, database, "segment", "quiet-and-good", "--as-of", AS_OF, "--output", str(members)
    )
    assert [row["customer"] for row in rows(members)] == ["main-ana"]
    run(project, database, "evaluate")
    assert "main-ana" in run(project, database, "segment", "returning")


def test_an_ad_hoc_condition_is_asked_and_its_mistakes_have_a_place(project, database, shop):
    found = run(project, database, "segment", "--when", "{paid_orders: {gte: 2}, tier: vip}", "--as-of", AS_OF)
    assert "main-ana" in found
    assert "main-ben" not in found
    wrong = run(project, database, "segment", "--when", "{paid_order: {gte: 2}}", code=1)
    assert "--when:1:2: error RG301" in wrong
    assert "did you mean paid_orders?" in wrong


def test_attributes_are_shown_and_exported(project, database, shop):
    assert "135.50 EUR" in run(project, database, "attributes", "main-ana", "--as-of", AS_OF)
    path = project / "all.csv"
    run(project, database, "attributes", "--as-of", AS_OF, "--output", str(path))
    found = {row["customer"]: row for row in rows(path)}
    assert found["main-ana"]["spend_365d"] == "135.50"
    assert found["main-ben"]["paid_orders"] == "1"
    # Of named customers the fold writes the same.
    run(project, database, "attributes", "main-ana", "main-ben", "--as-of", AS_OF, "--output", str(project / "two.csv"))
    assert path.read_text() == (project / "two.csv").read_text()
    run(project, database, "attributes", "--as-of", AS_OF, "--output", str(project / "all.parquet"))
    table = pq.read_table(project / "all.parquet")
    assert table.column_names == list(found["main-ana"])
    assert [str(row["spend_365d"]) for row in table.to_pylist()] == [found[name]["spend_365d"] for name in found]
    assert (project / ".regulars" / "mirror").is_dir()


def test_a_tag_of_the_command_is_there_at_once_and_unknown_ones_are_refused(project, database, shop):
    assert "gains the tag friend" in run(
        project, database, "tag", "add", "main-ana", "friend", "--by", "eve", "--expires", "30d"
    )
    shown = run(project, database, "explain", "main-ana", "friend")
    assert "given by hand by eve" in shown
    assert "loses the tag friend" in run(project, database, "tag", "remove", "main-ana", "friend", "--by", "eve")
    assert "did you mean friend?" in run(project, database, "tag", "add", "main-ana", "freind", "--by", "eve", code=1)
    assert "--expires" in run(
        project, database, "tag", "add", "main-ana", "friend", "--by", "eve", "--expires", "soon", code=1
    )
    assert "by hand" in run(project, database, "tag", "remove", "main-ana", "friend", "--by", "eve", code=1)


def test_a_hand_tag_expires_by_its_flip_and_takes_what_depends_on_it_along(
    connection: psycopg.Connection, rules, standings: Standings, shop
):
    matcher = Matcher(rules, standings.versions, EventMatcher(load_contracts(), "EUR"))
    now = datetime(2026, 6, 1, tzinfo=UTC)
    give(connection, matcher, shop.customer, "friend", "eve", now, timedelta(days=30))
    kept = read_standings(connection, [shop.customer])[shop.customer]
    assert "friend" in kept.standing.tags
    assert "friends" in kept.standing.segments
    ends = now + timedelta(days=30)
    standings.reevaluate(connection, shop.customer, ends - timedelta(seconds=1), cause="flip", recorded_at=ends)
    assert "friends" in read_standings(connection, [shop.customer])[shop.customer].standing.segments
    standings.reevaluate(connection, shop.customer, ends, cause="flip", recorded_at=ends)
    kept = read_standings(connection, [shop.customer])[shop.customer]
    assert "friend" not in kept.standing.tags
    assert "friends" not in kept.standing.segments


def test_a_hand_tag_and_the_judgement_it_causes_commit_together_or_not_at_all(
    connection: psycopg.Connection, rules, standings: Standings, shop
):
    matcher = Matcher(rules, standings.versions, EventMatcher(load_contracts(), "EUR"))
    now = datetime(2026, 6, 1, tzinfo=UTC)
    with connection.transaction(force_rollback=True):
        give(connection, matcher, shop.customer, "friend", "eve", now)
    assert connection.execute("select count(*) from hand_tags").fetchone() == (0,)
    assert read_standings(connection, [shop.customer]) == {}
    with pytest.raises(LookupError):
        take(connection, matcher, shop.customer, "friend", "eve", now)
