"""The product's side: the same rules compiled, as `regulars evaluate` and `regulars plan` do it over the mirror."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from bench.at_scale.fold import CURRENCY, RFM, rules
from bench.at_scale.result import Member
from engine.attributes.relations import RELATIONS
from engine.conditions.ast import Condition, names
from engine.conditions.environment import Catalogue
from engine.language.rules import Rules, compile_rules
from engine.query import sql
from engine.query.attributes import Statement, compile_attributes
from engine.query.conditions import ConditionWriter
from engine.query.judging import BulkJudge
from engine.query.run import connect, write
from engine.query.standing import VALUES

ZONE = "UTC"
_BEFORE = (
    "create temp table previous (customer bigint, decided_at bigint, tier varchar, tier_ends_at bigint)",
    "create temp table previous_given (customer bigint, tag varchar, since bigint)",
    "create temp table hand_tags (customer bigint, tag varchar, given_at bigint, expires_at bigint, removed_at bigint)",
    "create temp table answers (customer bigint, question integer)",
)
"""Nobody was judged before, and nobody has a tag by hand."""
EDITED, BEFORE, NOW = "dormant-high-value", "gte: 90, lt: 365", "gte: 60, lt: 365"
"""The segment that a plan edits, and its recency before and after."""


def evaluate(directory: Path, at: int, spill: Path, memory: str) -> duckdb.DuckDBPyConnection:
    """Everybody's attributes, in the table `values`, cut-offs, RFM in `ranks` and `memberships`."""
    connection, loaded = _opened(directory, spill, memory), rules()
    write(connection, _compiled(loaded), at, VALUES)
    judge = BulkJudge(loaded.standing, loaded.catalogue, Catalogue(currency=CURRENCY), ZONE, flips=False)
    for statement in _BEFORE:
        connection.execute(statement)
    judge.decide(connection, at, judge.cut_offs(connection))
    return connection


def edited(directory: Path, at: int, spill: Path, memory: str) -> duckdb.DuckDBPyConnection:
    """Who enters and leaves by one edited segment, in the table `edited`: what its two versions read, and no more."""
    connection = _opened(directory, spill, memory)
    loaded = rules()
    versions = {"before": _segment(loaded), "now": _segment(_edited(loaded))}
    asked = frozenset().union(*map(names, versions.values()))
    statement = _compiled(loaded, asked)
    writer = ConditionWriter(statement.columns.get, currency=CURRENCY)
    verdicts = ", ".join(f"{writer.write(when)} AS {sql.name(name)}" for name, when in versions.items())
    text = f'SELECT * FROM (SELECT "customer", {verdicts} FROM ({statement.text})) WHERE "before" <> "now"'
    connection.execute(f"CREATE TABLE edited AS {text}", {"at": at})
    return connection


def changed(connection: duckdb.DuckDBPyConnection) -> set[tuple[int, bool, bool]]:
    """Customer, before and now of whom the edited segment concerns."""
    return set(connection.sql('select "customer", "before", "now" from edited').fetchall())


def values(connection: duckdb.DuckDBPyConnection) -> list[Mapping[str, Any]]:
    """Everybody's attributes, for comparing."""
    ranks = ", ".join(RFM)
    query = f'select v.*, {ranks} from "{VALUES}" v join ranks using (customer) order by customer'
    found: list[Mapping[str, Any]] = connection.sql(query).to_arrow_table().to_pylist()
    return found


def members(connection: duckdb.DuckDBPyConnection) -> frozenset[Member]:
    """Who is in what."""
    return frozenset(connection.sql("select customer, kind, name from memberships").fetchall())


def _opened(
    directory: Path, spill: Path, memory: str, relations: Iterable[str] = RELATIONS
) -> duckdb.DuckDBPyConnection:
    """A connection that reads the facts where they are."""
    connection = connect(spill=spill, memory=memory)
    for name in ("people", *relations):
        file = directory / f"{name}.parquet"
        connection.execute(f"create view {name} as select * from read_parquet('{file}')")
    return connection


def _compiled(loaded: Rules, asked: Iterable[str] | None = None) -> Statement:
    return compile_attributes(loaded.catalogue, currency=CURRENCY, names=asked, zone=ZONE)


def _edited(loaded: Rules) -> Rules:
    """The rules with the edited segment."""
    files = dict(loaded.files)
    text = files["segments.yaml"]
    line = next(each for each in text.splitlines() if each.startswith(f"  {EDITED}:"))
    return compile_rules({**files, "segments.yaml": text.replace(line, line.replace(BEFORE, NOW))})


def _segment(loaded: Rules) -> Condition:
    return next(each.when for each in loaded.standing.segments if each.name == EDITED)
