"""Everyone's standing in the database: what was decided before, what is decided now, and its history."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from engine.conditions.operands import instant, microseconds
from engine.conditions.types import Value
from engine.facts.rows import Statement, rows_of
from engine.standing.cut_offs import CutOffs
from engine.standing.decide import STANDING_TYPES, Change, HandTag, Standing

Connection = psycopg.Connection[Any]
STALE = -1
"""A fact version that says: facts came by an import, without an event."""

COLUMNS = (
    "customer_id", "tags", "segments", "stage", "tier", "rfm_group", "rfm_recency", "rfm_frequency", "rfm_monetary",
    "given", "version", "tier_ends_at", "cut_offs_id", "fact_version", "evaluated_at", "next_flip",
    "flips",
)  # fmt: skip
_LIST = ", ".join(COLUMNS)
_UPDATE = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])
_UPSERT = f"""
insert into standings ({_LIST})
select {_LIST}
  from jsonb_to_recordset(%(rows)s::jsonb)
       as t (customer_id bigint, tags text[], segments text[], stage text, tier text, rfm_group text, rfm_recency int,
             rfm_frequency int, rfm_monetary int, given jsonb, version text, tier_ends_at timestamptz,
             cut_offs_id bigint, fact_version bigint, evaluated_at timestamptz, next_flip timestamptz, flips jsonb)
on conflict (customer_id) do update set {_UPDATE}
"""  # noqa: S608 -- our own columns
_MERGE = f"insert into standings ({_LIST}) select {_LIST} from new_standings on conflict (customer_id) do update set {_UPDATE}"  # noqa: S608, E501 -- our own columns
_OF_CHANGE = (
    "customer_id", "kind", "from", "to", "at", "cause", "event_id", "version", "cut_offs_id", "evidence", "recorded_at",
)  # fmt: skip
_CHANGE_COLUMNS = ", ".join(f'"{name}"' for name in _OF_CHANGE)
_ADD_CHANGES = f"""
insert into standing_changes ({_CHANGE_COLUMNS})
select t.*, %(recorded)s::timestamptz
  from jsonb_to_recordset(%(rows)s::jsonb)
       as t (customer_id bigint, kind text, "from" text, "to" text, at timestamptz, cause text, event_id bigint,
             version text, cut_offs_id bigint, evidence jsonb)
"""  # noqa: S608 -- our own columns


@dataclass(frozen=True, slots=True)
class Kept:
    """A customer's standing as it is stored, and what it was decided with."""

    standing: Standing
    version: str
    cut_offs_id: int | None
    fact_version: int
    next_flip: int | None
    flips: Mapping[str, int] | None = None
    """The next flip by what it follows from, see `Flips.by_source`; None: nobody knows."""


class Noted(NamedTuple):
    """One change as it goes into the history."""

    customer_id: int
    change: Change
    at: datetime
    cause: str
    version: str
    cut_offs_id: int | None = None
    event_id: int | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """Published cut-offs and their number."""

    id: int
    values: CutOffs
    digests: Mapping[str, str]
    """Of the parts of the rules they belong to: `tier` and `rfm`."""


def read_standings(connection: Connection, ids: Collection[int]) -> dict[int, Kept]:
    """The stored standing of each of these customers that has one."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(f"select {_LIST} from standings where customer_id = any(%s)", (list(ids),))  # noqa: S608 -- our own columns
        return {row["customer_id"]: kept_of(row) for row in rows}


def row_versions(connection: Connection, ids: Collection[int]) -> dict[int, int]:
    """What tells each of these customers' stored standing from an earlier and a later one, where there is one."""
    query = "select customer_id, xmin::text::bigint from standings where customer_id = any(%s)"
    return dict(connection.execute(query, (list(ids),)).fetchall())


