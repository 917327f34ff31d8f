"""Connections to the facts' database, each bound to one schema by its search path."""

from typing import Any

import psycopg
from psycopg_pool import ConnectionPool


def connect(url: str, schema: str = "public") -> psycopg.Connection[Any]:
    """One connection; the caller commits."""
    return psycopg.connect(url, options=_search_path(schema))


def open_pool(url: str, schema: str = "public", size: int = 10) -> ConnectionPool:
    """A pool of at most `size` connections; close it when done.

    Each is tried before it is given out: after a restart of the database no work fails for a connection of before.
    """
    return ConnectionPool(
        url,
        min_size=1,
        max_size=size,
        kwargs={"options": _search_path(schema)},
        check=ConnectionPool.check_connection,
        open=True,
    )


def _search_path(schema: str) -> str:
    return f"-c search_path={schema} -c timezone=UTC"
