"""Everybody's attributes by the mirror and the query are those of the fold, in rows and in files."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from engine.conditions.operands import instant
from engine.explain.bulk import Bulk
from engine.explain.customers import Customer
from engine.explain.values import cell, values_of
from engine.facts.importing.run import run
from engine.language.rules import load_rules
from engine.mirror.open import Limits, opened_mirror
from engine.sample.shop import END, generate
from engine.shipped import shipped

LIMITS = Limits(memory="1GB", threads=2, part_customers=50)


@pytest.fixture
def shop(database, tmp_path):
    generate(tmp_path / "shop", customers=140)
    run(database, tmp_path / "state", tmp_path / "shop", Path("examples/sample-shop/mapping.yaml"))
    with psycopg.connect(database) as connection:
        yield connection


@pytest.mark.parametrize("days", [0, 100, 20_000])
def test_rows_are_those_of_the_fold_in_the_order_of_the_shops_names(days, shop, database, tmp_path):
    rules, at = load_rules(shipped("rules")), END - timedelta(days=days)
    people = [Customer(*row) for row in shop.execute('select id, key from customers order by key collate "C"')]
    with opened_mirror(database, "public", tmp_path / "mirror", limits=LIMITS) as mirror:
        bulk = Bulk(mirror, rules, "EUR", at)
        assert bulk.customers == len(people)
        found = list(bulk.rows())
    assert found == list(values_of(shop, rules, "EUR", people, at))


def test_a_parquet_file_has_the_same_values_in_types_that_fit(shop, database, tmp_path):
    rules, path = load_rules(shipped("rules")), tmp_path / "all.parquet"
    with opened_mirror(database, "public", tmp_path / "mirror", limits=LIMITS) as mirror:
        bulk = Bulk(mirror, rules, "EUR", END)
        bulk.write_parquet(path)
        found = list(bulk.rows())
    table = pq.read_table(path)
    assert table.column_names == ["customer", "id", *rules.catalogue]
    written = table.to_pylist()
    assert len(written) == len(found)
    for row, each in zip(written, found, strict=True):
        assert (row["customer"], row["id"]) == (each.customer.key, each.customer.id)
        for name, definition in rules.catalogue.items():
            assert row[name] == _typed(each.values[name], definition.type), name
    assert not list(tmp_path.glob(".*.part"))


def _typed(value, kind):
    match kind:
        case _ if value is None:
            return None
        case "money":
            return cell(value, kind, "EUR")
        case "instant":
            return instant(value)
        case "set":
            return sorted(value)
        case _:
            return value


def test_a_parquet_file_that_cannot_be_written_is_an_error(shop, database, tmp_path):
    opening = opened_mirror(database, "public", tmp_path / "mirror", limits=LIMITS)
    with opening as mirror, pytest.raises(OSError, match="nowhere"):
        Bulk(mirror, load_rules(shipped("rules")), "EUR", END).write_parquet(tmp_path / "nowhere" / "x.parquet")


def test_types_are_told_apart():
    assert _typed(250, "money") == Decimal("2.50")
    assert _typed(0, "instant") == datetime(1970, 1, 1, tzinfo=UTC)
    assert _typed(date(2020, 1, 1), "date") == date(2020, 1, 1)
