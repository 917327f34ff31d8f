"""The query against the fold: the same values of everybody, for every aggregation, operator, relation and field."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.attributes.definition import AttributeDefinition
from engine.attributes.fold import compile_fold
from engine.conditions.ast import Compare, Did
from engine.language.rules import load_rules
from engine.query.attributes import compile_attributes
from engine.query.run import connect, prepare
from engine.shipped import shipped
from engine.standing.flip import Flips
from tests.query.loading import differences, load, queried
from tests.query.population import ATS, CURRENCY, POLICY_ZONE, WORDS, population
from tests.query.strategies import AGGREGATES, definitions, of_person

PEOPLE = population(seed=8, size=150)


@pytest.fixture(scope="module")
def database():
    """A database in memory with people in it."""
    with connect(memory="500MB", threads=1) as connection:
        load(connection, PEOPLE, otherwise=POLICY_ZONE)
        yield connection


def differing(database: duckdb.DuckDBPyConnection, named, at, currency=CURRENCY, of=None):
    """Where the query of some definitions differs from the fold of the same, or of others."""
    fold = compile_fold(of or named, currency=currency, words=WORDS)
    statement = compile_attributes(named, currency=currency, words=WORDS, zone=POLICY_ZONE)
    return differences(queried(database, statement, at), {each.customer_id: fold(each, at) for each in PEOPLE})


def numbered(some):
    return {f"x{place}": each.model_copy(update={"name": f"x{place}"}) for place, each in enumerate(some)}


ats = st.sampled_from(sorted(ATS.values()))


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_an_aggregation_comes_to_the_same_in_the_query_as_in_the_fold(database, aggregate):
    @given(st.lists(definitions(aggregate), min_size=4, max_size=8), ats)
    @settings(deadline=None, max_examples=15)
    def same(some, at):
        assert differing(database, numbered(some), at) == []

    same()


@given(st.lists(of_person(), min_size=4, max_size=12), ats)
@settings(deadline=None, max_examples=15)
def test_what_is_known_of_the_person_is_the_same_in_the_query_as_in_the_fold(database, some, at):
    assert differing(database, numbered(some), at) == []


@given(st.lists(st.sampled_from(AGGREGATES).flatmap(definitions), min_size=8, max_size=20), ats)
@settings(deadline=None, max_examples=10)
def test_attributes_queried_together_are_those_queried_alone(database, some, at):
    assert differing(database, numbered(some), at) == []


@given(st.lists(st.sampled_from(AGGREGATES).flatmap(definitions), min_size=8, max_size=20), ats)
@settings(deadline=None, max_examples=5)
def test_without_a_reporting_currency_money_is_that_of_rows_without_one(database, some, at):
    assert differing(database, numbered(some), at, currency=None) == []


def attribute(aggregate, of, kind="integer", name="x", **more):
    return AttributeDefinition(name=name, title=name, type=kind, aggregate=aggregate, of=of, **more)


_PAID = Compare(name="paid", operator="eq", operand=True)
_NUMBERS = {
    "orders": attribute("count", "orders", name="orders"),
    "paid": attribute("count", "orders", name="paid", where=_PAID),
    "spend": attribute("sum", "orders.total", "money", name="spend"),
    "least": attribute("min", "orders.total", "money", name="least"),
    "share": attribute("share", "orders", "decimal", name="share", scale=3, that=_PAID),
    "pause": attribute("median_interval", "orders.placed_at", "decimal", name="pause", scale=2),
}


@pytest.mark.parametrize("kind", ["decimal", "money"])
@pytest.mark.parametrize("over", sorted(_NUMBERS))
def test_ratios_of_all_kinds_of_numbers_are_rounded_as_the_fold_rounds_them(database, kind, over):
    scale = 4 if kind == "decimal" else None
    ratios = {f"{of}_over": attribute("ratio", of, kind, name=f"{of}_over", over=over, scale=scale) for of in _NUMBERS}
    again = {"again": attribute("ratio", "share_over", "decimal", name="again", over="pause_over", scale=1)}
    for at in ATS.values():
        assert differing(database, {**_NUMBERS, **ratios, **again}, at) == []


def test_the_names_asked_for_are_given_and_no_others_and_what_they_need_is_read(database):
    asked = {**_NUMBERS, "mean": attribute("ratio", "spend", "money", name="mean", over="paid")}
    statement = compile_attributes(asked, currency=CURRENCY, names=["mean"])
    assert list(statement.columns) == ["mean"]
    fold = compile_fold(asked, currency=CURRENCY, only=["mean"])
    assert statement.reads == fold.reads
    found = queried(database, statement, ATS["a month's end"])
    assert found == {each.customer_id: fold(each, ATS["a month's end"]) for each in PEOPLE}


def test_every_shipped_attribute_is_the_same_in_the_query_as_in_the_fold(database):
    rules = load_rules(shipped("rules"))
    assert len(rules.catalogue) > 100
    companions = Flips(rules.standing, rules.catalogue).companions
    for at in ATS.values():
        assert differing(database, {**rules.catalogue, **companions}, at) == []


def test_columns_have_the_types_that_the_statement_tells(database):
    rules = load_rules(shipped("rules"))
    statement = compile_attributes(rules.catalogue, currency=CURRENCY, words=WORDS)
    prepare(database, statement)
    described = database.sql(statement.text, params={"at": 0})
    types = {name: str(kind) for name, kind in zip(described.columns, described.types, strict=True)}
    assert types == {"customer": "BIGINT", **statement.types}


@pytest.mark.parametrize(
    ("definitions", "said"),
    [
        ({name: attribute("ratio", "b", name=name, over="a") for name in "ab"}, "depend on each other: a -> b"),
        ({"a": attribute("ratio", "b", name="a", over="b")}, "there is no attribute 'b'"),
        ({"a": attribute("ratio", "a", name="a")}, "a ratio needs"),
        ({"a": attribute("count", "nowhere", name="a")}, "there is no relation 'nowhere'"),
        ({"a": attribute("sum", "orders.nothing", name="a")}, "orders has no field 'nothing'"),
        ({"a": attribute("value", "orders.total", name="a")}, "is not one value"),
        ({"a": attribute("share", "orders", "decimal", name="a")}, "share needs `that`"),
        ({"a": attribute("count", "orders", name="a", where=Compare(name="nix", operand=1))}, "has no field 'nix'"),
        ({"a": attribute("count", "orders", name="a", where=Did(event="site.visit"))}, "cannot ask for other events"),
    ],
)
def test_what_the_fold_refuses_the_query_refuses_too(definitions, said):
    for compiled in (compile_fold, compile_attributes):
        with pytest.raises(ValueError, match=said):
            compiled(definitions, currency=CURRENCY)
