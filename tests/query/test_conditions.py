"""Conditions in SQL against the closures: the same verdict for every value, and never NULL."""

from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.conditions.ast import All, Compare, Did, Not
from engine.conditions.ast import Any as AnyOf
from engine.conditions.compile import compile_condition
from engine.conditions.environment import Known
from engine.query import conditions as compiled
from engine.query import sql
from engine.query.conditions import Column, ConditionWriter
from tests.conditions.strategies import NOW, TYPES, values, where_conditions

SCALE = 2
SQL_TYPES = {
    "integer": "HUGEINT", "decimal": f"DECIMAL(38, {SCALE})", "boolean": "BOOLEAN", "string": "VARCHAR",
    "instant": "BIGINT", "date": "DATE", "set": "VARCHAR[]", "money": "HUGEINT",
}  # fmt: skip
COLUMNS = {name: Column(sql.name(name), kind, SCALE if kind == "decimal" else 0) for name, kind in TYPES.items()}


@pytest.fixture(scope="module")
def database():
    """A database in memory."""
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


def verdicts(database: duckdb.DuckDBPyConnection, asked: list[Any], people: list[dict[str, Any]]) -> list[tuple[Any]]:
    """What SQL says of each person, a row a person and a column a condition."""
    writer = ConditionWriter(COLUMNS.get, currency="EUR")
    names = ", ".join(sql.name(name) for name in TYPES)
    places = ", ".join(f"?::{SQL_TYPES[kind]}" for kind in TYPES.values())
    rows = ", ".join(f"({place}, {places})" for place, _ in enumerate(people))
    bound = [sorted(v) if isinstance(v := each.get(name), frozenset) else v for each in people for name in TYPES]
    listed = ", ".join(writer.write(condition) for condition in asked)
    return database.execute(f"SELECT {listed} FROM (VALUES {rows}) AS t(n, {names}) ORDER BY n", bound).fetchall()


def folded(asked: list[Any], people: list[dict[str, Any]]) -> list[tuple[bool, ...]]:
    predicates = [compile_condition(each, currency="EUR", types=TYPES) for each in asked]
    return [tuple(holds(Known(now=NOW, attributes=each)) for holds in predicates) for each in people]


some_conditions = st.lists(where_conditions, min_size=1, max_size=8)
some_people = st.lists(values, min_size=1, max_size=12)


@given(some_conditions, some_people)
@settings(deadline=None)
def test_a_condition_says_in_sql_what_its_closure_says(database, asked, people):
    assert verdicts(database, asked, people) == folded(asked, people)


EDGES = {
    "number": [-(2**63), -1, 0, 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64],
    "share": [Decimal("-0.10"), Decimal("0.00"), Decimal("0.49"), Decimal("0.50"), Decimal("0.51")],
    "flag": [True, False],
    "word": ["", "a", "B", "ü", "u\u0308", "\U0001d4b3", "\uffee", "it's", "a\0b"],
    "moment": [-1, 0, 1],
    "day": [date(1, 1, 1), date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), date(9999, 12, 31)],
    "words": [frozenset(), frozenset({"a"}), frozenset({"a", "\U0001d4b3"}), frozenset({"it's"})],
    "spend": [-1, 0, 2**63],
}
OPERANDS = {
    "number": [-(10**40), -(2**63), 0, 2**53 + 1, 2**63 - 1, 2**63, 10**40],
    "share": ["0.5", "0.50", "0.495", "-0.1", "0.505", 0, "1e40", "-1e40"],
    "flag": [True, False],
    "word": ["", "a", "ü", "u\u0308", "\U0001d4b3", "it's", "a\0b"],
    "moment": ["1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z"],
    "day": ["2024-02-29", "0001-01-01", "9999-12-31"],
    "words": ["a", "\U0001d4b3", "it's"],
    "spend": [0],
}
EACH = {"eq", "lt", "lte", "gt", "gte"}
LISTS = {"in", "not_in", "has_any", "has_all", "has_none"}