def kept_of(row: Mapping[str, Any]) -> Kept:
    """A stored standing, from a row of all its `COLUMNS`."""
    standing = Standing(
        tags=frozenset(row["tags"]),
        segments=frozenset(row["segments"]),
        stage=row["stage"],
        tier=row["tier"],
        rfm_group=row["rfm_group"],
        rfm_recency=row["rfm_recency"],
        rfm_frequency=row["rfm_frequency"],
        rfm_monetary=row["rfm_monetary"],
        given={name: microseconds(datetime.fromisoformat(at)) for name, at in row["given"].items()},
        tier_ends_at=_micro(row["tier_ends_at"]),
        at=microseconds(row["evaluated_at"]),
    )
    version, cut_offs, flip = row["version"], row["cut_offs_id"], _micro(row["next_flip"])
    found = row["flips"]
    # Whoever writes a standing and knows nothing of flips leaves those of before, which are none of this one.
    own = found is not None and found["by"] == _found_by(standing.at, version, cut_offs)
    return Kept(standing, version, cut_offs, row["fact_version"], flip, found["of"] if own else None)


def _found_by(at: int, version: str, cut_offs: int | None) -> list[object]:
    return [at, version, cut_offs]


def read_hand_tags(connection: Connection, ids: Collection[int]) -> dict[int, list[HandTag]]:
    """All hand tags of each of these customers that has any, past ones too."""
    found: dict[int, list[HandTag]] = {}
    rows = connection.execute(
        "select customer_id, tag, at, expires_at, removed_at from hand_tags where customer_id = any(%s) order by id",
        (list(ids),),
    )
    for customer, tag, at, expires, removed in rows:
        found.setdefault(customer, []).append(HandTag(tag, microseconds(at), _micro(expires), _micro(removed)))
    return found


def storing_few(standings: Iterable[tuple[int, Kept]]) -> Statement:
    """What stores the standings of a few customers; the caller holds the customers' locks and commits."""
    rows = (dict(zip(COLUMNS, _row(customer_id, kept), strict=True)) for customer_id, kept in standings)
    return _UPSERT, {"rows": rows_of(rows)}


def write_standings(connection: Connection, standings: Iterable[tuple[int, Kept]]) -> None:
    """Stores many by COPY and one statement; the caller holds the customers' locks and commits."""
    connection.execute(
        f"create temporary table if not exists new_standings on commit delete rows as select {_LIST} from standings with no data"  # noqa: S608, E501 -- our own columns
    )
    with connection.cursor() as cursor, cursor.copy(f"copy new_standings ({_LIST}) from stdin") as copy:
        for customer_id, kept in standings:
            copy.write_row(_row(customer_id, kept))
    connection.execute(_MERGE)
    connection.execute("truncate new_standings")


def write_changes(connection: Connection, changes: Sequence[Noted], recorded_at: datetime) -> None:
    """Adds changes to the history by COPY."""
    if not changes:
        return
    with connection.cursor() as cursor, cursor.copy(f"copy standing_changes ({_CHANGE_COLUMNS}) from stdin") as copy:
        for each in changes:
            *noted, evidence = _change(each)
            copy.write_row((*noted, None if evidence is None else Jsonb(evidence), recorded_at))


def adding_few(changes: Iterable[Noted], recorded_at: datetime) -> Statement:
    """What adds a few changes to the history."""
    rows = (dict(zip(_OF_CHANGE, _change(each), strict=False)) for each in changes)
    return _ADD_CHANGES, {"rows": rows_of(rows), "recorded": recorded_at}


def _change(each: Noted) -> tuple[object, ...]:
    """The columns but the last one."""
    change = each.change
    noted = (each.customer_id, change.kind, change.before, change.after, each.at, each.cause, each.event_id)
    return (*noted, each.version, each.cut_offs_id, _evidence(change))


def publish_cut_offs(
    connection: Connection, version: str, as_of: datetime, values: CutOffs, digests: Mapping[str, str]
) -> Published:
    """Publishes cut-offs under the rules' version; the caller commits."""
    kept = {name: digests[name] for name in ("tier", "rfm") if name in digests}
    row = connection.execute(
        'insert into cut_offs (version, as_of, "values") values (%s, %s, %s) returning id',
        (version, as_of, Jsonb({**values.to_json(), "digests": kept})),
    ).fetchone()
    assert row is not None
    return Published(row[0], values, kept)


