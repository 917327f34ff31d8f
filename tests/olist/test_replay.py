"""Olist's January through the real Temporal server, held against pandas."""

import csv
import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pandas as pd
import psycopg
import pytest

from engine.language.rules import load_rules
from tests.olist.expected import ZONE, Row, expected_messages
from tests.olist.expected_reviews import expected_requests
from tests.olist.expected_shipments import expected_notices
from tests.simulation.lived import Lived, differences
from tests.simulation.real import read

REPOSITORY = Path(__file__).parents[2]
CONCERNED = """
select distinct o.customer_id from orders o
  left join shipments h on h.order_id = o.id
 where o.placed_at >= %(start)s and o.placed_at < %(to)s
    or o.delivered_at >= %(start)s and o.delivered_at < %(to)s
    or h.shipped_at >= %(start)s and h.shipped_at < %(to)s
"""
"""Whoever something happens to that starts one of these playbooks."""


def with_playbooks(root: Path, *names: str) -> Path:
    """A project with the shipped rules and those of its playbooks that pandas works out."""
    shutil.copytree(REPOSITORY / "rules", root / "rules")
    for playbook in (root / "rules" / "playbooks").iterdir():
        if playbook.name.partition(".")[0] not in names:
            playbook.unlink()
    (root / "regulars.toml").write_text('[project]\nrules = "rules"\n')
    return root


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_playbooks(tmp_path_factory.mktemp("olist"), "payment-reminder")


@pytest.fixture(scope="module")
def parcels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_playbooks(tmp_path_factory.mktemp("parcels"), "shipment-notice")


def regulars(project: Path, database: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", *arguments, "--project", str(project)],
        env={**os.environ, "REGULARS_DATABASE_URL": database},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def replay(project: Path, database: str, name: str, start: str, to: str) -> bytes:
    regulars(project, database, "replay", name, "--from", start, "--to", to)
    return (project / ".regulars" / "replay" / name / "messages.csv").read_bytes()


def rows(log: bytes) -> list[Row]:
    lines = csv.DictReader(log.decode().splitlines())
    return [
        Row(line["subject"], line["step"], line["state"], line["reason"], pd.Timestamp(line["at"])) for line in lines
    ]


def simulated_otherwise(project: Path, database: str, name: str, start: str, to: str) -> list[str]:
    """What the simulation makes of the same window in another way than a replay: messages and journeys' ends."""
    rules = load_rules(project / "rules")
    side = read(database, f"replay_{name}", rules, midnight(start), midnight(to), "BRL")
    with psycopg.connect(database) as connection:
        window = {"start": side.start, "to": side.to}
        ids = [row[0] for row in connection.execute(CONCERNED, window)]
    ours = side.simulated(side.worlds(ids))
    assert ours.messages
    return differences(Lived(ours.messages, ours.journeys), Lived(side.lived.messages, side.lived.journeys))


def midnight(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=ZONE)


@pytest.mark.timeout(1200)
def test_two_days_of_reminders_are_those_that_pandas_works_out_and_the_same_again(
    project: Path, olist_database: str, olist: Path
) -> None:
    first = replay(project, olist_database, "jan", "2018-01-08", "2018-01-10")
    again = replay(project, olist_database, "jan", "2018-01-08", "2018-01-10")

    expected = expected_messages(olist, project / "rules", midnight("2018-01-08"), midnight("2018-01-10"))
    found = rows(first)
    assert len(found) == len(set(found))
    assert set(found) ^ expected == set()
    assert {row.state for row in found} >= {"sent"}
    assert found == sorted(found, key=lambda row: (row.at, row.order, row.step))
    assert set(rows(again)) ^ set(found) == set()
    assert first == again
    assert simulated_otherwise(project, olist_database, "jan", "2018-01-08", "2018-01-10") == []


@pytest.mark.timeout(1200)
def test_a_weekend_reaches_the_second_reminder_and_the_payments_in_quiet_hours(
    project: Path, olist_database: str, olist: Path
) -> None:
    found = rows(replay(project, olist_database, "weekend", "2018-01-11", "2018-01-16"))

    expected = expected_messages(olist, project / "rules", midnight("2018-01-11"), midnight("2018-01-16"))
    assert set(found) ^ expected == set()
    assert simulated_otherwise(project, olist_database, "weekend", "2018-01-11", "2018-01-16") == []
    assert {(row.step, row.state, row.reason) for row in found} >= {
        ("first", "sent", ""),
        ("second", "sent", ""),
        ("first", "skipped", "stopped"),
        ("first", "skipped", "replay-ended"),
    }


@pytest.mark.timeout(1200)
def test_two_days_of_shipment_notices_are_those_that_pandas_works_out(
    parcels: Path, olist_database: str, olist: Path
) -> None:
    found = rows(replay(parcels, olist_database, "parcels", "2018-01-12", "2018-01-14"))

    expected = expected_notices(olist, parcels / "rules", midnight("2018-01-12"), midnight("2018-01-14"))
    assert len(found) == len(set(found))
    assert set(found) ^ expected == set()
    assert simulated_otherwise(parcels, olist_database, "parcels", "2018-01-12", "2018-01-14") == []
    assert {(row.step, row.state) for row in found} >= {("shipped", "sent"), ("delivered", "sent"), ("late", "sent")}


@pytest.mark.timeout(1200)
def test_two_days_of_review_requests_are_those_that_pandas_works_out(
    tmp_path: Path, olist_database: str, olist: Path
) -> None:
    project = with_playbooks(tmp_path, "review-request")
    playbook = project / "rules" / "playbooks" / "review-request.yaml"
    # Asked after hours and not after days, so that two days see the question, the review and the thanks.
    playbook.write_text(playbook.read_text().replace("default: 5d", "default: 3h"))
    found = rows(replay(project, olist_database, "reviews", "2018-01-12", "2018-01-14"))

    expected = expected_requests(olist, project / "rules", midnight("2018-01-12"), midnight("2018-01-14"))
    assert len(found) == len(set(found))
    assert set(found) ^ expected == set()
    assert simulated_otherwise(project, olist_database, "reviews", "2018-01-12", "2018-01-14") == []
    assert {(row.step, row.state) for row in found} >= {("ask", "sent"), ("thanks", "sent")}
