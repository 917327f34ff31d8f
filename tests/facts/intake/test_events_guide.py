"""The guide to events promises nothing that does not hold."""

import json
import re
from pathlib import Path

import pytest
from telling import LATER, NOON, placed

from engine.facts.events import Event, Recorded, load_contracts
from engine.facts.intake import record, record_json

GUIDE = (Path(__file__).parents[3] / "docs" / "events.md").read_text(encoding="utf-8")
EXAMPLE, OWN_CONTRACT = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL))


def test_every_shipped_kind_is_in_the_guide_and_no_other(contracts):
    table = GUIDE.partition("## Kinds\n")[2].partition("\n## ")[0]
    named = re.findall(
        r"`([a-z]+\.[a-z_]+)`", re.sub(r"`data\.\w+`", "", "\n".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)))
    )
    assert sorted(named) == sorted(contracts)


def test_the_guides_example_becomes_an_order(connection, contracts):
    connection.execute("insert into shops (key, name, zone, currency) values ('sample', 'S', 'Europe/Berlin', 'EUR')")
    recorded = record_json(connection, EXAMPLE, recorded_at=LATER, contracts=contracts)
    assert isinstance(recorded, Recorded)
    assert connection.execute("select number, total_minor from orders").fetchone() == ("20417", 10670)


def test_the_guides_own_kind_is_taken(connection, tell, tmp_path):
    (tmp_path / "loyalty.card_issued.json").write_text(json.dumps(OWN_CONTRACT))
    tell(placed())
    event = Event("loyalty.card_issued", "l", NOON, "main", "c1", data={"level": "gold"})
    recorded = record(connection, event, recorded_at=LATER, contracts=load_contracts(tmp_path))
    assert recorded.fields == {"level": "gold"}


@pytest.mark.parametrize("code", sorted(set(re.findall(r'(?:Refusal\(|keep_violations\(.*?)"(\w+)"', "".join(
    path.read_text() for path in (Path(__file__).parents[3] / "engine/facts/intake").glob("*.py")))) | {
        "unknown_kind", "contract_violation", "other_customer"}))  # fmt: skip
def test_every_code_of_a_refusal_is_in_the_guide(code):
    assert f"`{code}`" in GUIDE