def cut_offs_of(connection: Connection, number: int, digests: Mapping[str, str]) -> Published:
    """Published cut-offs by their number, which are of these digests."""
    row = connection.execute('select "values" from cut_offs where id = %s', (number,)).fetchone()
    assert row is not None  # published cut-offs stay
    return Published(number, CutOffs.from_json(row[0]), _of_both(digests))


def _of_both(digests: Mapping[str, str]) -> dict[str, str]:
    return {name: digests[name] for name in ("tier", "rfm") if name in digests}


def published_cut_offs(connection: Connection, digests: Mapping[str, str]) -> Published | None:
    """The latest cut-offs of the same tiers and RFM, whichever version of the rules they were published under."""
    wanted = {name: digests[name] for name in ("tier", "rfm") if name in digests}
    row = connection.execute(
        'select id, "values" from cut_offs where "values" -> \'digests\' = %s order by id desc limit 1',
        (Jsonb(wanted),),
    ).fetchone()
    return None if row is None else Published(row[0], CutOffs.from_json(row[1]), wanted)


def standing_as_of(connection: Connection, customer_id: int, at: datetime) -> dict[str, Value]:
    """What conditions may name of a customer's standing (`tags`, `stage`, ...) as of an instant, from its history.

    Scores are not in the history: of a past instant they are those of now. A customer never evaluated has no standing.
    """
    kept = read_standings(connection, [customer_id]).get(customer_id)
    if kept is None:
        return {name: frozenset() if kind == "set" else None for name, kind in STANDING_TYPES.items()}
    standing = kept.standing
    later = connection.execute(
        'select kind, "from", "to" from standing_changes where customer_id = %s and at > %s order by at desc, id desc',
        (customer_id, at),
    )
    for kind, before, after in later:
        standing = _undone(standing, kind, before, after)
    return {name: getattr(standing, name) for name in STANDING_TYPES}


def _undone(standing: Standing, kind: str, before: str | None, after: str | None) -> Standing:
    match kind:
        case "tag":
            return standing._replace(tags=_swapped(standing.tags, after, before))
        case "segment":
            return standing._replace(segments=_swapped(standing.segments, after, before))
        case "stage":
            return standing._replace(stage=before)
        case "tier":
            return standing._replace(tier=before)
        case _:
            return standing._replace(rfm_group=before)


def _swapped(names: frozenset[str], out: str | None, back: str | None) -> frozenset[str]:
    return frozenset({*(names - {out}), *({back} if back else ())})


def _row(customer_id: int, kept: Kept) -> tuple[object, ...]:
    standing = kept.standing
    given = {name: instant(at).isoformat() for name, at in standing.given.items()}
    return (
        customer_id,
        sorted(standing.tags),
        sorted(standing.segments),
        standing.stage,
        standing.tier,
        standing.rfm_group,
        standing.rfm_recency,
        standing.rfm_frequency,
        standing.rfm_monetary,
        Jsonb(given),
        kept.version,
        _instant(standing.tier_ends_at),
        kept.cut_offs_id,
        kept.fact_version,
        instant(standing.at),
        _instant(kept.next_flip),
        None
        if kept.flips is None
        else Jsonb({"by": _found_by(standing.at, kept.version, kept.cut_offs_id), "of": kept.flips}),
    )


def _evidence(change: Change) -> dict[str, object] | None:
    told: dict[str, object] = {name: True for name in ("rises", "unexpected") if getattr(change, name)}
    if change.evidence:
        told["values"] = change.evidence
    return told or None


def _instant(at: int | None) -> datetime | None:
    return None if at is None else instant(at)


def _micro(at: datetime | None) -> int | None:
    return None if at is None else microseconds(at)
