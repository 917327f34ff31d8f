"""The mirror in DuckDB: one view for each relation, which shows every customer's newest rows."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from engine.facts.read import usable_zone
from engine.mirror.layout import DERIVED, STORED, columns_of
from engine.mirror.manifest import File, Manifest, Part
from engine.mirror.reading import no_rows, plain
from engine.query import sql

_NEWEST = '"mirror"."newest"'
_PERIODS = '"mirror"."periods"'
_ZONES = '"mirror"."zones"'
_PEOPLE = '"mirror"."people"'
# The purchases within each period, as `engine.attributes.relations` declares them: placed, paid and cancelled of each.
_DERIVED = f"""
select c.customer, p.ends_at as "@at", p.key as "@key", p.key as "campaign", p.starts_at as "starts_at",
       b.purchases as "purchases"
  from {_PEOPLE} c cross join {_PERIODS} p
  left join (
       select o.customer, d.key, list([o."@at", o."paid_at", o."cancelled_at"]) as purchases
         from "orders" o join {_PERIODS} d on o."@at" >= d.starts_at and o."@at" < d.ends_at
        where o."closed" is null and o."paid_at" is not null
        group by o.customer, d.key) b on b.customer = c.customer and b.key = p.key
"""  # noqa: S608 -- our own names
_PEOPLE_SHOWN = f"""
select p.customer, coalesce(own.zone, shop.zone, '') as "zone", p.fact_version, p."key"
  from {_PEOPLE} p left join {_ZONES} own on own.zone = p.zone left join {_ZONES} shop on shop.zone = p.shop_zone
"""  # noqa: S608 -- our own names


def create_views(duck: duckdb.DuckDBPyConnection, directory: Path, manifest: Manifest) -> None:
    """Makes the views of a manifest in the connection's present schema, and what they need in the schema `mirror`.

    Args:
        duck: the connection; views of a manifest of before are replaced.
        directory: the mirror's.
        manifest: whose files are shown.
    """
    duck.execute('create schema if not exists "mirror"')
    duck.execute(f"create or replace table {_NEWEST} as {_newest(directory, manifest)}")
    for name in STORED:
        shown = _PEOPLE if name == "people" else sql.name(name)
        duck.execute(f"create or replace view {shown} as {_rows(directory, manifest, name)}")
    duck.execute(f"create or replace table {_PERIODS} (key varchar, starts_at bigint, ends_at bigint)")
    if manifest.periods:
        duck.executemany(f"insert into {_PERIODS} values (?, ?, ?)", [list(each) for each in manifest.periods])  # noqa: S608 -- our own names
    _show_people(duck)
    types = "".join(
        f", {sql.name(name)}::{kind} as {sql.name(name)}" for name, kind in columns_of(DERIVED) if name != "purchases"
    )
    duck.execute(
        f"create or replace view {sql.name(DERIVED)} as select customer{types}, purchases::bigint[][] as purchases"  # noqa: S608 -- our own names
        f" from ({_DERIVED})"
    )


def _show_people(duck: duckdb.DuckDBPyConnection) -> None:
    """Which zones exist is for this process's tzdata to say, so it is asked for each of the few names."""
    names = duck.execute(
        f"select zone from {_PEOPLE} where zone is not null"  # noqa: S608 -- our own names
        f" union select shop_zone from {_PEOPLE} where shop_zone is not null"
    ).fetchall()
    usable = [[name] for (name,) in names if usable_zone(name, otherwise="")]
    duck.execute(f"create or replace table {_ZONES} (zone varchar)")
    if usable:
        duck.executemany(f"insert into {_ZONES} values (?)", usable)  # noqa: S608 -- our own names
    duck.execute(f"create or replace view people as {_PEOPLE_SHOWN}")


def _newest(directory: Path, manifest: Manifest) -> str:
    """The generation that counts of each customer who is in more than one; of a part built again, that one's."""
    deltas = [part for part in manifest.parts if part.superseded is not None]
    if not deltas:
        return "select 0::bigint as customer, 0::integer as generation where false"
    listed = " union all ".join(
        f"select customer, {part.generation} as generation from {_files(directory, [part.superseded])}"  # noqa: S608 -- our own names
        for part in deltas
        if part.superseded is not None
    )
    again = [
        part for part in manifest.parts if part.is_base and part.generation > min(each.generation for each in deltas)
    ]
    built = "".join(
        f" union all select customer, {part.generation} from listed where {_within(part)}"  # noqa: S608 -- our own names
        for part in again
    )
    return (
        f"with listed as ({listed}) select customer, max(generation)::integer as generation"  # noqa: S608 -- our own names
        f" from (select * from listed{built}) group by customer"
    )


def _within(part: Part) -> str:
    limits = []
    if part.low is not None:
        limits.append(f"customer >= {part.low}")
    if part.high is not None:
        limits.append(f"customer < {part.high}")
    return " and ".join(limits) or "true"


def _rows(directory: Path, manifest: Manifest, name: str) -> str:
    """A stored relation's rows: of each generation those that no later one supersedes."""
    columns = ["customer", *(sql.name(each) for each, _ in STORED[name].columns)]
    files = files_by_generation(manifest, name)
    if not files:
        return no_rows(STORED[name])
    newest = max((part.generation for part in manifest.parts), default=0)
    chosen = ", ".join(columns)
    return " union all ".join(
        f"select {chosen} from {_files(directory, each)} r{_not_superseded(generation, newest)}"  # noqa: S608 -- our own names
        for generation, each in files.items()
    )


def _not_superseded(generation: int, newest: int) -> str:
    if generation == newest:
        return ""
    return (
        f" where not exists (select 1 from {_NEWEST} n"  # noqa: S608 -- our own names
        f" where n.customer = r.customer and n.generation > {generation})"
    )


def files_by_generation(manifest: Manifest, name: str) -> Mapping[int, list[File]]:
    """The files that have a relation's rows."""
    found: dict[int, list[File]] = {}
    for part in manifest.parts:
        if name in part.files:
            found.setdefault(part.generation, []).append(part.files[name])
    return found


def _files(directory: Path, files: Iterable[File | None]) -> str:
    paths = ", ".join(sql.text(plain(directory / file.path)) for file in files if file is not None)
    return f"read_parquet([{paths}])"
