"""The JSON Schema of test files, which editors use."""

import json

import pytest
from jsonschema import Draft7Validator

from engine.language.files import SCHEMAS, read_directory
from engine.language.issues import Report
from engine.language.located import plain
from engine.language.reader import read
from engine.language.rules import compile_rules, is_test, load_rules
from engine.ruletests.read import read_tests
from engine.ruletests.schema import schema_of_tests

SCHEMA = json.loads((SCHEMAS / "rules" / "test.schema.json").read_text("utf-8"))
SHIPPED = read_directory(SCHEMAS.parent / "rules")
TESTS = sorted(path for path in SHIPPED if is_test(path))
RULES = load_rules(SCHEMAS.parent / "rules")


def problems(text, schema=SCHEMA):
    data = json.loads(json.dumps(plain(read(text, Report("x"))), default=float))
    return list(Draft7Validator(schema).iter_errors(data))


def issues(text):
    rules = compile_rules({**SHIPPED, "tried.test.yaml": text})
    return read_tests(rules, frozenset({"tried.test.yaml"})).issues


def of(body, head="at: 2026-06-01T12:00:00Z\n"):
    return f"{head}tests:\n  tried:\n    {body}\n"


def test_it_is_a_valid_draft_7_schema():
    Draft7Validator.check_schema(SCHEMA)
    targets = {part.split('"', 1)[0] for part in json.dumps(SCHEMA).split("#/definitions/")[1:]}
    assert targets <= set(SCHEMA["definitions"])


@pytest.mark.parametrize("path", TESTS)
def test_every_shipped_test_is_valid_by_it_and_names_it(path):
    assert problems(SHIPPED[path]) == []
    named = SHIPPED[path].splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    place = SCHEMAS.parent / "rules" / path
    assert place.parent.joinpath(named).resolve() == (SCHEMAS / "rules" / "test.schema.json").resolve()


SOUND = [
    "{orders: [-40d, 0, 2026-03-01, '2026-03-01T22:30', -30d +1s], expect: {stage: new}}",
    "{orders: [{placed_at: -3d, paid: -2d, total: 5 EUR, times: 3, every: 7d}], expect: {tier: none}}",
    "{customer: {country: DE, zone: America/Sao_Paulo, birthday: 1990-02-28}, expect: {tags: []}}",
    "{events: [{event: message.clicked, at: -2d}], expect: {tags: {excludes: [returning]}}}",
    "{hand_tags: [gift-buyer, {tag: gift-buyer, at: -10d, expires: +5d}], expect: {tags: {includes: gift-buyer}}}",
    "{before: {at: -400d, tier: vip, tags: [returning]}, expect: {attributes: {spend_24mo: 0, paid_orders: 0}}}",
    "{expect: {attributes: {last_order_interval: {unknown: true}, spend_24mo: 5 EUR}}}",
]
BROKEN = [
    "{orders: [-40], expect: {stage: new}}",
    "{orders: -40d, expect: {stage: new}}",
    "{orders: [{payed: -3d}], expect: {stage: new}}",
    "{orders: [{paid: -3d, total: 5}], expect: {stage: new}}",
    "{orders: [{paid: -3d, lines: [{quantty: 1}]}], expect: {stage: new}}",
    "{orders: [{paid: -3d, times: 0}], expect: {stage: new}}",
    "{orders: [{paid: -3d, times: 2, every: 7 days}], expect: {stage: new}}",
    "{lines: [{quantity: 1}], expect: {stage: new}}",
    "{ordrs: [-40d], expect: {stage: new}}",
    "{customer: {contry: DE}, expect: {stage: new}}",
    "{customer: {zone: Europe/Berln}, expect: {stage: new}}",
    "{customer: {has_email: yes}, expect: {stage: new}}",
    "{events: [{event: message.clickd, at: -2d}], expect: {stage: new}}",
    "{events: [{event: order.paid, at: -2d}], expect: {stage: new}}",
    "{events: [{event: message.clicked}], expect: {stage: new}}",
    "{events: [{event: message.clicked, at: -2d, lnk: x}], expect: {stage: new}}",
    "{hand_tags: [gift-byer], expect: {stage: new}}",
    "{hand_tags: [{at: -2d}], expect: {stage: new}}",
    "{before: {tier: vip}, expect: {stage: new}}",
    "{before: {at: -2d, tier: vipp}, expect: {stage: new}}",
    "{currency: EURO, expect: {stage: new}}",
    "{zone: Berlin, expect: {stage: new}}",
    "{cut_offs: {tiers: {vip: 5 EUR}}, expect: {stage: new}}",
    "{cut_offs: {tiers: {vip: 5, supreme: 9, senior: 1}}, expect: {stage: new}}",
    "{cut_offs: {rfm: {recency: 100}}, expect: {stage: new}}",
    "{cut_offs: {rfm: {recency: {hgh: 100}, monetary: 5 EUR}}, expect: {stage: new}}",
    "{orders: [-40d]}",
    "{expect: {}}",
    "{expect: {stge: new}}",
    "{expect: {stage: nwe}}",
    "{expect: {tags: {include: [returning]}}}",
    "{expect: {tags: [returnin]}}",
    "{expect: {attributes: {paid_order: 1}}}",
    "{expect: {attributes: {paid_orders: many}}}",
    "{expect: {attributes: {spend_24mo: 5}}}",
    "{expect: {attributes: {spend_24mo: {unknown: false}}}}",
    "{expect: {stage: new}, but: {other: {ordrs: [-4d]}}}",
]


@pytest.mark.parametrize("body", SOUND)
def test_what_the_reader_takes_is_valid_by_it(body):
    assert issues(of(body)) == ()
    assert problems(of(body)) == []


@pytest.mark.parametrize("body", BROKEN)
def test_what_the_reader_refuses_is_not_valid_by_it(body):
    assert issues(of(body))
    assert problems(of(body))


def test_as_of_when_must_stand_at_the_top_or_in_each_test():
    assert problems(of("{expect: {stage: new}}", head="")) != []
    assert problems(of("{at: 2026-06-01, expect: {stage: new}}", head="")) == []


def test_a_project_completes_its_own_names():
    own = compile_rules(
        {
            "attributes.yaml": "attributes: {shoe_size: {title: Shoe size, type: integer, count: orders}}",
            "tags.yaml": "tags: {big-feet: {title: Big feet, when: {shoe_size: {gte: 46}}}}",
        }
    )
    parts = schema_of_tests(own)["definitions"]
    assert parts["each-tags"] == {"anyOf": [{"const": "big-feet", "description": "Big feet"}]}
    assert list(parts["attributes"]["properties"]) == ["shoe_size"]
    assert (
        problems(of("{expect: {tags: [big-feet], attributes: {shoe_size: 1}, tier: none}}"), schema_of_tests(own)) == []
    )
    assert problems(of("{expect: {tags: [returning]}}"), schema_of_tests(own))


def test_every_key_of_a_fact_is_explained():
    parts = SCHEMA["definitions"]
    for name in ("customer", "test", "expect"):
        assert all(each.get("description") for each in parts[name]["properties"].values()), name
    row = parts["orders"]["items"]["anyOf"][1]["properties"]
    assert row["paid"]["description"] == "When the order was paid"
    assert row["paid_at"]["doNotSuggest"] is True
