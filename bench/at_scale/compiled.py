"""The product's side: the same rules compiled, as `regulars evaluate` and `regulars plan` do it over the mirror."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from bench.at_scale.fold import CURRENCY, RFM, rules
from bench.at_scale.result import Result
from engine.attributes.relations import RELATIONS
from engine.conditions.ast import Condition, names
from engine.conditions.environment import Catalogue
from engine.evaluation.everybody import PART
from engine.language.rules import Rules, compile_rules
from engine.query import sql
from engine.query.attributes import Statement, compile_attributes
from engine.query.conditions import ConditionWriter
from engine.query.did import compile_answers
from engine.query.happenings import EventCatalogue
from engine.query.judging import BulkJudge
from engine.query.run import connect, write
from engine.query.standing import HAND_TAGS, MEMBERSHIPS, PREVIOUS, PREVIOUS_GIVEN, RANKS, VALUES
from engine.standing.decide import STANDING_TYPES

ZONE = "UTC"
EDITED, BEFORE, NOW = "dormant-high-value", "gte: 90, lt: 365", "gte: 60, lt: 365"
"""The segment that a plan edits, and its recency before and after."""
_KINDS = {"string": "varchar", "integer": "bigint", "instant": "bigint"}
_RANKS = {name: _KINDS[kind] for name, kind in STANDING_TYPES.items() if kind in _KINDS}


def evaluate(directory: Path, at: int, spill: Path, memory: str) -> duckdb.DuckDBPyConnection:
    """Everybody's attributes, cut-offs and standing, in the tables of `engine.query.standing`."""
    connection, loaded = _opened(directory, spill, memory), rules()
    ((customers,),) = connection.execute("select count(*) from people").fetchall()
    # All sixty, also those that no rule names: by hand they are found too.
    write(connection, _compiled(loaded, parts=True), at, VALUES, parts=max(1, -(-customers // PART)))
    types = {name: each.type for name, each in loaded.catalogue.items()}
    judge = BulkJudge(loaded.standing, loaded.catalogue, Catalogue(types=types, currency=CURRENCY), ZONE, flips=False)
    _nobody_before(connection, at)
    judge.decide(connection, at, judge.cut_offs(connection))
    return connection


def result(connection: duckdb.DuckDBPyConnection) -> Result:
    """What was found, for comparing."""
    ranks = ", ".join(f"r.{name}" for name in RFM)
    text = f'select v.*, {ranks} from "{VALUES}" v join {RANKS} r using (customer) order by customer'
    members = connection.sql(f"select customer, kind, name from {MEMBERSHIPS}").fetchall()
    return Result(connection.sql(text).to_arrow_table().to_pylist(), frozenset(members))


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


def _nobody_before(connection: duckdb.DuckDBPyConnection, at: int) -> None:
    """As in a first evaluation: no standings, no tags by hand, and no questions to the events."""
    ranks = ", ".join(f"{name} {kind}" for name, kind in _RANKS.items())
    connection.execute(f"create temp table {PREVIOUS} (customer bigint, decided_at bigint, {ranks})")
    connection.execute(f"create temp table {PREVIOUS_GIVEN} (customer bigint, tag varchar, since bigint)")
    instants = ", ".join(f"{name} bigint" for name in ("given_at", "expires_at", "removed_at"))
    connection.execute(f"create temp table {HAND_TAGS} (customer bigint, tag varchar, {instants})")
    for statement in compile_answers((), EventCatalogue({}, {}, CURRENCY, ZONE, {}), at):
        connection.execute(statement.text)


def _opened(
    directory: Path, spill: Path, memory: str, relations: Iterable[str] = RELATIONS
) -> duckdb.DuckDBPyConnection:
    """A connection that reads the facts where they are."""
    connection = connect(spill=spill, memory=memory)
    for name in ("people", *relations):
        file = directory / f"{name}.parquet"
        connection.execute(f"create view {name} as select * from read_parquet('{file}')")
    return connection


def _compiled(loaded: Rules, asked: Iterable[str] | None = None, *, parts: bool = False) -> Statement:
    return compile_attributes(loaded.catalogue, currency=CURRENCY, names=asked, zone=ZONE, parts=parts)


def _edited(loaded: Rules) -> Rules:
    """The rules with the edited segment."""
    files = dict(loaded.files)
    text = files["segments.yaml"]
    line = next(each for each in text.splitlines() if each.startswith(f"  {EDITED}:"))
    return compile_rules({**files, "segments.yaml": text.replace(line, line.replace(BEFORE, NOW))})


def _segment(loaded: Rules) -> Condition:
    return next(each.when for each in loaded.standing.segments if each.name == EDITED)
