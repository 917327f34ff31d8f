"""The query held to the fold for people of the public data: all attributes, as of several instants."""

import pickle
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import duckdb
import psycopg

from engine.attributes.definition import AttributeDefinition
from engine.attributes.facts import CustomerFacts
from engine.attributes.fold import compile_fold
from engine.conditions.operands import microseconds
from engine.facts.read import read_customers
from engine.language.rules import Rules
from engine.query.attributes import Statement, compile_attributes
from engine.query.run import connect, write
from engine.standing.flip import Flips
from tests.query.loading import append, differences, load, values_of

CURRENCY, ZONE = "BRL", "America/Sao_Paulo"
INSTANTS = {
    "2017-06-01T00:00Z": datetime(2017, 6, 1, tzinfo=UTC),
    "2018-03-25T02:30Z": datetime(2018, 3, 25, 2, 30, tzinfo=UTC),
    "2018-09-01T00:00Z": datetime(2018, 9, 1, tzinfo=UTC),
}
_CHUNK = 2_000


@dataclass
class Compared:
    """What a comparison found, and its seconds: of the fold and of the query, for all instants together."""

    people: int
    attributes: int
    fold: float = 0.0
    query: float = 0.0
    differences: list[str] = field(default_factory=list)


def attributes(rules: Rules) -> dict[str, AttributeDefinition]:
    """Every attribute of the rules, and the companions that next flips need."""
    return {**rules.catalogue, **Flips(rules.standing, rules.catalogue).companions}


def compare(database: str, rules: Rules, folder: Path, ids: Sequence[int] | None = None) -> Compared:
    """Evaluates people both ways.

    Args:
        database: the database with the facts.
        rules: the rules whose attributes are compared.
        folder: an empty folder for what is written meanwhile.
        ids: our numbers of the customers; default: all.
    """
    named = attributes(rules)
    with psycopg.connect(database) as source, connect(folder / "facts.duckdb", spill=folder / "spill") as bulk:
        chosen = ids or [number for (number,) in source.execute("select id from customers order by id")]
        compared = Compared(len(chosen), len(named))
        with (folder / "fold.pickle").open("w+b") as kept:
            _fold(source, bulk, named, rules, chosen, kept, compared)
            _query(bulk, named, rules, compared, kept)
    return compared


def _fold(
    source: psycopg.Connection[Any],
    bulk: duckdb.DuckDBPyConnection,
    named: Mapping[str, AttributeDefinition],
    rules: Rules,
    ids: Sequence[int],
    kept: IO[bytes],
    compared: Compared,
) -> None:
    """Reads people a chunk at a time, puts them into the tables, and keeps what the fold gives for each instant."""
    fold = compile_fold(named, currency=CURRENCY, words=rules.words)
    load(bulk, [], otherwise=ZONE)
    for start in range(0, len(ids), _CHUNK):
        people: list[CustomerFacts] = read_customers(
            source, ids[start : start + _CHUNK], relations=fold.reads, zone=ZONE
        )
        append(bulk, people, otherwise=ZONE)
        began = time.perf_counter()
        given = {at: {each.customer_id: fold(each, at) for each in people} for at in INSTANTS.values()}
        compared.fold += time.perf_counter() - began
        pickle.dump(given, kept)


def _query(
    bulk: duckdb.DuckDBPyConnection,
    named: Mapping[str, AttributeDefinition],
    rules: Rules,
    compared: Compared,
    kept: IO[bytes],
) -> None:
    statement = compile_attributes(named, currency=CURRENCY, words=rules.words, zone=ZONE)
    for place, at in enumerate(INSTANTS.values()):
        began = time.perf_counter()
        number = write(bulk, statement, microseconds(at), f"found{place}")
        compared.query += time.perf_counter() - began
        assert number == compared.people
    for given in _chunks(kept):
        for place, at in enumerate(INSTANTS.values()):
            compared.differences += differences(_found(bulk, statement, place, given[at]), given[at])


def _chunks(kept: IO[bytes]) -> Iterator[dict[datetime, dict[int, dict[str, Any]]]]:
    kept.seek(0)
    while True:
        try:
            yield pickle.load(kept)
        except EOFError:
            return


def _found(
    bulk: duckdb.DuckDBPyConnection, statement: Statement, place: int, of: Mapping[int, Any]
) -> dict[int, dict[str, Any]]:
    table = bulk.sql(f"SELECT * FROM found{place} WHERE customer IN (SELECT unnest(?))", params=[list(of)])
    return values_of(table.to_arrow_table(), statement)
