"""Rows given to a statement as one JSON parameter, which `jsonb_to_recordset` reads: see `rows_of`."""

import json
from collections.abc import Iterable, Mapping
from datetime import date

from psycopg.types.json import Json, Jsonb

Row = Mapping[str, object]
Statement = tuple[str, Mapping[str, object]]
"""SQL and its parameters."""


def rows_of(rows: Iterable[Row]) -> str:
    """Rows as the text of one parameter, which costs a driver less than an array of each column.

    Instants are written by ISO 8601, values of JSON as such.
    """
    return _ENCODER.encode(list(rows))


def _plain(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Json | Jsonb):
        return value.obj
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


_ENCODER = json.JSONEncoder(default=_plain, ensure_ascii=False, separators=(",", ":"))
