import json
from datetime import UTC, datetime

import pytest
from jsonschema import Draft202012Validator
from telling import LATER, NOON, eur, placed

from engine.contracts import comparable, fields_of, json_of, subject_of, values_of
from engine.facts.event_contracts import shipped_directory
from engine.facts.events import ContractError, Event, load_contracts
from engine.facts.intake import record
from engine.money import Money

OWN = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Loyalty card issued",
    "type": "object",
    "properties": {
        "level": {"title": "Level", "enum": ["silver", "gold"]},
        "balance": {"title": "Balance", "type": "object", "format": "money"},
        "expires": {"title": "Expires", "type": "string", "format": "date-time"},
        "partners": {"title": "Partners", "type": "array", "items": {"type": "string"}},
        "holder": {"title": "Holder", "type": "string", "personal": True},
        "ratio": {"title": "A fraction is no field", "type": "number"},
        "nested": {"title": "An object is no field", "type": "object"},
        "points": {"title": "Points", "type": ["integer", "null"]},
    },
    "required": ["level"],
    "additionalProperties": False,
}


@pytest.fixture
def project(tmp_path):
    """Writes contracts of a project's own and loads them with the shipped ones."""

    def write(kind, schema):
        (tmp_path / f"{kind}.json").write_text(schema if isinstance(schema, str) else json.dumps(schema))
        return load_contracts(tmp_path)

    return write


@pytest.mark.parametrize("path", sorted(shipped_directory().glob("*.json")), ids=lambda path: path.stem)
def test_every_shipped_contract_is_a_schema_whose_properties_explain_themselves(path):
    schema = json.loads(path.read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["title"]
    assert schema["additionalProperties"] is False
    assert all(part.get("title") for part in schema["properties"].values())


def test_a_projects_own_kind_is_checked_logged_and_offers_its_fields(connection, tell, project):
    contracts = project("loyalty.card_issued", OWN)
    tell(placed())
    data = {
        "level": "gold",
        "balance": eur("12.50"),
        "expires": "2026-01-01T00:00:00+01:00",
        "partners": ["a", "b"],
        "holder": "Ada",
        "ratio": 0.5,
        "nested": {"deep": [1]},
    }
    event = Event("loyalty.card_issued", "l1", NOON, "main", "c1", data=data)
    recorded = record(connection, event, recorded_at=LATER, contracts=contracts)
    assert recorded.fields == {
        "level": "gold",
        "balance": Money(1250, "EUR"),
        "expires": datetime(2025, 12, 31, 23, tzinfo=UTC),
        "partners": frozenset({"a", "b"}),
    }
    kept = connection.execute("select data from events where kind = 'loyalty.card_issued'").fetchone()[0]
    assert kept == {name: value for name, value in data.items() if name != "holder"}
    wrong = Event("loyalty.card_issued", "l2", NOON, "main", "c1", data={"level": "golden", "balance": eur("1,5")})
    refused = record(connection, wrong, recorded_at=LATER, contracts=contracts)
    assert [str(violation) for violation in refused.violations] == [
        (
            "balance: found {'amount': '1,5', 'currency': 'EUR'}, expected an amount as text and a currency:"
            ' \'1,5\' is not an amount such as 12.50 (such as {"amount": "12.50", "currency": "EUR"})'
        ),
        "level: found 'golden', expected one of silver, gold (did you mean 'gold'?)",
    ]


def test_an_own_kind_named_like_a_shipped_family_is_only_logged(connection, tell, project):
    contracts = project("order.gift_wrapped", {"subject": "order", "type": "object", "properties": {}})
    placed_order = tell(placed())
    event = Event("order.gift_wrapped", "g1", NOON, "main", None, "1001")
    recorded = record(connection, event, recorded_at=LATER, contracts=contracts)
    assert (recorded.order_id, recorded.fields["payment_method"]) == (placed_order.order_id, "bank_slip")


def test_a_shipped_kind_may_be_widened_but_not_narrowed(project):
    paid = json.loads((shipped_directory() / "order.paid.json").read_text())
    wider = {**paid, "properties": {**paid["properties"], "terminal": {"title": "Terminal", "type": "string"}}}
    assert project("order.paid", wider)["order.paid"].fields["terminal"] == "string"
    narrower = {**paid, "properties": {"method": {"title": "Method", "type": "integer"}}}
    with pytest.raises(ContractError, match=r"contract_narrowed: found amount, correction, method, payments") as caught:
        project("order.paid", narrower)
    assert caught.value.code == "contract_narrowed"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "contract_json"),
        ("[" * 100_000, "contract_json"),
        ("[]", "contract_schema"),
        ('{"type": "array"}', "contract_schema"),
        ('{"type": "object", "properties": {"a": {"type": "text"}}}', "contract_schema"),
        ('{"type": "object", "subject": "parcel"}', "contract_schema"),
    ],
)
def test_a_contract_file_that_cannot_be_used_is_told_with_its_path(project, tmp_path, text, code):
    with pytest.raises(ContractError) as caught:
        project("own.kind", text)
    assert caught.value.code == code
    assert str(tmp_path / "own.kind.json") in str(caught.value)


def test_fields_have_the_languages_types():
    assert subject_of(OWN) == "customer"
    assert fields_of(OWN) == {
        "level": "string",
        "balance": "money",
        "expires": "instant",
        "partners": "set",
        "points": "integer",
    }


def test_values_survive_their_json_form():
    fields = fields_of(OWN)
    values = {
        "level": "gold",
        "balance": Money(-5, "KWD"),
        "expires": datetime(2026, 1, 1, tzinfo=UTC),
        "partners": frozenset({"x"}),
        "points": 0,
    }
    assert values_of(fields, {name: json_of(value) for name, value in values.items()}) == values


def test_conditions_compare_instants_in_microseconds_and_money_of_the_reporting_currency():
    values = {"at": datetime(1970, 1, 2, tzinfo=UTC), "total": Money(100, "EUR"), "other": Money(1, "USD"), "n": 3}
    assert comparable(values, "EUR") == {"at": 86_400_000_000, "total": 100, "n": 3}