def _asked(name: str, operator: str) -> list[Compare]:
    if operator in ("known", "unknown"):
        return [Compare(name=name, operator=operator, operand=each) for each in (None, True, False)]
    if operator in LISTS:
        several = [(), *((each,) for each in OPERANDS[name]), tuple(OPERANDS[name][:2])]
        return [Compare(name=name, operator=operator, operands=each) for each in several]
    if TYPES[name] == "money":
        amounts = [(("EUR", 0),), (("USD", 0),), (("USD", 9), ("EUR", -1))]
        return [Compare(name=name, operator=operator, amounts=each) for each in amounts]
    return [Compare(name=name, operator=operator, operand=each) for each in (*OPERANDS[name], None)]


def _mistyped(name: str, operator: str) -> list[Compare]:
    others = {"integer": "a", "string": 1, "set": 1, "decimal": True, "boolean": "a", "instant": 2, "money": "a"}
    other = others.get(TYPES[name], 3)
    if operator in LISTS:
        return [Compare(name=name, operator=operator, operands=(other,))]
    return [Compare(name=name, operator=operator, operand=other)]


@pytest.mark.parametrize("operator", sorted({*EACH, *LISTS, "known", "unknown"}))
@pytest.mark.parametrize("name", sorted(TYPES))
def test_every_operator_agrees_at_every_edge_also_negated(database, name, operator):
    asked = _asked(name, operator)
    if not (TYPES[name] == "decimal" and operator in EACH):
        asked += _mistyped(name, operator)
    asked += [Not(part=each) for each in asked]
    people = [{name: value} for value in (*EDGES[name], None)]
    found, expected = verdicts(database, asked, people), folded(asked, people)
    for place, condition in enumerate(asked):
        of_all = [(row[place], told[place]) for row, told in zip(found, expected, strict=True)]
        assert all(one == other for one, other in of_all), f"{condition} of {people}: {of_all}"


def test_a_name_that_is_unknown_of_everybody_passes_nothing_but_unknown():
    writer = ConditionWriter(lambda _: None, currency=None)
    assert writer.write(Compare(name="x", operator="gte", operand=1)) == "FALSE"
    assert writer.write(Not(part=Compare(name="x", operator="known"))) == "TRUE"
    assert writer.write(Compare(name="x", operator="unknown")) == "TRUE"


def test_questions_to_events_are_asked_by_whoever_can_and_refused_otherwise(database):
    did = Did(event="site.visit")
    with pytest.raises(ValueError, match="cannot ask for other events"):
        ConditionWriter(COLUMNS.get, currency=None).write(did)
    writer = ConditionWriter(COLUMNS.get, currency=None, ask=lambda question: f"({question.times} > 0)")
    assert database.execute(f"SELECT {writer.write(Not(part=did))}").fetchone() == (False,)


def test_a_condition_that_nobody_can_read_is_refused():
    deep = Compare(name="flag", operand=True)
    for _ in range(70):
        deep = Not(part=deep)
    with pytest.raises(ValueError, match="more than 60 levels"):
        ConditionWriter(COLUMNS.get, currency=None).write(deep)


def test_text_cannot_end_its_literal_nor_a_name_its_quotes(database):
    for text in ("'; drop table x; --", "\\", "a\0b", '"', "\U0001d4b3'"):
        assert database.execute(f"SELECT {sql.text(text)}").fetchone() == (text,)
    assert database.execute("SELECT 1 AS " + sql.name('a"b')).description[0][0] == 'a"b'
    with pytest.raises(ValueError, match="cannot be a name"):
        sql.name("")


def test_a_null_guard_removed_is_noticed(database, monkeypatch):
    monkeypatch.setattr(compiled, "is_not_true", lambda expression: f"(NOT {expression})")
    with pytest.raises(AssertionError):
        test_a_condition_says_in_sql_what_its_closure_says(database)


@pytest.mark.parametrize("name", [name for name, kind in sorted(TYPES.items()) if kind not in ("boolean", "set")])
def test_an_edge_moved_is_noticed(database, monkeypatch, name):
    monkeypatch.setitem(compiled._SYMBOLS, "gte", ">")
    with pytest.raises(AssertionError):
        test_every_operator_agrees_at_every_edge_also_negated(database, name, "gte")


def test_no_parts_are_every_part_and_not_any_part(database):
    asked = [All(parts=()), AnyOf(parts=()), Not(part=All(parts=()))]
    assert verdicts(database, asked, [{}]) == [(True, False, False)]
