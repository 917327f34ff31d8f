"""Local time in SQL, by transition tables made from the pinned zone data (`engine.query.zones`).

A table of transitions is cut into pieces by buckets of about fifty days, so that the offset of an instant is found by
an equality of zone and bucket; within a bucket there are few pieces.
"""

from engine.query.dialect import Dialect

SECOND = 1_000_000
BUCKET = 2**42
"""Microseconds."""
BEGINNING, END = -3_000_000_000_000_000, 5_000_000_000_000_000
"""Instants between which there are buckets of their own (1874 to 2128); what lies outside is in the outermost."""

PIECES = '"zone_pieces"'
NOW = '"zone_now"'


def bucket(instant: str, dialect: Dialect) -> str:
    """The number of an instant's bucket."""
    inside = f"(greatest({BEGINNING}, least({instant}, {END})) - {BEGINNING})"
    return dialect.quotient(inside, str(BUCKET))


def pieces(dialect: Dialect) -> str:
    """The common table of pieces: zone, bucket, from when until when, and the seconds ahead of UTC."""
    until = 'coalesce(lead("from_at") OVER (PARTITION BY "zone" ORDER BY "from_at"), 9223372036854775807)'
    first, last = bucket('"from_at"', dialect), bucket('("until_at" - 1)', dialect)
    cut = f'SELECT "zone", "from_at", {until} AS "until_at", "offset_seconds" FROM "zone_days"'
    each = f'SELECT "zone", "from_at", "until_at", "offset_seconds", {dialect.buckets(first, last)} AS "bucket"'
    return f"{PIECES} AS ({each} FROM ({cut}) AS t)"


def now(at: str) -> str:
    """The common table of each zone's seconds ahead of UTC at one instant."""
    latest = 'max_by("offset_seconds", "from_at") AS "offset_seconds"'
    return f'{NOW} AS (SELECT "zone", {latest} FROM "zone_days" WHERE "from_at" <= {at} GROUP BY "zone")'


def joined(zone: str, instant: str, alias: str, dialect: Dialect) -> str:
    """The join that gives a row the piece its instant lies in; NULL where the zone has no table."""
    same = f'{alias}."zone" = {zone} AND {alias}."bucket" = {bucket(instant, dialect)}'
    inside = f'{alias}."from_at" <= {instant} AND {instant} < {alias}."until_at"'
    return f"LEFT JOIN {PIECES} AS {alias} ON {same} AND {inside}"


def seconds(instant: str, offset: str, dialect: Dialect) -> str:
    """Seconds that a local clock shows since 1970-01-01, whole ones."""
    return f"({dialect.floored(instant, SECOND)} + {offset})"


def day(local: str, dialect: Dialect) -> str:
    """Days since 1970-01-01 from the seconds of a local clock."""
    return dialect.floored(local, 86_400)


def hour(local: str, dialect: Dialect) -> str:
    """The hour, 0 to 23, from the seconds of a local clock."""
    return dialect.quotient(dialect.rest(local, 86_400), "3600")


def weekday(local: str, dialect: Dialect) -> str:
    """The weekday, 1 (Monday) to 7, from the seconds of a local clock: 1970-01-01 was a Thursday."""
    return f"({dialect.rest(f'({day(local, dialect)} + 3)', 7)} + 1)"
