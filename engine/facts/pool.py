"""Connections to the facts' database, each bound to one schema by its search path."""

from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

# Every statement of events finds a few rows by their keys, whatever these are: to plan it anew each time costs more,
# and a plan from when a table was small, which reads all of it, would hold while the table grows.
_SETTINGS = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}
_BY_KEYS = "".join(f" -c {name}={value}" for name, value in _SETTINGS.items())
_SET = "select " + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in _SETTINGS.items())


def connect(url: str, schema: str = "public", *, by_keys: bool = False) -> psycopg.Connection[Any]:
    """One connection; the caller commits.

    Args:
        url: of the database.
        schema: the one that has the tables.
        by_keys: it is for events, whose statements are planned once for all values, and by keys.
    """
    return psycopg.connect(url, options=_options(schema, by_keys=by_keys))


def plan_by_keys(connection: psycopg.Connection[Any]) -> None:
    """Has the statements of the present transaction planned as by a connection `by_keys`."""
    connection.execute(_SET)


def open_pool(url: str, schema: str = "public", size: int = 10, *, by_keys: bool = False) -> ConnectionPool:
    """A pool of at most `size` connections; close it when done. `by_keys`: as of `connect`.

    Each is tried before it is given out: after a restart of the database no work fails for a connection of before.
    """
    return ConnectionPool(
        url,
        min_size=1,
        max_size=size,
        kwargs={"options": _options(schema, by_keys=by_keys)},
        check=ConnectionPool.check_connection,
        open=True,
    )


def _options(schema: str, *, by_keys: bool) -> str:
    return f"-c search_path={schema} -c timezone=UTC{_BY_KEYS if by_keys else ''}"
