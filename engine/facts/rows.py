"""Values given to a statement as one parameter, which costs a driver less than an array of each column."""

import json
from collections.abc import Iterable, Mapping
from datetime import date

import orjson
from psycopg.types.json import Json, Jsonb

Row = Mapping[str, object]
Statement = tuple[str, Mapping[str, object]]
"""SQL and its parameters."""


def rows_of(rows: Iterable[Row]) -> str:
    """Rows as JSON, for `jsonb_to_recordset`. Instants are written by ISO 8601, values of JSON as such.

    Raises:
        TypeError: a value of another kind.
    """
    listed = list(rows)
    try:
        return orjson.dumps(listed, default=_plain).decode()
    except TypeError:  # also of a whole number beyond 64 bits, which JSON may have
        return _ENCODER.encode(listed)


def ids_of(ids: Iterable[object]) -> str:
    """Whole numbers as `bigint[]`."""
    return f"{{{','.join(map(str, ids))}}}"


def _plain(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Json | Jsonb):
        return value.obj
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


_ENCODER = json.JSONEncoder(default=_plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
