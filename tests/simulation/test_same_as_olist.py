"""Two days of Olist on the virtual clock have the messages that pandas works out: those of the running engine."""

from datetime import datetime
from pathlib import Path

import pandas as pd
import psycopg
import pytest

from engine.attributes.relations import RELATIONS
from engine.facts.read import read_customers
from engine.language.rules import Rules, load_rules
from engine.simulation.compiled import Compiled
from engine.simulation.history import Subject
from engine.simulation.world import Person, World
from tests.olist.expected import Row, expected_messages
from tests.olist.expected_reviews import expected_requests
from tests.olist.expected_shipments import expected_notices
from tests.olist.test_replay import CONCERNED, midnight, with_playbooks

START, TO = midnight("2018-01-08"), midnight("2018-01-10")
WHOLE = {name: frozenset(of.columns[2:]) for name, of in RELATIONS.items()}


def simulated(database: str, rules: Rules, playbook: str, start: datetime, to: datetime) -> set[Row]:
    """What becomes of each message of a playbook for whoever something happens to in the window."""
    compiled = Compiled(rules, [playbook], "BRL")
    found: set[Row] = set()
    with psycopg.connect(database, options="-c timezone=UTC") as connection:
        ids = [row[0] for row in connection.execute(CONCERNED, {"start": start, "to": to})]
        for begin in range(0, len(ids), 500):
            for facts in read_customers(connection, ids[begin : begin + 500], relations=WHOLE, zone=rules.policy.zone):
                world = World(compiled, Person(facts), start)
                world.run(to)
                world.close(to)
                found |= {
                    Row(subject, each.step, each.state, each.reason or "", pd.Timestamp(each.at))
                    for each in world.messages
                    for subject in [named(world.journeys[each.journey - 1].subject)]
                }
    return found


def named(subject: Subject) -> str:
    """As the log of a replay names it."""
    if subject.kind != "shipment":
        return subject.name
    number, _, key = str(subject.key).split(" ")
    return f"{number}/{key}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("playbook", "expected"),
    [
        ("payment-reminder", expected_messages),
        ("shipment-notice", expected_notices),
        ("review-request", expected_requests),
    ],
)
def test_two_days_on_the_virtual_clock_have_the_messages_of_the_real_ones(
    tmp_path: Path, olist_database: str, olist: Path, playbook: str, expected
) -> None:
    project = with_playbooks(tmp_path, playbook)
    file = project / "rules" / "playbooks" / f"{playbook}.yaml"
    # Asked after hours and not after days, so that two days see the question, the review and the thanks.
    file.write_text(file.read_text().replace("default: 5d", "default: 3h"))
    rows = expected(olist, project / "rules", START, TO)
    assert len(rows) > 30
    assert simulated(olist_database, load_rules(project / "rules"), playbook, START, TO) ^ rows == set()
