"""Every shipped attribute and its example rule by DuckDB and by Spark, from the same files: where they differ."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from pydantic import TypeAdapter
from pyspark.sql import SparkSession
from pyspark.sql.types import ArrayType, StringType

from bench.figures import ROOT
from bench.lake.tables import ZONE
from bench.lake.words import Finder
from engine.conditions.ast import Condition
from engine.conditions.operands import microseconds
from engine.language.rules import Rules, load_rules
from engine.query import sql
from engine.query.attributes import Statement, compile_attributes
from engine.query.conditions import ConditionWriter
from engine.query.dialect import DUCKDB, Dialect
from engine.query.run import connect, prepare
from engine.query.spark import SETTINGS, SPARK

AT = microseconds(datetime(2018, 9, 1, tzinfo=UTC))
CURRENCY = "BRL"
MEMORY = "2g"
CHUNK = 40
"""Attributes of one statement: a plan of hundreds takes Spark longer than the work."""
SHOWN = 20

_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


@dataclass
class Compared:
    """What a comparison found. `told`: some of the differences in words."""

    people: int
    attributes: int
    differences: int = 0
    seconds_duckdb: float = 0.0
    seconds_spark: float = 0.0
    told: list[str] = field(default_factory=list)


def compare(tables: Path, directory: Path) -> Compared:
    """Computes everything both ways, some attributes after the others."""
    rules = load_rules(ROOT / "rules")
    spark = _session(directory)
    with connect(directory / "compared.duckdb", spill=directory / "spill") as duck:
        for file in sorted(tables.glob("*.parquet")):
            view = f"create view {sql.name(file.stem)} as select * from read_parquet({sql.text(str(file))})"
            duck.execute(view)
            spark.read.parquet(str(file)).createOrReplaceTempView(f"`{file.stem}`")
        ((people,),) = duck.execute("select count(*) from people").fetchall()
        compared = Compared(people, len(rules.catalogue))
        every = sorted(rules.catalogue)
        for first in range(0, len(every), CHUNK):
            _both(duck, spark, rules, every[first : first + CHUNK], directory / f"spark-{first}", compared)
    spark.stop()
    return compared


def _session(directory: Path) -> SparkSession:
    os.environ["PYSPARK_PYTHON"] = sys.executable  # else Spark's processes take the system's Python
    builder = SparkSession.builder.master("local[2]").appName("regulars")
    own = {
        "spark.driver.memory": MEMORY,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "4",
        "spark.local.dir": str(directory / "spark"),
    }
    for name, value in {**SETTINGS, **own}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def _both(
    duck: duckdb.DuckDBPyConnection,
    spark: SparkSession,
    rules: Rules,
    names: Sequence[str],
    target: Path,
    compared: Compared,
) -> None:
    statement, text = _text(rules, names, DUCKDB)
    began = time.perf_counter()
    prepare(duck, statement)
    duck.execute(f"create or replace table expected as {text}", {"at": AT})
    between = time.perf_counter()
    lake, text = _text(rules, names, SPARK)
    for name, words in lake.functions.items():
        spark.udf.register(name, Finder(words), ArrayType(StringType()))
    spark.sql(text, args={"at": AT}).write.parquet(str(target))
    compared.seconds_duckdb += between - began
    compared.seconds_spark += time.perf_counter() - between
    found = dict(_differences(duck, statement, names, target))
    compared.differences += sum(found.values())
    told = [f"{name}: {number:,} people have another value in Spark" for name, number in found.items() if number]
    compared.told = [*compared.told, *told][:SHOWN]
    print(f"{names[0]} to {names[-1]}: {sum(found.values())} differences", flush=True)


def _text(rules: Rules, names: Sequence[str], dialect: Dialect) -> tuple[Statement, str]:
    """The statement of some attributes, and around it the verdicts of their example rules."""
    statement = compile_attributes(
        rules.catalogue, currency=CURRENCY, names=names, words=rules.words, zone=ZONE, dialect=dialect
    )
    writer = ConditionWriter(statement.columns.get, currency=CURRENCY, dialect=dialect)
    verdicts = (f"{writer.write(_rule(rules, name))} AS {dialect.name(_verdict(name))}" for name in names)
    return statement, f"SELECT *, {', '.join(verdicts)} FROM ({statement.text}) AS found"


def _rule(rules: Rules, name: str) -> Condition:
    """The example rule of an attribute, its amounts in the currency of the data."""
    example = rules.catalogue[name].example
    assert example is not None and example.condition is not None  # noqa: PT018 -- every shipped attribute has them
    return _CONDITION.validate_json(example.condition.model_dump_json().replace('"EUR"', f'"{CURRENCY}"'))


def _verdict(name: str) -> str:
    return f"rule {name}"


def _differences(
    duck: duckdb.DuckDBPyConnection, statement: Statement, names: Sequence[str], target: Path
) -> Iterator[tuple[str, int]]:
    """By attribute or rule, of how many people Spark says something else; people whom one side lacks among them."""
    kinds = {**statement.types, **{_verdict(name): "BOOLEAN" for name in names}}
    columns = ", ".join(
        f"count(*) FILTER (WHERE e.{column} IS DISTINCT FROM CAST(s.{column} AS {kind}))"
        for column, kind in ((sql.name(name), kind) for name, kind in kinds.items())
    )
    files = sql.text(str(target / "*.parquet"))
    text = f"SELECT {columns} FROM expected e FULL JOIN read_parquet({files}) s ON s.customer = e.customer"
    (found,) = duck.execute(text).fetchall()
    yield from zip(kinds, found, strict=True)
    missing = f"SELECT count(*) FROM expected e FULL JOIN read_parquet({files}) s ON s.customer = e.customer"
    ((lost,),) = duck.execute(f"{missing} WHERE e.customer IS NULL OR s.customer IS NULL").fetchall()
    yield "people", lost
