"""The query against the fold: the same values of everybody, for every aggregation, operator, relation and field."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.attributes.fold import compile_fold
from engine.query.attributes import compile_attributes
from engine.query.run import connect
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
    @settings(deadline=None, max_examples=25)
    def same(some, at):
        assert differing(database, numbered(some), at) == []

    same()


@given(st.lists(of_person(), min_size=4, max_size=12), ats)
@settings(deadline=None, max_examples=25)
def test_what_is_known_of_the_person_is_the_same_in_the_query_as_in_the_fold(database, some, at):
    assert differing(database, numbered(some), at) == []
