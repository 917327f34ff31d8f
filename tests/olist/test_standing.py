"""Everyone's standing in Olist by the shipped rules, held against pandas, and the flip of a real customer."""

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import psycopg
import pytest

from engine.attributes.fold import compile_fold
from engine.conditions.operands import microseconds
from engine.dispatch.match import Matcher
from engine.dispatch.versions import StoredVersions
from engine.evaluation.due import evaluate_due
from engine.evaluation.run import Asked, Result, evaluate
from engine.facts.event_contracts import load_contracts
from engine.facts.matching import EventMatcher
from engine.facts.read import read_customers
from engine.language.rules import Rules, load_rules
from engine.standing.pruned import only
from tests.olist.expected_standing import expected_standing

AS_OF = datetime(2018, 9, 1, tzinfo=UTC)
TOLD = datetime(2018, 9, 1, 0, 0, 1, tzinfo=UTC)
_COLUMNS = ["stage", "tier", "rfm_group", "rfm_recency", "rfm_frequency", "rfm_monetary"]


@pytest.fixture(scope="module")
def rules() -> Rules:
    """The shipped rules; of their standing what pandas works out, since a hundred tags and segments take longer."""
    shipped = load_rules(Path("rules"))
    assert shipped.sound
    return dataclasses.replace(shipped, standing=only(shipped.standing, "stage", "tier", "rfm"))


@pytest.fixture(scope="module")
def evaluated(olist_database: str, rules: Rules) -> Iterator[tuple[str, Result]]:
    """All people judged as of the first of September 2018; taken away again, since the database is shared."""
    result = evaluate(Asked(olist_database, rules, AS_OF, TOLD, write=True))
    yield olist_database, result
    with psycopg.connect(olist_database) as connection:
        connection.execute("truncate standings, standing_changes, cut_offs, rule_versions cascade")


@pytest.mark.timeout(600)
def test_the_standing_of_all_people_is_the_one_that_pandas_works_out(
    evaluated: tuple[str, Result], olist: Path
) -> None:
    database, _ = evaluated
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            f"select c.key, {', '.join(_COLUMNS)} from standings s join customers c on c.id = s.customer_id"
        ).fetchall()
    found = pd.DataFrame(rows, columns=["person", *_COLUMNS]).set_index("person").sort_index()
    expected = expected_standing(olist, pd.Timestamp(AS_OF))[_COLUMNS]
    assert len(expected) == 96_096
    assert list(found.index) == list(expected.index)
    for name in _COLUMNS:
        same = (found[name] == expected[name]) | (found[name].isna() & expected[name].isna())
        assert same.all(), f"{name}: {(~same).sum()} differences, {found[~same].head()} {expected[~same].head()}"


@pytest.mark.timeout(600)
def test_recency_frequency_and_monetary_value_of_all_people_are_those_that_pandas_works_out(
    olist_database: str, rules: Rules, olist: Path
) -> None:
    rfm = rules.standing.rfm
    assert rfm is not None
    names = {"days": rfm.recency.attribute, "frequency": rfm.frequency.attribute, "monetary": rfm.monetary.attribute}
    fold = compile_fold(rules.catalogue, currency="BRL", only=frozenset(names.values()), words=rules.words)
    at, found = microseconds(AS_OF), []
    with psycopg.connect(olist_database) as connection:
        people = dict(connection.execute("select id, key from customers order by id").fetchall())
        ids = list(people)
        for start in range(0, len(ids), 5000):
            for facts in read_customers(connection, ids[start : start + 5000], relations=fold.reads):
                values = fold(facts, at)
                found.append((people[facts.customer_id], *(values[name] for name in names.values())))
    by_fold = pd.DataFrame(found, columns=["person", *names]).set_index("person").sort_index()
    expected = expected_standing(olist, pd.Timestamp(AS_OF))
    assert list(by_fold.index) == list(expected.index)
    for name in names:
        same = by_fold[name].fillna(-1).astype("int64") == expected[name].fillna(-1).astype("int64")
        assert same.all(), f"{name}: {(~same).sum()} differences"


@pytest.mark.timeout(600)
def test_a_first_evaluation_is_a_baseline_and_starts_nothing(evaluated: tuple[str, Result]) -> None:
    database, result = evaluated
    with psycopg.connect(database) as connection:
        causes = connection.execute("select distinct cause from standing_changes").fetchall()
        journeys = connection.execute("select count(*) from journeys").fetchone()
    assert causes == [("baseline",)]
    assert result.journeys == 0
    assert journeys == (0,)
    assert result.tally.customers == 96_096
    assert not result.tally.several_stages


@pytest.mark.timeout(600)
def test_a_past_instant_is_read_only_and_finds_the_same_sizes(evaluated: tuple[str, Result], rules: Rules) -> None:
    database, written = evaluated
    count = """select (select count(*) from standings), (select count(*) from standing_changes),
                      (select count(*) from cut_offs)"""
    with psycopg.connect(database) as connection:
        before = connection.execute(count).fetchone()
    read = evaluate(Asked(database, rules, AS_OF, TOLD, write=False))
    with psycopg.connect(database) as connection:
        assert connection.execute(count).fetchone() == before
    assert read.tally.sizes == written.tally.sizes
    assert read.cut_offs == written.cut_offs


def test_a_customers_stage_changes_at_the_predicted_flip_and_not_a_second_before(
    evaluated: tuple[str, Result], rules: Rules
) -> None:
    database, _ = evaluated
    with psycopg.connect(database, autocommit=True) as connection:
        # Whoever is about to fall asleep first, 90 days after the order.
        row = connection.execute(
            """select s.customer_id, max(o.placed_at) + interval '90 days' from standings s
                 join orders o using (customer_id) where s.stage = 'active' and o.paid_at is not null
                group by 1 having max(o.placed_at) + interval '90 days' > %s and count(*) = 1 order by 2, 1 limit 1""",
            (AS_OF,),
        ).fetchone()
        assert row is not None
        customer, predicted = row
        only = "update standings set next_flip = null where customer_id <> %s"
        with connection.transaction(force_rollback=True):
            assert _next_flip(connection, customer) <= predicted
            connection.execute(only, (customer,))
            matcher = Matcher(rules, StoredVersions({rules.version: rules}), EventMatcher(load_contracts(), "BRL"))
            evaluate_due(connection, matcher, predicted - timedelta(seconds=1))
            assert _stage(connection, customer) == "active"
            assert _next_flip(connection, customer) == predicted
            assert evaluate_due(connection, matcher, predicted) == 1
            assert _stage(connection, customer) == "sleeping"
            change = connection.execute(
                """select "from", "to", at, cause from standing_changes where customer_id = %s and kind = 'stage'
                    order by id desc limit 1""",
                (customer,),
            ).fetchone()
            assert change == ("active", "sleeping", predicted, "flip")


def _stage(connection: psycopg.Connection, customer: int) -> str:
    return connection.execute("select stage from standings where customer_id = %s", (customer,)).fetchone()[0]


def _next_flip(connection: psycopg.Connection, customer: int) -> datetime:
    return connection.execute("select next_flip from standings where customer_id = %s", (customer,)).fetchone()[0]
