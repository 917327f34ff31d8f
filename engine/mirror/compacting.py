"""Many parts made fewer: the newest rows are written anew from the files, and PostgreSQL is not asked."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import duckdb

from engine.mirror.errors import told_of_disks
from engine.mirror.layout import STORED
from engine.mirror.manifest import File, Manifest, Part, describe_file
from engine.mirror.reading import PARQUET
from engine.mirror.views import create_views
from engine.mirror.writing import Place, Range, new_directory
from engine.query import sql

_SHARE = 0.2
"""From this share of the base's customers on, what changed is worked into the base."""
_PARTS = 12
"""From this many parts beside the base on, they become one."""


def compacted(place: Place, manifest: Manifest) -> Manifest:
    """The manifest with fewer parts, if there are too many beside the base; else as it is.

    Args:
        place: where; what its connection reads is not asked.
        manifest: with the parts of this refresh.
    """
    deltas = [part for part in manifest.parts if not part.is_base]
    changed = sum(part.customers for part in deltas)
    if changed > _SHARE * max(1, manifest.customers(base=True)):
        create_views(place.duck, place.directory, manifest)
        return replace(manifest, parts=tuple(_base_anew(place, manifest.generation)))
    if len(deltas) > _PARTS:
        create_views(place.duck, place.directory, manifest)
        base = [part for part in manifest.parts if part.is_base]
        return replace(manifest, parts=(*base, *_merged(place, manifest.generation)))
    return manifest


def _base_anew(place: Place, generation: int) -> Iterator[Part]:
    target = new_directory(place.directory, "base", generation)
    spans = _spans(place.duck, "people", place.part_customers)
    for number, span in enumerate(spans):
        files = _written(place, target, number, f"customer {span.where}")
        yield Part(generation, span.customers, files, span.low, span.high)
        place.tell("compact", number + 1, len(spans))


def _merged(place: Place, generation: int) -> Iterator[Part]:
    """Customers whose newest rows are in a part of the base that was built again are there, and need no other."""
    target = new_directory(place.directory, "delta", generation)
    newest = '(select customer from "mirror"."newest")'
    spans = _spans(place.duck, newest, place.part_customers)
    for number, span in enumerate(spans):
        files = _written(place, target, number, f"customer in {newest} and customer {span.where}")
        superseded = target / f"superseded-{number:04d}.parquet"
        _write(place, f"select customer from {newest} where customer {span.where}", superseded)  # noqa: S608 -- our own names
        yield Part(generation, span.customers, files, superseded=describe_file(place.directory, superseded))
        place.tell("compact", number + 1, len(spans))


def _spans(duck: duckdb.DuckDBPyConnection, of: str, most: int) -> list[Range]:
    found = duck.execute(
        "select min(customer), count(*)"  # noqa: S608 -- our own names
        " from (select customer, (row_number() over (order by customer) - 1) // $1 as part"
        f" from {of}) group by part order by part",
        [most],
    ).fetchall()
    lows = [None, *(low for low, _ in found[1:]), None]
    counts = [count for _, count in found] or [0]
    return [Range(low, high, count) for (low, high), count in zip(pairwise(lows), counts, strict=True)]


def _written(place: Place, target: Path, number: int, where: str) -> dict[str, File]:
    files = {}
    for name in STORED:
        shown = '"mirror"."people"' if name == "people" else sql.name(name)
        path = target / f"{name}-{number:04d}.parquet"
        if _write(place, f"select * from {shown} where {where}", path):  # noqa: S608 -- our own names
            files[name] = describe_file(place.directory, path)
        else:
            path.unlink(missing_ok=True)
    return files


def _write(place: Place, query: str, path: Path) -> int:
    """Rows that were written, in the order of customers."""
    with told_of_disks(place.directory):
        row = place.duck.execute(f"copy ({query} order by customer) to {sql.text(str(path))} ({PARQUET})").fetchone()
    return int(row[0]) if row else 0
