"""Spark's words for what DuckDB says otherwise; that both mean the same, `make bench NAME=spark` shows."""

from pathlib import Path

import pytest

import engine
from engine.attributes.relations import RELATIONS
from engine.language.rules import load_rules
from engine.query.attributes import compile_attributes
from engine.query.conditions import ConditionWriter
from engine.query.dialect import DUCKDB, Dialect
from engine.query.spark import SPARK

RULES = load_rules(Path(engine.__file__).parents[1] / "rules")
OF_DUCKDB = ("::", "$", "HUGEINT", "VARCHAR", "list_", "len(", "lambda", "unnest(", "arg_m", "//")
"""What Spark does not read, or reads otherwise."""


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (SPARK.text("it's"), r"'it\'s'"),
        (SPARK.text("a\\n"), r"'a\\n'"),
        (SPARK.whole(-(2**63)), "CAST('-9223372036854775808' AS BIGINT)"),
        (SPARK.whole(-5), "(-5)"),
        (SPARK.whole(2**63), "CAST('9223372036854775808' AS DECIMAL(38, 0))"),
        (SPARK.whole(10**40), f"CAST('{10**38 - 1}' AS DECIMAL(38, 0))"),
        (SPARK.decimal(150, 2), "CAST('1.50' AS DECIMAL(38, 2))"),
        (SPARK.texts(["b", "a"]), "array('a', 'b')"),
        (SPARK.texts([]), "CAST(array() AS ARRAY<STRING>)"),
        (SPARK.parameter("at"), "CAST(:at AS BIGINT)"),
        (SPARK.at_end("v", SPARK.placed(["a", "k"]), last=True), "max_by(v, IF(v IS NULL, NULL, struct(a, k)))"),
        (SPARK.as_decimal("u", 0), "CAST(CAST(u AS DECIMAL(38, 0)) * CAST('1' AS DECIMAL(1, 0)) AS DECIMAL(38, 0))"),
        (SPARK.as_decimal("u", 2), "CAST(CAST(u AS DECIMAL(36, 0)) * CAST('0.01' AS DECIMAL(3, 2)) AS DECIMAL(38, 2))"),
    ],
)
def test_spark_says_it_in_its_own_words(said, expected):
    assert said == expected


def test_spark_has_a_word_of_its_own_for_whatever_duckdb_says_otherwise():
    shared = {"name", "day", "rest"}
    words = {name for name, each in vars(Dialect).items() if not name.startswith("_") and callable(each)}
    assert words - vars(type(SPARK)).keys() == shared


def test_no_shipped_attribute_or_example_rule_says_anything_of_duckdb_to_spark():
    statement = compile_attributes(RULES.catalogue, currency="EUR", words=RULES.words, dialect=SPARK)
    writer = ConditionWriter(statement.columns.get, currency="EUR", dialect=SPARK)
    rules = [writer.write(each.example.condition) for each in RULES.catalogue.values()]
    for text in (statement.text, *rules):
        assert [word for word in OF_DUCKDB if word in text] == []
    told = compile_attributes(RULES.catalogue, currency="EUR", words=RULES.words, dialect=DUCKDB).text
    assert [word for word in OF_DUCKDB if word not in told] == []
    assert statement.reads.keys() == RELATIONS.keys()
